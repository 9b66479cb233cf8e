#include "bench/measure/peer_group.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <unistd.h>

#include <thread>

#include "bench/measure/affinity.hpp"
#include "bench/measure/hosts.hpp"
#include "bench/measure/peer_assets.hpp"
#include "bench/measure/run_command.hpp"
#include "comm/transports/mpi/transport.hpp"
#include "convoy/core/error.hpp"
#include "convoy/core/file.hpp"
#include "launch/worker_environment.hpp"

namespace convoy::bench {
namespace {

namespace fs = std::filesystem;
constexpr std::chrono::seconds to_come{120};  // Python takes a while for torch, the first time
constexpr std::chrono::seconds to_end{5};

std::string core_list(const cpu_set_t& cores) {
  std::vector<int> list;
  for (int core = 0; core < CPU_SETSIZE; ++core)
    if (CPU_ISSET(core, &cores)) list.push_back(core);
  return fmt::format("{}", fmt::join(list, ","));
}

// How mpirun gets to another host: called with the host's address and a command for its shell. Each
// needs a name and a folder for temporary files of its own, as hosts have.
std::string write_agent(const PeerSetup& setup) {
  const fs::path file = setup.folder / "to-host";
  write_file_atomically(file, fmt::format("#!/bin/sh\n"
                                          "host=$1; shift\n"
                                          "number=$((${{host##*.}} - 1))\n"
                                          "mkdir -p {1}/host-$number\n"
                                          "TMPDIR={1}/host-$number; export TMPDIR\n"
                                          "exec ip netns exec {0}-$number unshare --uts "
                                          "sh -c \"hostname host-$number; $*\"\n",
                                          setup.hosts, setup.folder.string()));
  fs::permissions(file, fs::perms::owner_all);
  return file.string();
}

// Peers bind themselves.
std::vector<std::string> mpirun_words(const PeerSetup& setup) {
  std::vector<std::string> words = {"mpirun"};
  if (::geteuid() == 0) words.emplace_back("--allow-run-as-root");
  for (const char* word : {"--oversubscribe", "--bind-to", "none", "-n"}) words.emplace_back(word);
  words.push_back(std::to_string(setup.seat.size));
  if (setup.hosts.empty()) return words;
  std::vector<std::string> hosts;
  for (int host = 0; host < setup.seat.size; ++host) hosts.push_back(host_address(host) + ":1");
  for (const std::string& word :
       {std::string("--host"), fmt::format("{}", fmt::join(hosts, ",")), std::string("--mca"),
        std::string("plm_rsh_agent"), write_agent(setup), std::string("--mca"),
        std::string("plm_rsh_no_tree_spawn"), std::string("1"), std::string("--mca"),
        std::string("oob_tcp_if_include"), std::string(Hosts::interface)})
    words.push_back(word);
  return words;
}

}  // namespace

PeerGroup::~PeerGroup() {
  channel_.reset();
  if (!process_) return;
  const auto deadline = std::chrono::steady_clock::now() + to_end;
  while (!process_->reap() && process_->running() && std::chrono::steady_clock::now() < deadline)
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
}

class PeerStarter {
 public:
  PeerStarter(const PeerSetup& setup, std::string group)
      : setup_(setup),
        group_(std::move(group)),
        failed_(setup.folder / (group_ + ".failed")),
        listener_(path()) {
    setup_.control->barrier();  // now all peers can come
  }

  fs::path path() const { return peer_path(setup_.folder, group_, setup_.seat.rank); }

  void start(const std::vector<std::string>& words) {
    const std::string program = find_program(words[0]);
    if (program.empty()) return fail(fmt::format("there is no {}", words[0]));
    const Unbound unbound(setup_.cores);
    result_.process_ =
        std::make_unique<WorkerProcess>(WorkerCommand{program, words, inherited_environment()});
  }

  void fail(const std::string& why) {
    result_.missing = why;
    write_file_atomically(failed_, why);  // those that wait for a peer of theirs see it
  }

  // What all agree on.
  PeerGroup finish() {
    if (result_.missing.empty())
      result_.channel_ = listener_.accept(to_come, [this] { return hopeless(); });
    const auto hello = result_.channel_ ? result_.channel_->receive() : std::nullopt;
    if (hello) {
      result_.version = *hello;
    } else if (result_.missing.empty()) {
      result_.missing = fs::exists(failed_) ? read_text_file(failed_) : "it did not come in time";
    }
    for (const std::string& why : setup_.control->all_gather(result_.missing))
      if (result_.missing.empty()) result_.missing = why;
    if (!result_.missing.empty()) result_.channel_.reset();
    return std::move(result_);
  }

 private:
  bool hopeless() {
    if (fs::exists(failed_)) return true;
    if (!result_.process_ || !result_.process_->reap()) return false;
    std::string last;
    for (const std::string& line : result_.process_->err.drain())
      if (!line.empty()) last = line;
    fail(last.empty() ? fmt::format("it ended with {}", result_.process_->ending()->shell_status())
                      : last);
    return true;
  }

  const PeerSetup& setup_;
  std::string group_;
  fs::path failed_;
  PeerListener listener_;
  PeerGroup result_;
};

PeerGroup start_gloo_peers(const PeerSetup& setup) {
  PeerStarter starter(setup, "gloo");
  const fs::path script = setup.folder / fmt::format("gloo_peer.{}.py", setup.seat.rank);
  write_file_atomically(script, std::string(gloo_peer_script));
  starter.start({setup.python, script.string(), starter.path().string(),
                 (setup.folder / "gloo-store").string(), std::to_string(setup.seat.rank),
                 std::to_string(setup.seat.size), setup.hosts.empty() ? "lo" : Hosts::interface,
                 core_list(setup.cores)});
  return starter.finish();
}

PeerGroup start_mpi_peers(const PeerSetup& setup, const std::string& group,
                          const std::vector<std::string>& arguments) {
  PeerStarter starter(setup, group);
  if (!mpi_available()) {
    starter.fail("this Convoy was built without MPI");
  } else if (setup.seat.rank == 0) {
    std::vector<std::string> words = mpirun_words(setup);
    words.insert(words.end(), arguments.begin(), arguments.end());
    for (const std::string& word :
         {setup.program, std::string("bench"), std::string("comm"), std::string("--peer"),
          setup.folder.string(), std::string("--peer-group"), group})
      words.push_back(word);
    starter.start(words);
  }
  return starter.finish();
}

}  // namespace convoy::bench
