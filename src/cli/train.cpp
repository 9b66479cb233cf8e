#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cmath>
#include <csignal>
#include <cstdlib>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>

#include "cli/verbs.hpp"
#include "convoy/comm/group.hpp"
#include "convoy/core/error.hpp"
#include "convoy/core/file.hpp"
#include "convoy/data/load.hpp"
#include "convoy/data/partition/partitioner.hpp"
#include "convoy/infer/trained_model.hpp"
#include "convoy/job/job.hpp"
#include "convoy/job/trained_model.hpp"
#include "convoy/report/html.hpp"
#include "convoy/report/progress.hpp"
#include "convoy/schema/plugins.hpp"
#include "convoy/server/server_group.hpp"
#include "convoy/strategies/registry.hpp"
#include "convoy/train/run_folder.hpp"
#include "convoy/train/trainer.hpp"
#include "core/machine.hpp"
#include "data/partition/columns.hpp"
#include "data/sources/address.hpp"

namespace convoy::cli {
namespace {

namespace fs = std::filesystem;

struct TrainArguments {
  fs::path job;
  std::vector<std::string> set;
  int replicas = 0;
  fs::path out;
  fs::path trace;
  bool resume = false;
  bool overwrite = false;
  bool print_job = false;
  bool explain = false;
  bool quiet = false;
};

std::atomic<bool> stop_requested{false};
std::atomic<bool> leave_requested{false};
const bool live_line = ::isatty(STDERR_FILENO) == 1;

// The first signal asks for a checkpoint, the second ends at once.
void on_signal(int) {
  constexpr char note[] = "\nconvoy: stopping after this step (again to stop at once)\n";
  if (stop_requested.exchange(true)) _exit(130);
  const int skipped = live_line ? 0 : 1;  // the line break that ends a live line
  [[maybe_unused]] const auto written =
      ::write(STDERR_FILENO, note + skipped, sizeof(note) - 1 - skipped);
}

void watch_signals(bool may_leave) {
  struct sigaction action {};
  action.sa_handler = on_signal;
  sigemptyset(&action.sa_mask);
  action.sa_flags = SA_RESTART;
  for (const int signal : {SIGINT, SIGTERM}) ::sigaction(signal, &action, nullptr);
  if (!may_leave) return;
  action.sa_handler = [](int) { leave_requested = true; };
  ::sigaction(SIGUSR1, &action, nullptr);
}

std::string replicas_of(const nlohmann::ordered_json& summary) {
  const std::string replicas = fmt::format("{} replicas", summary["replicas"].get<int>());
  if (!summary.contains("workers")) return replicas;
  return fmt::format("{} workers of {}", summary["workers"].size(), replicas);
}

void print_result(const nlohmann::ordered_json& summary, const TrainArguments& options,
                  const fs::path& out, bool html) {
  fmt::print("{}: {} steps, {:.4g} epochs in {:.1f} s, {:.0f} samples/s with {}\n",
             summary["name"].get<std::string>(), summary["steps"].get<std::int64_t>(),
             summary["epochs"].get<double>(), summary["seconds"].get<double>(),
             summary["samples_per_second"].get<double>(), replicas_of(summary));
  for (const auto& [key, value] : summary["final"].items())
    fmt::print("  {:<22} {:.6g}\n", key, value.get<double>());
  if (summary["skipped_steps"] != 0)
    fmt::print("  {:<22} {}\n", "skipped_steps", summary["skipped_steps"].get<int>());
  fmt::print("  {:<22} {}\n", "weights_sha256", summary["weights_sha256"].get<std::string>());
  fmt::print("  {:<22} {}\n", html ? "report" : "summary",
             (out / (html ? "report.html" : "summary.json")).string());
  if (!options.trace.empty()) fmt::print("  {:<22} {}\n", "timeline", options.trace.string());
}

ExistingRun existing_run(const TrainArguments& options) {
  if (options.resume && options.overwrite)
    throw InputError("--resume and --overwrite exclude each other");
  return options.resume      ? ExistingRun::resume
         : options.overwrite ? ExistingRun::overwrite
                             : ExistingRun::refuse;
}

// What a person must hear of although they want no progress.
class Warnings final : public Observer {
 public:
  void on_event(const nlohmann::ordered_json& event) override {
    if (event["event"] != "checkpoint_failed") return;
    fmt::print(stderr, "convoy: step {}: no checkpoint: {}; training goes on\n",
               event["step"].get<std::int64_t>(), event["reason"].get<std::string>());
  }
};

GroupOptions group_options(const StrategyOptions& strategy) {
  const auto timeout = std::chrono::milliseconds(std::llround(strategy.timeout * 1000));
  return {strategy.transport, timeout};
}

// How this process works together with others, if it does: in one group, or in an elastic job.
struct Team {
  std::optional<WorkerPlace> place;
  std::shared_ptr<Communicator> group;
  std::unique_ptr<Membership> membership;
  std::shared_ptr<ServerGroup> servers;

