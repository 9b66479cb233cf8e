#include "engine/gradient_pipeline.hpp"

#include <algorithm>
#include <numeric>
#include <set>

namespace convoy {

std::vector<std::vector<int>> make_buckets(const std::vector<Block>& blocks, std::int64_t bytes) {
  std::vector<std::vector<int>> buckets(1);
  std::int64_t filled = 0;
  for (int b = static_cast<int>(blocks.size()) - 1; b >= 0; --b) {
    const std::int64_t size = blocks[b].count * static_cast<std::int64_t>(sizeof(float));
    if (bytes > 0 && filled > 0 && filled + size > bytes) {
      buckets.emplace_back();
      filled = 0;
    }
    buckets.back().push_back(b);
    filled += size;
  }
  for (std::vector<int>& bucket : buckets) std::reverse(bucket.begin(), bucket.end());
  return buckets;
}

BucketGradients gradients_of_buckets(const std::vector<Block>& blocks,
                                     const std::vector<std::vector<int>>& buckets) {
  BucketGradients found;
  found.buckets_of.resize(blocks.empty() ? 0 : blocks.back().gradient + 1);
  for (std::size_t k = 0; k < buckets.size(); ++k) {
    std::set<std::size_t> gradients;
    for (const int b : buckets[k]) gradients.insert(blocks[b].gradient);
    for (const std::size_t gradient : gradients)
      found.buckets_of[gradient].push_back(static_cast<int>(k));
    found.counts.push_back(static_cast<int>(gradients.size()));
  }
  return found;
}

GradientPipeline::GradientPipeline(Exchange& exchange, Reduction& reduction, int replicas,
                                   Trace::Track* track)
    : exchange_(exchange),
      reduction_(reduction),
      track_(track),
      sums_(static_cast<std::size_t>(replicas)) {
  thread_ = std::thread([this] { serve(); });
}

GradientPipeline::~GradientPipeline() {
  cancel();
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  thread_.join();
}

void GradientPipeline::use_buckets() {
  BucketGradients gradients = gradients_of_buckets(reduction_.blocks(), exchange_.buckets());
  buckets_of_ = std::move(gradients.buckets_of);
  left_at_start_ = std::move(gradients.counts);
  for (int& left : left_at_start_) left *= static_cast<int>(sums_.size());
  left_ = std::make_unique<std::atomic<int>[]>(left_at_start_.size());
}

void GradientPipeline::start(std::int64_t step) {
  for (std::size_t k = 0; k < left_at_start_.size(); ++k) left_[k] = left_at_start_[k];
  beginning_ = static_cast<int>(sums_.size());
  cancelled_ = false;
  {
    const std::lock_guard lock(mutex_);
    step_ = step;
    error_ = nullptr;
    working_ = true;
  }
  wake_.notify_all();
}

void GradientPipeline::join() {
  std::unique_lock lock(mutex_);
  wake_.wait(lock, [this] { return !working_; });
  if (error_) std::rethrow_exception(std::exchange(error_, nullptr));
}

void GradientPipeline::cancel() {
  cancelled_ = true;
  beginning_ = 0;
  beginning_.notify_all();
  for (std::size_t k = 0; k < left_at_start_.size(); ++k) {
    left_[k] = 0;
    left_[k].notify_all();
  }
  std::unique_lock lock(mutex_);
  wake_.wait(lock, [this] { return !working_; });
}

void GradientPipeline::begin(int replica, std::vector<PartialSum>& sums) {
  sums_[replica] = &sums;
  if (beginning_.fetch_sub(1) == 1) beginning_.notify_all();
}

void GradientPipeline::ready(int /*replica*/, std::size_t gradient) {
  for (const int bucket : buckets_of_[gradient]) {
    if (left_[bucket].fetch_sub(1) == 1) left_[bucket].notify_all();
  }
}

bool GradientPipeline::wait_until(const std::atomic<int>& left) {
  for (int value = left.load(); value > 0; value = left.load()) left.wait(value);
  return !cancelled_;
}

void GradientPipeline::serve() {
  std::unique_lock lock(mutex_);
  while (true) {
    wake_.wait(lock, [this] { return stopping_ || working_; });
    if (!working_) return;
    lock.unlock();
    std::exception_ptr error;
    try {
      carry();
    } catch (...) {
      error = std::current_exception();
    }
    lock.lock();
    error_ = error;
    working_ = false;
    wake_.notify_all();
  }
}

void GradientPipeline::carry() {
  if (!wait_until(beginning_)) return;
  std::vector<PartialSum*> sums;
  for (std::vector<PartialSum>* of_replica : sums_) {
    for (PartialSum& sum : *of_replica) sums.push_back(&sum);
  }
  reduction_.begin(std::move(sums));
  exchange_.begin(reduction_.roots());
  for (std::size_t k = 0; k < exchange_.buckets().size(); ++k) {
    if (!wait_until(left_[k])) return;
    const auto begin = Trace::Clock::now();
    for (const int b : exchange_.buckets()[k]) reduction_.add_block(b);
    exchange_.reduce(k, reduction_);
    if (track_ != nullptr) {
      track_->add("communicate", begin, Trace::Clock::now(), step_, static_cast<std::int64_t>(k),
                  "bucket");
    }
  }
  exchange_.finish();
}

BucketTuner::BucketTuner(std::int64_t bytes) {
  candidates_ = {0};
  for (const std::int64_t size : {16 << 20, 4 << 20, 1 << 20, 256 << 10}) {
    if (size < bytes) candidates_.push_back(size);
  }
  if (candidates_.size() == 1) candidates_.clear();  // nothing to choose from
  times_.resize(candidates_.size());
}

std::int64_t BucketTuner::bucket_bytes() const {
  if (!done()) return candidates_[current_];
  const auto all = tried();
  if (all.empty()) return 0;
  return std::min_element(all.begin(), all.end(),
                          [](const Tried& a, const Tried& b) { return a.seconds < b.seconds; })
      ->bytes;
}

void BucketTuner::add(double seconds) {
  if (done()) return;
  times_[current_].push_back(seconds);
  if (times_[current_].size() >= steps_each) ++current_;
}

std::vector<BucketTuner::Tried> BucketTuner::tried() const {
  std::vector<Tried> all;
  for (std::size_t i = 0; i < current_; ++i) {
    std::vector<double> sorted(times_[i].begin() + 1, times_[i].end());
    std::sort(sorted.begin(), sorted.end());
    all.push_back({candidates_[i], sorted[sorted.size() / 2]});
  }
  return all;
}

}  // namespace convoy
