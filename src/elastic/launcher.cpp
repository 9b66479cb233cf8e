#include "elastic/launcher.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <memory>

#include "elastic/elastic_launch.hpp"
#include "elastic/output_relay.hpp"
#include "elastic/secret_descriptor.hpp"
#include "elastic/supervisor.hpp"
#include "elastic/worker_environment.hpp"

namespace convoy {
namespace {

std::vector<WorkerProcess> start_workers(const LaunchOptions& options, const HostPlan& plan,
                                         const Secret& secret) {
  const SecretDescriptor descriptor(secret);
  const std::vector<std::string> inherited = inherited_environment();
  std::vector<WorkerProcess> workers;
  for (int local = 0; local < options.workers; ++local) {
    WorkerCommand command{options.workers_run(), options.arguments, inherited, descriptor.fd()};
    const auto set = [&](const char* name, const auto& value) {
      command.environment.push_back(fmt::format("CONVOY_{}={}", name, value));
    };
    set("RANK", plan.first_rank + local);
    set("WORKERS", plan.total);
    set("LOCAL_RANK", local);
    set("LOCAL_WORKERS", options.workers);
    set("HOST", plan.host);
    set("HOSTS", options.hosts);
    set("RENDEZVOUS", plan.rendezvous);
    set("SECRET_FD", descriptor.fd());
    if (plan.servers > 0) set("SERVERS", plan.servers);
    workers.emplace_back(command);
  }
  return workers;
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
  return WorkerProcess(command);
}

ServerCrew start_servers(const LaunchOptions& options, const HostPlan& plan, const Secret& secret) {
  ServerCrew crew;
  crew.start = [&options, &secret, rendezvous = plan.rendezvous](int number) {
    return start_server(options, rendezvous, secret, number);
  };
  crew.restarts = options.restarts;
  for (int local = 0; local < options.servers; ++local)
    crew.running.push_back(crew.start(plan.first_server + local));
  return crew;
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
    say(fmt::format("{} on this host; rendezvous {}", workers, plan.rendezvous));
  else
    say(fmt::format("host {} of {}: {} of {} (from rank {}) on this host; rendezvous {}", plan.host,
                    options.hosts, workers, plan.total, plan.first_rank, plan.rendezvous));
}

Verdict supervise(const LaunchOptions& options, const HostPlan& plan, const Secret& secret,
                  HostGroup* group) {
  SignalPipe signals;
  std::vector<WorkerProcess> workers = start_workers(options, plan, secret);
  ServerCrew servers = start_servers(options, plan, secret);
  return Supervisor(plan, std::move(workers), std::move(servers), options.grace, group, signals)
      .run();
}

}  // namespace

int launch(const LaunchOptions& options) {
  open_standard_descriptors();
  if (options.least) return launch_elastic(options);
  const Secret secret = options.secret ? *options.secret : Secret::generate();
  const auto log = [](const std::string& line) { say("rendezvous: " + line); };
  std::unique_ptr<RendezvousServer> server;
  std::unique_ptr<HostGroup> group;
  HostPlan plan;
  if (options.hosts > 1) {
    if (!options.rendezvous || !options.secret)
      throw InputError("several hosts need a rendezvous and a secret");
    group = std::make_unique<HostGroup>(
        HostGroupOptions{options.hosts, options.host, options.workers, options.servers,
                         *options.rendezvous, secret, options.wait, log});
    plan = {group->first_rank(),   group->total(),   group->host(), to_string(*options.rendezvous),
            group->first_server(), group->servers(), options.hosts};
  } else {
    const Endpoint at = options.rendezvous.value_or(Endpoint{"127.0.0.1", 0});
    server =
        std::make_unique<RendezvousServer>(RendezvousServerOptions{at.host, at.port, secret, log});
    plan = {0, options.workers, 0, to_string({at.host, server->port()}), 0, options.servers};
  }
  announce(options, plan);

  const Verdict verdict = supervise(options, plan, secret, group.get());
  // After a failure nobody needs the rendezvous; otherwise workers elsewhere may be writing a
  // checkpoint.
  const bool failed = verdict.status != 0 && verdict.status != 130;
  if (group) group->leave(std::chrono::seconds(failed ? 2 : 60));
  if (verdict.status != 0) say(verdict.text);
  return verdict.status;
}

}  // namespace convoy
