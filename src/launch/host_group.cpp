#include "launch/host_group.hpp"

#include <fmt/format.h>
#include <pthread.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <mutex>
#include <thread>
#include <vector>

namespace convoy {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

// With launchers, within what a rendezvous serves.
constexpr int max_workers = 1000;
constexpr std::chrono::seconds call_patience{10};
const std::string verdict_key = "launch/verdict";

std::string workers_key(int host) {
  return fmt::format("launch/workers/{}", host);
}

std::string servers_key(int host) {
  return fmt::format("launch/servers/{}", host);
}

std::string to_text(const Verdict& verdict) {
  return fmt::format("{}\n{}", verdict.status, verdict.text);
}

Verdict to_verdict(const std::string& text) {
  const auto line = text.find('\n');
  Verdict verdict{1, line == std::string::npos ? text : text.substr(line + 1)};
  std::from_chars(text.data(), text.data() + text.size(), verdict.status);
  return verdict;
}

// Nothing when the address is another machine's, or another launcher of this one serves it.
std::unique_ptr<RendezvousServer> serve_if_ours(const HostGroupOptions& options) {
  try {
    return std::make_unique<RendezvousServer>(RendezvousServerOptions{
        options.rendezvous.host, options.rendezvous.port, options.secret, options.log});
  } catch (const ListenError& error) {
    if (error.code() == EADDRNOTAVAIL || error.code() == EADDRINUSE) return nullptr;
    throw;
  }
}

}  // namespace

struct HostGroup::Impl {
  explicit Impl(HostGroupOptions chosen)
      : options(std::move(chosen)),
        server(serve_if_ours(options)),
        client(options.rendezvous.host, options.rendezvous.port, options.secret, options.wait,
               call_patience),
        event(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
    if (event < 0) throw IoError("launch: no event descriptor");
    try {
      join();
    } catch (...) {
      ::close(event);
      throw;
    }
  }

  ~Impl() {
    client.interrupt();
    if (watcher.joinable()) watcher.join();
    ::close(event);
  }

  void join() {
    const auto deadline = Clock::now() + options.wait;
    warn_of_loopback();
    require_same_hosts();
    claim_number();
    client.last_will(
        verdict_key,
        to_text({1, fmt::format("host {} is lost: its launcher was killed, or cannot be reached; "
                                "the others were stopped",
                                host)}));
    client.set(servers_key(host), std::to_string(options.servers));
    client.set(workers_key(host), std::to_string(options.workers));
    wait_for_all(deadline);
    for (int other = 0; other < options.hosts; ++other) {
      const int workers = std::stoi(client.get(workers_key(other)));
      const int serving = std::stoi(client.get(servers_key(other)));
      if (other < host) first_rank += workers, first_server += serving;
      total += workers;
      servers += serving;
    }
    if (total > max_workers)
      throw InputError(fmt::format("{} workers; a job has at most {}", total, max_workers));
    watch();
  }

  // On Debian a machine's own name means 127.0.1.1 to itself.
  void warn_of_loopback() const {
    const std::string& name = options.rendezvous.host;
    if (!server || options.hosts == 1 || !options.log) return;
    if (!client.local_address().starts_with("127.") || name.starts_with("127.")) return;
    options.log(fmt::format("{} is {} on this host, which others cannot reach; give its address",
                            name, client.local_address()));
  }

  void require_same_hosts() {
    const std::string mine = std::to_string(options.hosts);
    const std::string theirs = client.compare_set("launch/hosts", "", mine);
    if (theirs != mine)
      throw InputError(
          fmt::format("--hosts {} here, but --hosts {} at the host that came first", mine, theirs));
  }

  void claim_number() {
    const std::string mark = Secret::generate().text();  // of this launcher
    const int first = options.host.value_or(0);
    const int last = options.host.value_or(options.hosts - 1);
    for (host = first; host <= last; ++host) {
      const std::string key = fmt::format("launch/host/{}", host);
      if (client.compare_set(key, "", mark) == mark) return;
    }
    if (options.host)
      throw InputError(fmt::format("--host {}: that number is taken at the rendezvous {}", first,
                                   client.address()));
    throw InputError(fmt::format("all {} hosts are at the rendezvous {} already; another job's?",
                                 options.hosts, client.address()));
  }

