#include "convoy/checkpoint/writer.hpp"

#include <condition_variable>
#include <exception>
#include <mutex>
#include <new>
#include <optional>
#include <thread>
#include <utility>

#include "checkpoint/inspect.hpp"
#include "checkpoint/metric.hpp"
#include "convoy/core/error.hpp"

namespace convoy {
namespace {

double seconds_since(CheckpointWriter::Clock::time_point begin) {
  return std::chrono::duration<double>(CheckpointWriter::Clock::now() - begin).count();
}

}  // namespace

struct CheckpointWriter::Impl {
  struct Submitted {
    CheckpointState state;
    double stall_seconds = 0;
  };

  explicit Impl(CheckpointStore store) : store_(std::move(store)), thread_([this] { run(); }) {}

  ~Impl() {
    {
      const std::lock_guard lock(mutex_);
      ending_ = true;
    }
    changed_.notify_all();
    thread_.join();
  }

  // Whether pruning would have removed `waiting` soon, had both been written.
  bool may_replace(const CheckpointState& waiting, const CheckpointState& newer) const {
    if (store_.keeps_forever(waiting.step)) return false;
    const auto old_metric = metric_of(waiting.meta);
    const auto new_metric = metric_of(newer.meta);
    return !old_metric || (new_metric && !is_better(*old_metric, *new_metric));
  }

  void run() {
    std::unique_lock lock(mutex_);
    while (true) {
      changed_.wait(lock, [this] { return waiting_ || ending_; });
      if (!waiting_) return;
      Submitted next = std::move(*waiting_);
      waiting_.reset();
      writing_ = true;
      changed_.notify_all();
      lock.unlock();
      WrittenCheckpoint result = write(std::move(next));
      lock.lock();
      finished_.push_back(std::move(result));
      writing_ = false;
      changed_.notify_all();
    }
  }

  WrittenCheckpoint write(Submitted submitted) {
    const auto begin = Clock::now();
    WrittenCheckpoint result;
    result.step = submitted.state.step;
    result.stall_seconds = submitted.stall_seconds;
    try {
      result.path = store_.save(submitted.state);
      result.best = store_.best() == result.path;
      result.bytes = checkpoint_bytes(result.path);
    } catch (const InputError& error) {
      const std::lock_guard lock(mutex_);
      unwritable_ = std::current_exception();
      result.error = error.what();
    } catch (const std::bad_alloc&) {
      result.error = "out of memory";
    } catch (const std::exception& error) {
      result.error = error.what();
    }
    result.seconds = seconds_since(begin);
    return result;
  }

  void throw_if_unwritable() {
    if (unwritable_) std::rethrow_exception(std::exchange(unwritable_, nullptr));
  }

  bool idle() const { return !waiting_ && !writing_; }

  CheckpointStore store_;  // `keeps_forever` is for both threads, the rest for the writer's
  std::mutex mutex_;       // guards what follows
  std::condition_variable changed_;
  std::optional<Submitted> waiting_;
  bool writing_ = false;
  bool ending_ = false;
  std::exception_ptr unwritable_;
  std::vector<WrittenCheckpoint> finished_;
  std::thread thread_;  // last: it uses the rest
};

CheckpointWriter::CheckpointWriter(CheckpointStore store)
    : impl_(std::make_unique<Impl>(std::move(store))) {}
CheckpointWriter::~CheckpointWriter() = default;

void CheckpointWriter::submit(CheckpointState state, Clock::time_point since) {
  std::optional<Impl::Submitted> superseded;  // its memory is freed without the lock
  {
    std::unique_lock lock(impl_->mutex_);
    impl_->changed_.wait(lock, [&] {
      return !impl_->waiting_ || impl_->may_replace(impl_->waiting_->state, state);
    });
    superseded = std::exchange(impl_->waiting_, std::nullopt);
    impl_->waiting_ = Impl::Submitted{std::move(state), seconds_since(since)};
  }
  impl_->changed_.notify_all();
}

std::vector<WrittenCheckpoint> CheckpointWriter::take_finished() {
  const std::lock_guard lock(impl_->mutex_);
  impl_->throw_if_unwritable();
  return std::exchange(impl_->finished_, {});
}

void CheckpointWriter::wait() {
  std::unique_lock lock(impl_->mutex_);
  impl_->changed_.wait(lock, [this] { return impl_->idle(); });
}

void CheckpointWriter::wait_for_last() {
  wait();
  const std::lock_guard lock(impl_->mutex_);
  impl_->throw_if_unwritable();
  auto& finished = impl_->finished_;
  if (finished.empty() || finished.back().error.empty()) return;
  const std::string error = std::move(finished.back().error);
  finished.pop_back();
  throw IoError(error);
}

}  // namespace convoy
