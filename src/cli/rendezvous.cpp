#include "convoy/comm/rendezvous/rendezvous.hpp"

#include <fmt/format.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>

#include <cstdio>
#include <memory>
#include <optional>
#include <string>

#include "cli/verbs.hpp"
#include "convoy/core/error.hpp"

namespace convoy::cli {
namespace {

// As parse_endpoint, but port 0 is any that is free.
Endpoint listen_endpoint(const std::string& text) {
  if (!text.ends_with(":0")) return parse_endpoint(text);
  Endpoint endpoint = parse_endpoint(text.substr(0, text.size() - 1) + "1");
  endpoint.port = 0;
  return endpoint;
}

Secret secret_of_job() {
  if (auto secret = Secret::from_environment()) return *secret;
  throw InputError(
      "rendezvous: no secret; set CONVOY_SECRET_FILE to a file that convoy launch --make-secret "
      "made");
}

void run(const std::string& listen, const std::filesystem::path& journal) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  ::signal(SIGINT, SIG_IGN);  // Ctrl-C is for the workers, who still need us
  ::umask(077);               // the journal is for its owner's eyes
  // Before the server's thread is started, so that none takes them.
  sigset_t ends;
  sigemptyset(&ends);
  for (const int signal : {SIGTERM, SIGHUP}) sigaddset(&ends, signal);
  ::pthread_sigmask(SIG_BLOCK, &ends, nullptr);
  const Endpoint at = listen_endpoint(listen);
  const auto log = [](const std::string& line) {
    fmt::print(stderr, "{}\n", line);
    std::fflush(stderr);
  };
  const RendezvousServer server({at.host, at.port, secret_of_job(), log, journal});
  fmt::print("{}\n", server.port());
  std::fflush(stdout);
  int signal = 0;
  ::sigwait(&ends, &signal);
}

}  // namespace

void add_rendezvous(CLI::App& app) {
  struct Options {
    std::string listen;
    std::filesystem::path journal;
  };
  const auto options = std::make_shared<Options>();
  CLI::App* verb = app.add_subcommand(
      "rendezvous", "serve a job's rendezvous, as convoy launch does; dies with its parent");
  verb->group("");  // not in the help
  verb->add_option("--listen", options->listen, "address, and a port or 0")
      ->type_name("HOST:PORT")
      ->required();
  verb->add_option("--journal", options->journal, "file that outlasts this process (default: none)")
      ->type_name("FILE");
  verb->callback([options] { run(options->listen, options->journal); });
}

}  // namespace convoy::cli