  void wait_for_all(Clock::time_point deadline) {
    std::vector<std::string> keys;
    for (int other = 0; other < options.hosts; ++other) keys.push_back(workers_key(other));
    while (!client.check(keys)) {
      if (const auto ended = client.get_if_present(verdict_key))
        throw Error(to_verdict(*ended).text);
      if (Clock::now() >= deadline) throw TimeoutError(-1, missing_hosts());
      try {
        client.wait(keys, std::min(milliseconds(500),
                                   std::chrono::ceil<milliseconds>(deadline - Clock::now())));
      } catch (const TimeoutError&) {  // the loop decides
      }
    }
  }

  std::string missing_hosts() {
    std::string missing;
    int came = 0;
    for (int other = 0; other < options.hosts; ++other) {
      if (client.check({workers_key(other)}))
        ++came;
      else
        missing += fmt::format("{}{}", missing.empty() ? "" : ", ", other);
    }
    return fmt::format("{} of {} hosts came within {:.3g} s; missing: host {}", came, options.hosts,
                       std::chrono::duration<double>(options.wait).count(), missing);
  }

  void watch() {
    // Signals are for the main thread.
    sigset_t all, before;
    sigfillset(&all);
    ::pthread_sigmask(SIG_SETMASK, &all, &before);
    watcher = std::thread([this] { wait_for_verdict(); });
    ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  }

  void wait_for_verdict() {
    for (;;) {
      try {
        return know(to_verdict(client.get(verdict_key, std::chrono::hours(1))));
      } catch (const TimeoutError&) {  // a long job
      } catch (const Error& error) {
        return know({1, fmt::format("{} (is its launcher gone?); the workers here were stopped",
                                    error.what())});
      }
    }
  }

  void know(const Verdict& known) {
    const std::lock_guard lock(mutex);
    if (verdict) return;
    verdict = known;
    const std::uint64_t one = 1;
    [[maybe_unused]] const auto written = ::write(event, &one, sizeof(one));
  }

  HostGroupOptions options;
  std::unique_ptr<RendezvousServer> server;
  RendezvousClient client;
  int event;
  int host = 0;
  int first_rank = 0;
  int total = 0;
  int first_server = 0;
  int servers = 0;
  mutable std::mutex mutex;
  std::optional<Verdict> verdict;
  std::thread watcher;
};

HostGroup::HostGroup(HostGroupOptions options)
    : impl_(std::make_unique<Impl>(std::move(options))) {}
HostGroup::~HostGroup() = default;

int HostGroup::host() const {
  return impl_->host;
}

int HostGroup::first_rank() const {
  return impl_->first_rank;
}

int HostGroup::total() const {
  return impl_->total;
}

int HostGroup::first_server() const {
  return impl_->first_server;
}

int HostGroup::servers() const {
  return impl_->servers;
}

int HostGroup::verdict_fd() const {
  return impl_->event;
}

std::optional<Verdict> HostGroup::verdict() const {
  const std::lock_guard lock(impl_->mutex);
  return impl_->verdict;
}

void HostGroup::give_verdict(const Verdict& verdict) {
  try {
    impl_->know(to_verdict(impl_->client.compare_set(verdict_key, "", to_text(verdict))));
  } catch (const Error&) {  // the rendezvous is lost, which is known, or will be in a moment
    impl_->know(verdict);
  }
}

void HostGroup::workers_done(const Verdict& verdict) {
  try {
    if (impl_->client.add("launch/done", 1) == impl_->options.hosts) give_verdict(verdict);
  } catch (const Error&) {  // likewise
  }
}

void HostGroup::leave(milliseconds patience) {
  try {
    impl_->client.last_will("", "");
    const bool last = impl_->client.add("launch/left", 1) == impl_->options.hosts;
    if (last) impl_->client.set("launch/all left", "");
    if (impl_->server && !last) impl_->client.wait({"launch/all left"}, patience);
  } catch (const Error&) {  // who does not leave in time is lost to us
  }
}

}  // namespace convoy
