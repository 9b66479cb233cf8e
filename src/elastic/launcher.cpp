#include "elastic/launcher.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <memory>

#include "elastic/supervisor.hpp"

namespace convoy {
namespace {

void say(const std::string& line) {
  // In one piece, since the rendezvous' thread says something too.
  const std::string text = fmt::format("convoy: {}\n", line);
  [[maybe_unused]] const auto written = ::write(STDERR_FILENO, text.data(), text.size());
}

// The secret in memory that a worker inherits as a descriptor: neither in its environment, nor on
// its command line, nor on a disk.
class SecretDescriptor {
 public:
  explicit SecretDescriptor(const Secret& secret)
      : fd_(::memfd_create("convoy-secret", MFD_CLOEXEC | MFD_ALLOW_SEALING)) {
    const std::string& text = secret.text();
    if (fd_ < 0 || ::write(fd_, text.data(), text.size()) != static_cast<ssize_t>(text.size()) ||
        ::fcntl(fd_, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) != 0)
      throw IoError(fmt::format("cannot pass the secret on: {}", std::strerror(errno)));
  }
  ~SecretDescriptor() { ::close(fd_); }
  SecretDescriptor(const SecretDescriptor&) = delete;
  SecretDescriptor& operator=(const SecretDescriptor&) = delete;
  int fd() const { return fd_; }

 private:
  int fd_;
};

// What the workers of this host have in common.
struct Plan {
  int first_rank = 0;
  int total = 1;
  int host = 0;
  std::string rendezvous;
};

// Ours, with what was meant for us left out.
std::vector<std::string> inherited_environment() {
  std::vector<std::string> result;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string_view text = *entry;
    bool ours = false;
    for (const std::string_view name :
         {"CONVOY_RANK=", "CONVOY_WORKERS=", "CONVOY_LOCAL_RANK=", "CONVOY_LOCAL_WORKERS=",
          "CONVOY_HOST=", "CONVOY_HOSTS=", "CONVOY_RENDEZVOUS=", "CONVOY_SECRET=",
          "CONVOY_SECRET_FILE=", "CONVOY_SECRET_FD="})
      ours = ours || text.starts_with(name);
    if (!ours) result.emplace_back(text);
  }
  return result;
}

std::vector<WorkerProcess> start_workers(const LaunchOptions& options, const Plan& plan,
                                         const Secret& secret) {
  const SecretDescriptor descriptor(secret);
  const std::vector<std::string> inherited = inherited_environment();
  std::vector<WorkerProcess> workers;
  for (int local = 0; local < options.workers; ++local) {
    WorkerCommand command{options.program, options.arguments, inherited, descriptor.fd()};
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
    workers.emplace_back(command);
  }
  return workers;
}

// Descriptors 0 to 2 must not become pipes of ours, whatever we were started with.
void open_standard_descriptors() {
  int fd = 0;
  while (fd >= 0 && fd <= STDERR_FILENO) fd = ::open("/dev/null", O_RDWR);
  ::close(fd);
}

void announce(const LaunchOptions& options, const Plan& plan) {
  if (options.quiet) return;
  const std::string workers =
      options.workers == 1 ? "1 worker" : fmt::format("{} workers", options.workers);
  if (options.hosts == 1)
    say(fmt::format("{} on this host; rendezvous {}", workers, plan.rendezvous));
  else
    say(fmt::format("host {} of {}: {} of {} (from rank {}) on this host; rendezvous {}", plan.host,
                    options.hosts, workers, plan.total, plan.first_rank, plan.rendezvous));
}

Verdict supervise(const LaunchOptions& options, const Plan& plan, const Secret& secret,
                  HostGroup* group) {
  SignalPipe signals;
  return Supervisor(start_workers(options, plan, secret), plan.first_rank, plan.total, plan.host,
                    options.grace, group, signals)
      .run();
}

}  // namespace

int launch(const LaunchOptions& options) {
  open_standard_descriptors();
  const Secret secret = options.secret ? *options.secret : Secret::generate();
  const auto log = [](const std::string& line) { say("rendezvous: " + line); };
  std::unique_ptr<RendezvousServer> server;
  std::unique_ptr<HostGroup> group;
  Plan plan;
  if (options.hosts > 1) {
    if (!options.rendezvous || !options.secret)
      throw InputError("several hosts need a rendezvous and a secret");
    group = std::make_unique<HostGroup>(HostGroupOptions{options.hosts, options.host,
                                                         options.workers, *options.rendezvous,
                                                         secret, options.wait, log});
    plan = {group->first_rank(), group->total(), group->host(), to_string(*options.rendezvous)};
  } else {
    const Endpoint at = options.rendezvous.value_or(Endpoint{"127.0.0.1", 0});
    server =
        std::make_unique<RendezvousServer>(RendezvousServerOptions{at.host, at.port, secret, log});
    plan = {0, options.workers, 0, to_string({at.host, server->port()})};
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
