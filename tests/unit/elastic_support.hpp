#pragma once
// Elastic jobs whose workers are threads, which come, leave and fall silent.
#include <atomic>
#include <fstream>
#include <map>
#include <mutex>
#include <thread>

#include "convoy/comm/rendezvous/rendezvous.hpp"
#include "convoy/core/error.hpp"
#include "convoy/train/run_folder.hpp"
#include "rendezvous_support.hpp"
#include "session/coordinator.hpp"
#include "session/store_keys.hpp"
#include "train_support.hpp"

namespace convoy::testing {

using namespace std::chrono_literals;

// What a worker's process would throw if it were killed: it never says why.
struct Killed {};

// Calls `at` with the number of reads so far; the data are those of another one.
class Watched final : public Dataset {
 public:
  Watched(std::shared_ptr<const Dataset> data, std::function<void(int)> at)
      : data_(std::move(data)), at_(std::move(at)) {}
  std::int64_t size() const override { return data_->size(); }
  const DataSpec& spec() const override { return data_->spec(); }
  Batch read(std::span<const std::int64_t> samples) const override {
    at_(++reads_);
    return data_->read(samples);
  }

 private:
  std::shared_ptr<const Dataset> data_;
  std::function<void(int)> at_;
  mutable std::atomic<int> reads_{0};
};

// Calls `tell` with each event.
class CallbackObserver final : public Observer {
 public:
  using Callback = std::function<void(const nlohmann::ordered_json&)>;
  explicit CallbackObserver(Callback callback) : callback_(std::move(callback)) {}
  void on_event(const nlohmann::ordered_json& event) override { callback_(event); }

 private:
  Callback callback_;
};

// As in the program: who writes the folder holds it, and another one waits until it is gone.
inline std::unique_ptr<RunFolder> take_folder(const std::filesystem::path& path) {
  for (int tries = 0;; ++tries) {
    try {
      return std::make_unique<RunFolder>(path, ExistingRun::resume);
    } catch (const InputError&) {
      if (tries == 400) throw;
      std::this_thread::sleep_for(50ms);
    }
  }
}

class Elastic {
  TemporaryFolder folder_;

 public:
  explicit Elastic(int least = 1, std::chrono::milliseconds timeout = 20s)
      : timeout_(timeout),
        server_({.secret = secret}),
        coordinator_(open(), {.least = least, .lost_after = 1s}) {}
  ~Elastic() {
    for (std::thread& thread : threads_) thread.join();
  }

  // Workers 0 to `workers` - 1 are started: the first generation waits for all of them, however
  // late their threads begin.
  void announce(int workers) {
    for (int worker = 0; worker < workers; ++worker) coordinator_.worker_started(worker, 1);
    open()->get(keys::started(workers - 1), 10s);
  }
  // Starts worker `number`; its data call `at`.
  void start(
      int number, std::function<void(int)> at = [](int) {}) {
    coordinator_.worker_started(number, 1);
    threads_.emplace_back([this, number, at = std::move(at)] { run(number, at); });
  }
  void wait() {
    for (std::thread& thread : threads_) thread.join();
    threads_.clear();
  }

  Coordinator& coordinator() { return coordinator_; }
  const std::filesystem::path& folder() const { return out; }
  std::map<int, std::string> digests() const {
    const std::lock_guard lock(mutex_);
    return digests_;
  }
  // That the worker which wrote the folder came to; nothing: it never ended.
  double accuracy() const {
    const std::lock_guard lock(mutex_);
    return accuracy_;
  }
  std::vector<nlohmann::json> events(const std::string& kind) const {
    std::vector<nlohmann::json> found;
    std::ifstream in(out / "metrics.jsonl");
    for (std::string line; std::getline(in, line);) {
      const auto event = nlohmann::json::parse(line);
      if (event["event"] == kind) found.push_back(event);
    }
    return found;
  }

  // Of a worker that came to the end; null: it did not.
  std::shared_ptr<torch::nn::Module> model(int worker) const {
    const std::lock_guard lock(mutex_);
    return models_.contains(worker) ? models_.at(worker) : nullptr;
  }

  std::atomic<bool> leave{false};  // worker 0 leaves
  // Where a worker's weights are.
  std::function<const Compute&()> device = []() -> const Compute& { return host_compute(); };
  // To be changed before workers start.
  std::filesystem::path out = folder_.path();
  bool resume = false;
  // Told each event by the worker that writes the folder, after its log: its number, the event.
  std::function<void(int, const nlohmann::ordered_json&)> on_event;
  Job job = small_job();
  TrainingData data{images(), nullptr, images()};
  ModelFactory factory = build_model(mlp_options(), image_spec());

 private:
  std::unique_ptr<Store> open() const {
    return open_store("127.0.0.1:" + std::to_string(server_.port()), secret, 10s);
  }

  void run(int number, const std::function<void(int)>& at) {
    try {
      MembershipOptions options;
      options.worker = number;
      options.heartbeat = 50ms;
      options.group.timeout = timeout_;
      Membership membership(open(), options);
      std::unique_ptr<RunFolder> held;
      CallbackObserver observer([&](const auto& event) {
        if (on_event) on_event(number, event);
      });
      RunOptions run;
      run.membership = &membership;
      run.device = &device();
      run.out = out;
      run.resume = resume;
      run.take_over = [&](bool) {
        held.reset();
        held = take_folder(out);
      };
      run.observers = {&observer};
      if (number == 0) run.leave = &leave;
      TrainingData watched = data;
      watched.train = std::make_shared<Watched>(data.train, at);
      const RunSummary summary = train(job, factory, run, watched);
      const std::lock_guard lock(mutex_);
      digests_[number] = summary.weights_sha256;
      models_[number] = summary.model;
      if (summary.json.contains("final") && data.test)
        accuracy_ = summary.json["final"]["test_accuracy"];
    } catch (const Killed&) {
    } catch (const PeerError& error) {
      const std::lock_guard lock(mutex_);
      digests_[number] = error.what();
    }
  }

  std::chrono::milliseconds timeout_;
  RendezvousServer server_;
  Coordinator coordinator_;
  mutable std::mutex mutex_;
  std::map<int, std::string> digests_;
  std::map<int, std::shared_ptr<torch::nn::Module>> models_;
  double accuracy_ = 0;
  std::vector<std::thread> threads_;
};

}  // namespace convoy::testing
