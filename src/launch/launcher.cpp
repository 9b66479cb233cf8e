#include "launch/launcher.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <memory>

#include "launch/elastic_launch.hpp"
#include "launch/output_relay.hpp"
#include "launch/secret_descriptor.hpp"
#include "launch/supervisor.hpp"
#include "launch/worker_environment.hpp"

namespace convoy {
namespace {

WorkerProcess start_worker(const LaunchOptions& options, const HostPlan& plan, const Secret& secret,
                           int rank) {
  const SecretDescriptor descriptor(secret);
  WorkerCommand command{options.workers_run(), options.arguments, inherited_environment(),
                        descriptor.fd()};
  const auto set = [&](const char* name, const auto& value) {
    command.environment.push_back(fmt::format("CONVOY_{}={}", name, value));
  };
  set("RANK", rank);
  set("WORKERS", plan.total);
  set("LOCAL_RANK", rank - plan.first_rank);
  set("LOCAL_WORKERS", options.workers);
  set("HOST", plan.host);
  set("HOSTS", plan.hosts);
  set("RENDEZVOUS", plan.rendezvous);
  set("SECRET_FD", descriptor.fd());
  if (plan.servers > 0) set("SERVERS", plan.servers);
  set("LOST_AFTER", options.lost_after.count());
  if (plan.awaited > 0) set("LEAST", plan.awaited);
  return WorkerProcess(command);
}

HostProcesses start_workers(const LaunchOptions& options, const HostPlan& plan,
                            const Secret& secret) {
  HostProcesses processes;
  processes.start = [&](int rank) { return start_worker(options, plan, secret, rank); };
  processes.restarts = options.restarts;
  for (int local = 0; local < options.workers; ++local)
    processes.running.push_back(processes.start(plan.first_rank + local));
  return processes;
}

WorkerProcess start_server(const LaunchOptions& options, const std::string& rendezvous,
                           const Secret& secret, int number) {
  const SecretDescriptor descriptor(secret);
  WorkerCommand command{
      options.program,
      {"convoy", "server", "--number", std::to_string(number), "--rendezvous", rendezvous},
      inherited_environment(),
      descriptor.fd()};
  command.environment.push_back(fmt::format("CONVOY_SECRET_FD={}", descriptor.fd()));
  command.environment.push_back(fmt::format("CONVOY_LOST_AFTER={}", options.lost_after.count()));
  return WorkerProcess(command);
}

HostProcesses start_servers(const LaunchOptions& options, const HostPlan& plan,
                            const Secret& secret) {
  HostProcesses processes;
  processes.start = [&options, &secret, rendezvous = plan.rendezvous](int number) {
    return start_server(options, rendezvous, secret, number);
  };
  processes.restarts = options.restarts;
  for (int local = 0; local < options.servers.value_or(0); ++local)
    processes.running.push_back(processes.start(plan.first_server + local));
  return processes;
}

// Descriptors 0 to 2 must not become pipes of ours, whatever we were started with.
void open_standard_descriptors() {
  int fd = 0;
  while (fd >= 0 && fd <= STDERR_FILENO) fd = ::open("/dev/null", O_RDWR);
  ::close(fd);
}

void announce(const LaunchOptions& options, const HostPlan& plan) {
  if (options.quiet) return;
  const std::string workers =
      options.workers == 1 ? "1 worker" : fmt::format("{} workers", options.workers);
  if (options.hosts == 1)
    log_line(fmt::format("{} on this host; rendezvous {}", workers, plan.rendezvous));
  else
    log_line(fmt::format("host {} of {}: {} of {} (from rank {}) on this host; rendezvous {}",
                         plan.host, options.hosts, workers, plan.total, plan.first_rank,
                         plan.rendezvous));
}

Verdict supervise(const LaunchOptions& options, const HostPlan& plan, const Secret& secret,
                  HostGroup* group, ServedJob* served) {
  SignalPipe signals;
  HostProcesses workers = start_workers(options, plan, secret);
  HostProcesses servers = start_servers(options, plan, secret);
  return Supervisor(plan, std::move(workers), std::move(servers), options.grace, group, served,
                    signals)
      .run();
}

constexpr std::chrono::seconds served_patience{30};

// A launcher that comes to a job that has begun: with new numbers, and no say in how it ends.
int join_job(const LaunchOptions& options) {
  if (!options.rendezvous || !options.secret)
    throw InputError(
        "--join: give the job's secret with --secret-file FILE, CONVOY_SECRET_FILE or "
        "CONVOY_SECRET");
  ServedJob served(*options.rendezvous, *options.secret, options.wait);
  const ServedJob::Size size = served.wait_for_size(options.wait);
  const int servers = options.servers.value_or(0);
  HostPlan plan;
  plan.host = served.new_host();
  plan.hosts = plan.host + 1;
  plan.rendezvous = to_string(*options.rendezvous);
  plan.first_rank = options.workers > 0 ? served.new_workers(options.workers) : 0;
  plan.total = std::max(size.workers, plan.first_rank + options.workers);
  plan.awaited = size.least > 0 ? size.least : size.workers;
  plan.servers = size.servers;
  if (servers > 0) plan.first_server = served.new_server();
  for (int more = 1; more < servers; ++more) served.new_server();
  plan.least = size.least;
  plan.joined = true;
  if (!options.quiet) {
    std::string what;
    if (options.workers > 0)
      what = fmt::format("{} worker{} (from rank {})", options.workers,
                         options.workers == 1 ? "" : "s", plan.first_rank);
    if (servers > 0)
      what += fmt::format("{}{} parameter server{} (from number {})", what.empty() ? "" : ", ",
                          servers, servers == 1 ? "" : "s", plan.first_server);
    log_line(fmt::format("joins the job at {}: {}", plan.rendezvous, what));
  }
  const Verdict verdict = supervise(options, plan, *options.secret, nullptr, &served);
  if (verdict.status != 0) log_line(verdict.text);
  return verdict.status;
}

}  // namespace

int launch(const LaunchOptions& options) {
  open_standard_descriptors();
  if (options.join) return join_job(options);
  if (options.least && !options.servers) return launch_elastic(options);
  const Secret secret = options.secret ? *options.secret : Secret::generate();
  const auto log = [](const std::string& line) { log_line("rendezvous: " + line); };
  std::unique_ptr<RendezvousServer> server;
  std::unique_ptr<HostGroup> group;
  HostPlan plan;
  if (options.hosts > 1) {
    if (!options.rendezvous || !options.secret)
      throw InputError("several hosts need a rendezvous and a secret");
    group = std::make_unique<HostGroup>(
        HostGroupOptions{options.hosts, options.host, options.workers, options.servers.value_or(0),
                         *options.rendezvous, secret, options.wait, log});
    plan = {group->first_rank(),   group->total(),   group->host(), to_string(*options.rendezvous),
            group->first_server(), group->servers(), options.hosts};
  } else {
    const Endpoint at = options.rendezvous.value_or(Endpoint{"127.0.0.1", 0});
    server =
        std::make_unique<RendezvousServer>(RendezvousServerOptions{at.host, at.port, secret, log});
    plan = {0, options.workers,
            0, to_string({at.host, server->port()}),
            0, options.servers.value_or(0)};
  }
  plan.least = plan.awaited = options.least.value_or(0);
  announce(options, plan);
  std::unique_ptr<ServedJob> served;
  if (plan.servers > 0) {
    served = std::make_unique<ServedJob>(parse_endpoint(plan.rendezvous), secret, served_patience);
    served->publish_size({plan.total, plan.servers, plan.hosts, plan.least});
  } else if (options.least) {
    throw InputError("--servers 0: no host of the job has parameter servers");
  }

  const Verdict verdict = supervise(options, plan, secret, group.get(), served.get());
  // After a failure nobody needs the rendezvous; otherwise workers elsewhere may be writing a
  // checkpoint.
  const bool failed = verdict.status != 0 && verdict.status != 130;
  if (group) group->leave(std::chrono::seconds(failed ? 2 : 60));
  if (verdict.status != 0) log_line(verdict.text);
  return verdict.status;
}

}  // namespace convoy