  bool first() const {
    if (servers) return servers->rank() == 0 && !servers->begun();
    return !membership && (!group || group->rank() == 0);
  }
  bool launched() const {
    return membership || (place && place->starter == WorkerPlace::Starter::launch);
  }
  int local_workers() const {
    return membership ? membership->local_workers() : place ? place->local_workers : 1;
  }
};

Team join(const StrategyOptions& strategy) {
  Team team;
  team.membership = Membership::from_environment(group_options(strategy));
  if (team.membership) return team;
  team.place = worker_place();
  if (const StrategyTraits traits = strategy_traits(strategy); traits.servers) {
    team.servers = ServerGroup::from_environment(group_options(strategy).timeout, traits.backups);
    if (team.place && team.place->workers > 1 && !team.servers)
      throw InputError(
          fmt::format("strategy.kind: {} with several workers needs servers: convoy launch "
                      "--workers N --servers S -- train ...",
                      strategy.kind));
    return team;
  }
  if (std::getenv("CONVOY_SERVERS") != nullptr)
    throw InputError(fmt::format("launch --servers: the job's strategy.kind is not {}",
                                 strategies_that_have(&StrategyTraits::servers)));
  if (team.place && team.place->workers > 1)
    team.group = join_group(*team.place, group_options(strategy));
  return team;
}

int replicas_for(const TrainArguments& options, const Team& team) {
  if (options.replicas > 0) return options.replicas;
  return std::max(1, default_replicas() / team.local_workers());
}

// Of a worker that had the folder before and is being killed, the lock goes a moment later.
std::unique_ptr<RunFolder> take_folder(const fs::path& path, ExistingRun existing, bool goes_on) {
  constexpr int tries = 200;
  for (int i = 0;; ++i) {
    try {
      return std::make_unique<RunFolder>(path, goes_on ? ExistingRun::resume : existing);
    } catch (const InputError&) {
      if (!goes_on || i >= tries) throw;
      std::this_thread::sleep_for(std::chrono::milliseconds(50));
    }
  }
}

// The folder of a job whose workers come and go. A worker lets go of it when it may have been
// declared lost: another one may need it.
class HeldFolder {
 public:
  void hold(std::unique_ptr<RunFolder> folder) {
    const std::lock_guard lock(mutex_);
    folder_ = std::move(folder);
  }
  void take(const fs::path& path, ExistingRun existing, bool goes_on) {
    const std::lock_guard lock(mutex_);
    folder_.reset();
    folder_ = take_folder(path, existing, goes_on);
  }
  void let_go() {
    const std::lock_guard lock(mutex_);
    folder_.reset();
  }

