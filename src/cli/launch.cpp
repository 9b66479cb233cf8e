#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <sstream>

#include "cli/verbs.hpp"
#include "comm/transports/tcp/socket_address.hpp"
#include "convoy/core/error.hpp"
#include "convoy/strategies/registry.hpp"
#include "launch/launcher.hpp"

namespace convoy::cli {
namespace {

namespace fs = std::filesystem;

struct LaunchArguments {
  std::string workers;
  int restarts = 10;
  double lost_after = 5;
  std::optional<int> servers;
  bool join = false;
  int hosts = 1;
  int host = -1;
  std::string rendezvous;
  fs::path secret_file;
  fs::path make_secret;
  double wait = 300;
  double grace = 5;
  bool encrypt = false;
  std::string interfaces;
  std::vector<std::string> command;
};

std::chrono::milliseconds in_milliseconds(double seconds) {
  return std::chrono::milliseconds(static_cast<std::int64_t>(seconds * 1000));
}

// A program of the user's, which takes its place in the group as train does.
bool is_path(const std::string& word) {
  return word.find('/') != std::string::npos;
}

// `extra` is what CLI11 could not place, the "--" among it.
void check_command(const std::vector<std::string>& command, const std::vector<std::string>& extra) {
  const bool separated = std::find(extra.begin(), extra.end(), "--") != extra.end();
  const bool unknown = !extra.empty() && extra.front() != "--";
  if (unknown && (separated || command.empty() || command.front() != "train"))
    throw InputError(
        fmt::format("launch: {} is no option of it (convoy launch --help)", extra.front()));
  if (!separated)
    throw InputError(
        "launch: put -- before what the workers run: convoy launch --workers 2 -- train JOB.yaml");
  if (command.empty())
    throw InputError("launch: nothing after --: say what the workers run, as in -- train JOB.yaml");
  if (command.front() != "train" && !is_path(command.front()))
    throw InputError(
        fmt::format("launch: '{}' cannot be launched, only train can, or a program of yours if you "
                    "give its path, such as ./{}",
                    command.front(), command.front()));
}

bool in_etcd(const LaunchArguments& options) {
  return options.rendezvous.starts_with("etcd://") || options.rendezvous.starts_with("etcds://");
}

void check_hosts(const LaunchArguments& options) {
  if (options.join && (options.rendezvous.empty() || in_etcd(options)))
    throw InputError("--join: say where the job meets with --rendezvous HOST:PORT");
  if (options.join && (options.hosts > 1 || options.host >= 0))
    throw InputError("--join: a launcher that joins is none of --hosts, and gets its number");
  if (options.host >= options.hosts)
    throw InputError(fmt::format("--host {}: {} hosts are numbered 0 to {}", options.host,
                                 options.hosts, options.hosts - 1));
  if (options.hosts > 1 && options.rendezvous.empty())
    throw InputError(
        "--hosts: say where they meet with --rendezvous HOST:PORT, an address of one of them and a "
        "free port");
}

// "4", or of an elastic job "MIN:MAX".
struct Workers {
  int count = 0;
  std::optional<int> least;
};

Workers workers_of(const LaunchArguments& options) {
  if (options.workers.empty()) return {default_replicas(), std::nullopt};
  const auto number = [&](std::string_view text) {
    int value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    const int least = options.join && options.servers.value_or(0) > 0 ? 0 : 1;
    if (error != std::errc() || end != text.data() + text.size() || value < least || value > 1000)
      throw InputError(fmt::format(
          "--workers {}: give a number from 1 to 1000, or MIN:MAX for a job that goes on with MIN "
          "workers or more",
          options.workers));
    return value;
  };
  const std::string_view text = options.workers;
  const std::size_t colon = text.find(':');
  if (colon == std::string_view::npos) return {number(text), std::nullopt};
  const Workers workers{number(text.substr(colon + 1)), number(text.substr(0, colon))};
  if (*workers.least > workers.count * std::max(1, options.hosts))
    throw InputError(
        fmt::format("--workers {}: MIN is more than there will be workers", options.workers));
  return workers;
}

std::optional<Endpoint> rendezvous_of(const LaunchArguments& options) {
  if (options.rendezvous.empty() || in_etcd(options)) return std::nullopt;
  const Endpoint endpoint = parse_endpoint(options.rendezvous);
  if (endpoint.host == "0.0.0.0" || endpoint.host == "::" || endpoint.host == "*")
    throw InputError(fmt::format(
        "--rendezvous {}: give an address by which the hosts reach it, not that of any interface",
        options.rendezvous));
  return endpoint;
}

std::optional<Secret> secret_of(const LaunchArguments& options) {
  if (!options.secret_file.empty()) return Secret::from_file(options.secret_file);
  if (options.hosts == 1 && options.rendezvous.empty()) return std::nullopt;
  if (auto secret = Secret::from_environment()) return secret;
  if (options.hosts == 1) return std::nullopt;
  throw InputError(
      "several hosts need one secret: make it with convoy launch --make-secret FILE, copy FILE to "
      "each, and give it with --secret-file FILE or CONVOY_SECRET_FILE");
}

// What is this host's alone goes to its workers with the rest of our environment.
void set_worker_environment(const LaunchArguments& options) {
  if (options.encrypt) ::setenv("CONVOY_ENCRYPT", "1", 1);
  if (options.interfaces.empty()) return;
  std::vector<std::string> names;
  std::istringstream list(options.interfaces);
  for (std::string one; std::getline(list, one, ',');) names.push_back(one);
  tcp::addresses_of(names);  // a wrong one is an error before anything is started
  ::setenv("CONVOY_INTERFACE", options.interfaces.c_str(), 1);
}

void run(const LaunchArguments& options, const std::vector<std::string>& extra) {
  if (!options.make_secret.empty()) {
    make_secret_file(options.make_secret);
    fmt::print("a new secret is in {}; copy it to every host of the job\n",
               options.make_secret.string());
    return;
  }
  if (options.command.empty()) check_command({}, extra);
  check_hosts(options);

  LaunchOptions launch_options;
  launch_options.program = own_program();
  if (is_path(options.command.front()))
    launch_options.worker_program = options.command.front();
  else
    launch_options.arguments = {"convoy"};
  launch_options.arguments.insert(launch_options.arguments.end(), options.command.begin(),
                                  options.command.end());
  const Workers workers = workers_of(options);
  if (in_etcd(options) && !workers.least)
    throw InputError("--rendezvous: etcd is for elastic jobs: say --workers MIN:MAX");
  launch_options.workers = workers.count;
  launch_options.least = workers.least;
  if (options.servers && in_etcd(options))
    throw InputError("--rendezvous: jobs with parameter servers meet at a HOST:PORT");
  if (options.join && workers.least)
    throw InputError("--join: the job knows its MIN already; say --workers N");
  // Without workers or MIN:MAX, --servers 0 is what it was without it.
  if (options.servers.value_or(0) > 0 || (options.servers && (workers.least || options.hosts > 1)))
    launch_options.servers = options.servers;
  launch_options.join = options.join;
  launch_options.restarts = options.restarts;
  launch_options.lost_after = in_milliseconds(options.lost_after);
  if (in_etcd(options)) launch_options.store = options.rendezvous;
  launch_options.hosts = options.hosts;
  if (options.host >= 0) launch_options.host = options.host;
  launch_options.rendezvous = rendezvous_of(options);
  launch_options.secret = secret_of(options);
  launch_options.wait = in_milliseconds(options.wait);
  launch_options.grace = in_milliseconds(options.grace);
  launch_options.quiet =
      std::find(options.command.begin(), options.command.end(), "--quiet") != options.command.end();
  set_worker_environment(options);
  int status = 0;
  try {
    status = launch(launch_options);
  } catch (const PeerError& error) {
    throw Error(error.what());  // the cause itself, not a consequence as it is for a worker
  }
  if (status != 0) throw ExitStatus{status};
}

}  // namespace

std::string own_program() {
  std::error_code problem;
  const fs::path path = fs::read_symlink("/proc/self/exe", problem);
  return !problem && fs::exists(path, problem) ? path.string() : "/proc/self/exe";
}

void add_launch(CLI::App& app) {
  const auto options = std::make_shared<LaunchArguments>();
  CLI::App* verb = app.add_subcommand(
      "launch", "run a job with several processes, on one host or more: launch ... -- train ...");
  // A function, because it runs before CLI11 complains of what it could not place.
  verb->add_option_function<std::vector<std::string>>(
          "command",
          [options, verb](const std::vector<std::string>& words) {
            check_command(words, verb->remaining());
            options->command = words;
          },
          "after --: what each worker runs: train, or the path of a program of yours")
      ->type_name("-- train JOB.yaml");
  verb->add_option(
          "--workers", options->workers,
          "processes on this host (default: the cores); MIN:MAX starts MAX, replaces those "
          "that are lost, and goes on while MIN are left")
      ->type_name("N|MIN:MAX");
  verb->add_option(
          "--restarts", options->restarts,
          "workers (with MIN:MAX) and, as often, parameter servers that may be replaced on "
          "this host (default: 10)")
      ->check(CLI::Range(0, 1000000));
  verb->add_option("--lost-after", options->lost_after,
                   "with MIN:MAX or --servers: seconds without a heartbeat after which a process "
                   "is lost (default: 5)")
      ->check(CLI::Range(0.2, 1e6));
  verb->add_option(
          "--servers", options->servers,
          fmt::format("parameter servers on this host, beside the workers (strategy.kind: {})",
                      strategies_that_have(&StrategyTraits::servers)))
      ->check(CLI::Range(0, 256));
  verb->add_flag("--join", options->join,
                 "add workers, --servers or both to a job with parameter servers that runs at "
                 "--rendezvous");
  verb->add_option("--hosts", options->hosts, "hosts of the job; run launch on each of them")
      ->check(CLI::Range(1, 1000));
  verb->add_option("--host", options->host,
                   "number of this host, from 0 (default: in the order in which they come)")
      ->check(CLI::Range(0, 999));
  verb->add_option(
          "--rendezvous", options->rendezvous,
          "where the hosts meet: an address of one of them and a free port; or etcd://HOST:PORT")
      ->type_name("HOST:PORT");
  verb->add_option("--secret-file", options->secret_file,
                   "the job's secret (default: CONVOY_SECRET, CONVOY_SECRET_FILE, a new one)")
      ->type_name("FILE");
  verb->add_flag("--encrypt", options->encrypt,
                 "encrypt the messages between workers of different hosts; say it on every host");
  verb->add_option("--interface", options->interfaces,
                   "interfaces or addresses of this host over which its workers talk to those of "
                   "others (default: the one that reaches the rendezvous)")
      ->type_name("NAME|ADDRESS,...");
  verb->add_option("--make-secret", options->make_secret, "write a new secret to FILE, and stop")
      ->type_name("FILE");
  verb->add_option("--wait", options->wait, "seconds to wait for the other hosts (default: 300)")
      ->check(CLI::Range(0.0, 1e6));
  verb->add_option("--grace", options->grace,
                   "seconds that workers have to end after one failed (default: 5)")
      ->check(CLI::Range(0.0, 1e6));
  verb->allow_extras();
  verb->callback([options, verb] { run(*options, verb->remaining()); });
}

}  // namespace convoy::cli
