#pragma once
// Buckets of gradients leave while backward still runs.
#include <atomic>
#include <condition_variable>
#include <exception>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "engine/exchange.hpp"
#include "engine/replica.hpp"

namespace convoy {

/// Cuts the blocks into buckets of about `bytes` each, the last parameters first: backward finishes
/// them in about that order. 0 bytes: one bucket.
std::vector<std::vector<int>> make_buckets(const std::vector<Block>& blocks, std::int64_t bytes);

/// Which buckets hold a part of a gradient, and how many gradients each bucket has parts of.
struct BucketGradients {
  std::vector<std::vector<int>> buckets_of;  ///< by gradient
  std::vector<int> counts;                   ///< by bucket
};
BucketGradients gradients_of_buckets(const std::vector<Block>& blocks,
                                     const std::vector<std::vector<int>>& buckets);

/// A thread of its own (the communication thread) reduces each bucket as soon as all replicas of
/// this worker have finished its gradients.
class GradientPipeline final : public GradientSink {
 public:
  /// `replicas`: how many take part, numbered from 0. `track`: where the timeline shows the
  /// communication thread, or null.
  GradientPipeline(Exchange& exchange, Reduction& reduction, int replicas, Trace::Track* track);
  ~GradientPipeline() override;

  /// After the exchange's buckets were set, between steps.
  void use_buckets();

  /// Before the replicas compute.
  void start(std::int64_t step);
  /// After they have: returns when all buckets are reduced. Rethrows what the communication thread
  /// met.
  void join();
  /// Instead of join, when a replica failed.
  void cancel();

  void begin(int replica, std::vector<PartialSum>& sums) override;
  void ready(int replica, std::size_t gradient) override;

 private:
  void serve();
  void carry();
  bool wait_until(const std::atomic<int>& left);

  Exchange& exchange_;
  Reduction& reduction_;
  Trace::Track* track_;
  std::vector<std::vector<PartialSum>*> sums_;  // by replica
  std::vector<std::vector<int>> buckets_of_;    // by gradient
  std::vector<int> left_at_start_;              // by bucket: gradients times replicas
  std::unique_ptr<std::atomic<int>[]> left_;    // by bucket: those to come
  std::atomic<int> beginning_{0};               // replicas that have not begun
  std::atomic<bool> cancelled_{false};

  std::mutex mutex_;
  std::condition_variable wake_;
  bool working_ = false;
  bool stopping_ = false;
  std::int64_t step_ = 0;
  std::exception_ptr error_;
  std::thread thread_;
};

/// Finds the bucket size with which steps are fastest, by trying a few in the first steps of a run.
/// The same decision on all workers, since all see the same times.
class BucketTuner {
 public:
  /// `bytes`: of all gradients. A size of 0 stands for: no overlap.
  explicit BucketTuner(std::int64_t bytes);
  bool done() const { return current_ >= candidates_.size(); }
  /// The size to use for the next step.
  std::int64_t bucket_bytes() const;
  /// How long a step with it took, on the slowest worker.
  void add(double seconds);
  struct Tried {
    std::int64_t bytes;
    double seconds;  ///< median
  };
  std::vector<Tried> tried() const;

 private:
  static constexpr std::size_t steps_each = 7;  // the first is not counted
  std::vector<std::int64_t> candidates_;
  std::vector<std::vector<double>> times_;
  std::size_t current_ = 0;
};

}  // namespace convoy