 private:
  std::mutex mutex_;
  std::unique_ptr<RunFolder> folder_;
};

// Worker 0 makes the folder; the others are told its path.
std::unique_ptr<RunFolder> open_folder(const TrainArguments& options, const std::string& name,
                                       Communicator* group, fs::path& path) {
  path = options.out.empty() ? default_run_folder(name) : options.out;
  if (group != nullptr && group->rank() != 0) return nullptr;
  auto folder = std::make_unique<RunFolder>(path, existing_run(options));
  path = folder->path();
  return folder;
}

// With parameter servers: the coordinator of the run makes the folder; the others read its path.
fs::path open_served_folder(const TrainArguments& options, const std::string& name,
                            ServerGroup& servers, HeldFolder& held) {
  while (true) {
    if (const auto published = servers.folder()) return *published;
    if (servers.coordinates()) {
      fs::path path;
      held.hold(open_folder(options, name, nullptr, path));
      servers.publish_folder(fs::absolute(path).string());
      return path;
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
}

void train(const TrainArguments& options) {
  const Job job = options.resume ? load_job_of_run(options.job, options.set, options.out)
                                 : load_job(options.job, options.set);
  if (options.print_job) {
    fmt::print("{}", print_job(job));
    return;
  }
  if (options.explain) {
    fmt::print("{}", explain_strategy(job.strategy));
    return;
  }
  if (options.resume && options.out.empty())
    throw InputError("--resume: say which run with --out DIR");
  const Team team = join(job.strategy);
  const std::vector<std::string> once = paths_read_once(job.data);
  if (!once.empty() && (team.launched() || (team.place && team.place->workers > 1)))
    refuse_read_once(once[0]);
  Membership* const membership = team.membership.get();
  const bool first = team.first();
  require_lasting_workers(job.partition, membership != nullptr);
  Splits splits = load_splits(load_options(job), team.group.get());
  for (const std::string& line : splits.skipped) {
    if (first || membership) fmt::print(stderr, "convoy: {}\n", line);
  }
  const DataSpec spec = splits.whole_spec();
  const Loss loss = make_loss(job.loss, spec);
  std::shared_ptr<const ColumnModel> columns;
  if (splits.columns) {
    columns = std::make_shared<const ColumnModel>(
        ColumnModel{*splits.columns, split_model(job.model, spec)});
  }
  // By column the whole model is made where it is needed, at the end.
  const ModelFactory factory =
      columns ? ModelFactory([&job, spec] { return build_model(job.model, spec)(); })
              : build_model(job.model, spec);
  const auto held = std::make_shared<HeldFolder>();
  fs::path out;
  std::unique_ptr<RunFolder> folder;
  if (team.servers)
    out = open_served_folder(options, job.name, *team.servers, *held);
  else if (membership != nullptr)
    out = membership->agree(
        "folder", (options.out.empty() ? default_run_folder(job.name) : options.out).string());
  else
    folder = open_folder(options, job.name, team.group.get(), out);

  RunOptions run;
  run.replicas = replicas_for(options, team);
  run.out = out;
  run.resume = options.resume;
  run.stop = &stop_requested;
  run.group = team.group;
  run.columns = columns;
  run.membership = membership;
  run.servers = team.servers;
  run.leave = &leave_requested;
  run.data_fingerprint = splits.fingerprint;
  if (membership != nullptr) membership->on_lease_lost([held] { held->let_go(); });
  run.take_over = [&, held](bool goes_on) {
    held->take(out, existing_run(options), goes_on);
    write_file_atomically(out / "job.yaml", print_job(job));
  };
  run.trace = options.trace;
  run.model_meta = {
      {"job", print_job(job)},
      {"directory", fs::absolute(job.directory).string()},
      {"fitted", splits.fitted},
      {"data", {{"skipped_samples", splits.skipped_samples}, {"repaired", splits.repaired}}},
      {"samples", describe_samples(spec)}};
  if (!plugins().empty()) run.model_meta["plugins"] = plugins_json();
  const auto bar = progress(stderr);
  Warnings warnings;
  HtmlReport report;
  if (job.report.html) run.observers.push_back(&report);
  if (options.quiet)
    run.observers.push_back(&warnings);
  else if (first || membership || team.servers)
    run.observers.push_back(bar.get());

  TrainerOptions wanted = trainer_options(job);
  read_in_blocks(wanted.partition, splits.block);
  Trainer trainer(std::move(wanted), factory, loss,
                  {splits.train, splits.validation, splits.test, std::move(splits.values)}, run);
  if (first) write_file_atomically(out / "job.yaml", print_job(job));
  watch_signals(membership != nullptr || team.servers != nullptr);
  try {
    const RunSummary summary = trainer.run();
    if (summary.json.contains("steps")) print_result(summary.json, options, out, job.report.html);
  } catch (const Interrupted& error) {
    std::string again =
        fmt::format("convoy {}train {} --out {} --resume", team.launched() ? "launch ... -- " : "",
                    options.job.string(), out.string());
    for (const std::string& set : options.set) again += fmt::format(" --set '{}'", set);
    throw Interrupted(fmt::format("{}; go on with: {}", error.what(), again));
  }
}

}  // namespace

int default_replicas() {
  return usable_cores();
}

void add_set_option(CLI::App& verb, std::vector<std::string>& set, const std::string& text) {
  verb.add_option("--set", set, text)
      ->type_name("KEY=VALUE")
      ->expected(1)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
}

void add_train(CLI::App& app) {
  const auto options = std::make_shared<TrainArguments>();
  CLI::App* verb = app.add_subcommand("train", "train, evaluate and report the job of a YAML file");
  verb->add_option("job", options->job, "the job file (docs/job.md)")
      ->required()
      ->type_name("JOB.yaml");
  add_set_option(*verb, options->set, "override a job key, e.g. train.batch=128 (may be repeated)");
  verb->add_option("--replicas", options->replicas,
                   "threads that train side by side (default: the cores); never changes the result")
      ->check(CLI::Range(1, 4096));
  verb->add_option("--out", options->out, "the run's folder (default: runs/NAME)")
      ->type_name("DIR");
  verb->add_option("--trace", options->trace,
                   "write a timeline (Chrome trace; open it in https://ui.perfetto.dev)")
      ->type_name("FILE");
  verb->add_flag("--resume", options->resume, "go on from the newest checkpoint in --out");
  verb->add_flag("--overwrite", options->overwrite, "replace the run that is in --out");
  verb->add_flag("--print-job", options->print_job,
                 "print the job with every default filled in, and stop");
  verb->add_flag("--explain", options->explain,
                 "print what the job's strategy guarantees, and stop");
  verb->add_flag("--quiet", options->quiet, "no progress on the terminal");
  verb->callback([options] { train(*options); });
}

}  // namespace convoy::cli
