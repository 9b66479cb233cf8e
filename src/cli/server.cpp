#include <fmt/format.h>
#include <signal.h>
#include <sys/prctl.h>

#include <atomic>
#include <cstdio>
#include <memory>
#include <string>

#include "cli/verbs.hpp"
#include "convoy/comm/rendezvous/rendezvous.hpp"
#include "convoy/core/error.hpp"
#include "core/machine.hpp"
#include "server/network_server.hpp"
#include "server/server_group.hpp"

namespace convoy::cli {
namespace {

// The workers end by themselves when they are asked to, and say so to us: a signal is for a server
// that they have forgotten.
void run(int number, const std::string& rendezvous) {
  static std::atomic<bool> leave_requested{false};
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  ::signal(SIGINT, SIG_IGN);
  ::signal(SIGTERM, SIG_IGN);
  ::signal(SIGUSR1, [](int) { leave_requested = true; });
  keep_freed_memory();  // messages of the same sizes come again and again
  const auto secret = Secret::from_environment();
  if (!secret)
    throw InputError("server: no secret; convoy launch --servers starts servers with the job's");
  server::NetworkServerOptions options{
      .number = number, .rendezvous = parse_endpoint(rendezvous), .secret = *secret};
  options.lost_after = lost_after_from_environment();
  options.leave = &leave_requested;
  options.log = [](const std::string& line) {
    fmt::print(stderr, "{}\n", line);
    std::fflush(stderr);
  };
  const std::atomic<bool> stop_requested{false};  // never
  server::NetworkServer(std::move(options)).serve(stop_requested);
}

}  // namespace

void add_server(CLI::App& app) {
  struct Options {
    int number = 0;
    std::string rendezvous;
  };
  const auto options = std::make_shared<Options>();
  CLI::App* verb = app.add_subcommand(
      "server", "serve a part of a job's weights, as convoy launch --servers does");
  verb->group("");  // not in the help
  verb->add_option("--number", options->number, "of this server, from 0")->required();
  verb->add_option("--rendezvous", options->rendezvous, "where the job meets")
      ->type_name("HOST:PORT")
      ->required();
  verb->callback([options] { run(options->number, options->rendezvous); });
}

}  // namespace convoy::cli
