#include <fmt/format.h>
#include <fmt/ranges.h>

#include "bench/measure/comm_report.hpp"
#include "bench/measure/comm_starter.hpp"
#include "bench/measure/comm_table.hpp"
#include "bench/measure/hosts.hpp"
#include "bench/measure/peer_program.hpp"
#include "cli/verbs.hpp"
#include "convoy/core/error.hpp"

namespace convoy::cli {
namespace {

namespace fs = std::filesystem;

struct BenchArguments {
  bench::CommOptions comm;
  std::vector<int> workers = {2};
  std::vector<std::string> links = {"loopback"};
  fs::path out;
  bool add = false;
  // Of the processes that are started:
  fs::path worker, peer;
  std::string hosts, peer_group;
};

std::string command_of(const BenchArguments& options) {
  const bench::CommOptions& comm = options.comm;
  return fmt::format(
      "convoy bench comm --workers {} --links {} --transports {} --peers {} --from {} --to {} "
      "--seconds {}",
      fmt::join(options.workers, ","), fmt::join(options.links, ","),
      fmt::join(comm.transports, ","), fmt::join(comm.peers, ","), comm.from, comm.to,
      comm.seconds);
}

// Every number of workers over every link; what this machine cannot have is left out.
bench::CommReport measure(const BenchArguments& options) {
  bench::CommReport report;
  bench::CommOptions comm = options.comm;
  for (const std::string& link : options.links) {
    comm.link = bench::parse_link(link);
    for (const int workers : options.workers) {
      try {
        report.results.push_back(bench::start_comm(workers, comm));
      } catch (const bench::NoHosts& problem) {
        report.notes.push_back(fmt::format("Not measured: {}, because {}.",
                                           bench::link_text(comm.link), problem.what()));
        fmt::print("{}\n", report.notes.back());
        break;
      }
      fmt::print("{}{}", report.results.size() > 1 ? "\n" : "",
                 bench::terminal_text(report.results.back()));
      std::fflush(stdout);
    }
  }
  bench::sign(report.results, command_of(options));
  return report;
}

void comm(BenchArguments& options) {
  if (options.comm.to < options.comm.from || options.comm.from < 4)
    throw InputError("bench comm: --from must be at least 4 bytes and not above --to");
  options.comm.program = own_program();
  for (const std::string& link : options.links) options.comm.link = bench::parse_link(link);
  if (!options.peer.empty()) return bench::run_mpi_peer(options.peer, options.peer_group);
  if (!options.worker.empty())
    return bench::run_comm_worker(options.comm, options.worker, options.hosts);
  if (!options.out.empty()) fs::create_directories(options.out);
  bench::CommReport report = measure(options);
  if (options.out.empty()) return;
  if (options.add) bench::add_earlier(report, options.out);
  bench::write_report(report, options.out);
  fmt::print("\n{}\n", (options.out / "comm.html").string());
}

void add_names(CLI::App& verb, const std::string& option, std::vector<std::string>& names,
               const std::string& text) {
  const std::string all = fmt::format("{}", fmt::join(names, ","));
  verb.add_option(option, names, fmt::format("{} (default: {})", text, all))
      ->delimiter(',')
      ->type_name("NAME,...")
      ->check(CLI::IsMember(names));
}

void add_comm(CLI::App& bench) {
  const auto options = std::make_shared<BenchArguments>();
  CLI::App* verb = bench.add_subcommand(
      "comm",
      "time all-reduce by size: Convoy's transports beside gloo, Open MPI, sockets and memory");
  verb->add_option("--workers", options->workers, "processes, e.g. 2,4 (default: 2)")
      ->delimiter(',')
      ->type_name("N,...")
      ->check(CLI::Range(2, 64));
  verb->add_option("--links", options->links,
                   "what lies between them: loopback, or hosts (network namespaces; root) with a "
                   "limited rate, a delay, or both, e.g. 1gbit,1gbit/5ms (default: loopback)")
      ->delimiter(',')
      ->type_name("LINK,...");
  add_names(*verb, "--transports", options->comm.transports, "of Convoy's, which");
  add_names(*verb, "--peers", options->comm.peers, "what beside them");
  verb->add_option("--python", options->comm.python,
                   "that has torch, for gloo (default: the PATH's python3)")
      ->type_name("PATH");
  verb->add_option("--from", options->comm.from, "the smallest buffer (default: 4)")
      ->type_name("SIZE")
      ->transform(CLI::AsSizeValue(false));
  verb->add_option("--to", options->comm.to, "the largest, by steps of four (default: 256MiB)")
      ->type_name("SIZE")
      ->transform(CLI::AsSizeValue(false));
  verb->add_option("--seconds", options->comm.seconds,
                   "for each size and contestant (default: 0.3)")
      ->check(CLI::Range(0.001, 3600.0));
  verb->add_option("--out", options->out, "write comm.json, comm.md and comm.html (a plot) there")
      ->type_name("DIR");
  verb->add_flag("--add", options->add,
                 "keep what --out has of other links and numbers of workers");
  verb->add_option("--worker", options->worker)->group("");  // for those that are started
  verb->add_option("--in-hosts", options->hosts)->group("");
  verb->add_option("--peer", options->peer)->group("");
  verb->add_option("--peer-group", options->peer_group)->group("");
  verb->callback([options] { comm(*options); });
}

}  // namespace

void add_bench(CLI::App& app) {
  CLI::App* verb = app.add_subcommand("bench", "measure what this machine can do");
  verb->require_subcommand(1);
  add_comm(*verb);
}

}  // namespace convoy::cli
