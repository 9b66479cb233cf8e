#pragma once
// What a run logs: events to the log and to observers, and what they add up to at the end.
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "convoy/checkpoint/writer.hpp"
#include "convoy/infer/predict.hpp"
#include "convoy/train/trainer.hpp"
#include "engine/time_use.hpp"
#include "strategies/setup.hpp"

namespace convoy {

class RunRecorder {
 public:
  using Json = nlohmann::ordered_json;

  struct Options {
    std::string name;
    std::uint64_t seed = 0;
    std::int64_t steps = 0;
    std::int64_t steps_per_epoch = 1;
    std::int64_t batch = 0;
    std::int64_t lanes = 0;
    std::int64_t samples = 0;
    std::int64_t parameters = 0;
    int replicas = 1;
    DataSpec spec;
    std::int64_t sample_predictions = 0;
    std::filesystem::path out;  ///< empty: nothing is written
    std::vector<Observer*> observers;
  };
  explicit RunRecorder(Options options) : options_(std::move(options)) {}

  /// Whether events are logged here: by one worker of a run at a time.
  void record(bool on) { records_ = on; }
  /// The log of a run that begins, or goes on after `step` steps; what came later is dropped.
  void open(std::int64_t step);
  /// The log that another worker, or this one, has kept: `step` is the next to be logged.
  void go_on(std::int64_t step);
  bool is_open() const { return log_ != nullptr; }

  Json event(const std::string& kind, std::int64_t step) const;
  void emit(const Json& event);

  void start(int workers, std::int64_t step);
  /// Before a step's event: what it took.
  void count(std::int64_t samples, double seconds);
  /// `report`: the strategy's. `use`: of time, since the run began here.
  void step(std::int64_t step, const StepNumbers& numbers, const Json& report, const TimeUse& use);
  void skipped(std::int64_t step, const NonFinite& found);
  void moved(std::int64_t step, const char* reason, const MovedLanes& lanes,
             const std::vector<int>& numbers);
  void evaluated(std::int64_t step, const std::string& split, const Json& metrics, double seconds);
  void checkpoint(const WrittenCheckpoint& written);
  /// "weights", "data", "message"; `worker` -1: of all.
  void repaired(std::int64_t step, const char* what, int worker, const std::string& text);
  void sample_predictions(const Dataset& dataset, const Inference& inference);

  double seconds() const { return meter_.seconds; }
  std::int64_t steps() const { return meter_.steps; }
  /// By split: the last ones.
  const std::map<std::string, Json>& evaluations() const { return evaluations_; }

  /// summary.json but for what the strategy and the workers add.
  Json summary(std::int64_t step, double earlier_seconds, std::int64_t skipped, double loss,
               const std::string& sha256, const TimeUse& use) const;
  /// The end of the run: `done` and summary.json; observers are told.
  void finish(std::int64_t step, const Json& summary);

 private:
  // Since this process began, and at the last `step` event.
  struct Meter {
    double seconds = 0;
    std::int64_t samples = 0;
    std::int64_t steps = 0;
    TimeUse time_use;
  };
  Json time_use_per_step(const Meter& since, const TimeUse& total) const;

  Options options_;
  bool records_ = true;
  std::unique_ptr<Observer> log_;
  Meter meter_;
  Meter reported_;
  std::map<std::string, Json> evaluations_;
};

}  // namespace convoy
