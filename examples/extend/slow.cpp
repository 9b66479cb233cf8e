// A transport: tcp as over a slow network, to see what a job, a strategy or a compression would do
// there. Each worker's messages leave one after the other at SLOW_MBIT megabits a second (variables
// of the environment; 100), and SLOW_MS milliseconds (1) after the last of their bytes did.
#include <condition_variable>
#include <convoy/comm/transports.hpp>
#include <convoy/plugin.hpp>
#include <cstdlib>
#include <deque>
#include <mutex>
#include <thread>

CONVOY_PLUGIN("slow", "1.0")

namespace {

using convoy::Deadline;
using Clock = std::chrono::steady_clock;
using Seconds = std::chrono::duration<double>;

struct SlowNetwork {
  double bytes_a_second;
  Seconds latency;
};

double positive_number(const char* variable, double otherwise) {
  const char* text = std::getenv(variable);
  if (text == nullptr) return otherwise;
  char* end = nullptr;
  const double number = std::strtod(text, &end);
  if (end == text || *end != '\0' || !(number > 0 && number < 1e9))
    throw convoy::InputError(std::string(variable) + "=" + text + ": write a number above 0");
  return number;
}

SlowNetwork slow_network() {
  return {positive_number("SLOW_MBIT", 100) * 1e6 / 8,
          Seconds(positive_number("SLOW_MS", 1) / 1e3)};
}

/// A message that leaves later.
class SlowSend final : public convoy::Transfer {
 public:
  SlowSend(int peer, int tag, convoy::SendPieces pieces, Clock::time_point due)
      : peer_(peer), tag_(tag), pieces_(std::move(pieces)), due_(due) {}

  Clock::time_point due() const { return due_; }

  void start(convoy::Transport& inner) {
    const std::lock_guard lock(mutex_);
    if (given_up_) return;
    try {
      begun_ = inner.send(peer_, tag_, std::move(pieces_));
    } catch (...) {
      problem_ = std::current_exception();
    }
    changed_.notify_all();
  }

  void wait(Deadline deadline) override {
    std::shared_ptr<Transfer> begun;
    {
      std::unique_lock lock(mutex_);
      const bool in_time =
          changed_.wait_until(lock, deadline, [&] { return begun_ != nullptr || problem_; });
      given_up_ = !in_time;  // its memory may be gone from now on
      if (given_up_) throw convoy::TimeoutError(peer_, "a message has not left in time");
      if (problem_) std::rethrow_exception(problem_);
      begun = begun_;
    }
    begun->wait(deadline);
  }

 private:
  const int peer_;
  const int tag_;
  convoy::SendPieces pieces_;
  const Clock::time_point due_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::shared_ptr<Transfer> begun_;
  std::exception_ptr problem_;
  bool given_up_ = false;
};

class Slow final : public convoy::Transport {
 public:
  Slow(std::unique_ptr<Transport> inner, SlowNetwork network)
      : inner_(std::move(inner)), network_(network), sender_([this] { send_when_due(); }) {}
  ~Slow() override {
    Slow::abort();
    sender_.join();
  }

  std::string_view name() const override { return "slow"; }
  std::size_t slice_bytes() const override { return inner_->slice_bytes(); }

  std::shared_ptr<convoy::Transfer> send(int peer, int tag, convoy::SendPieces pieces) override {
    const std::size_t bytes = convoy::total_size(pieces);
    count_sent(bytes);
    const std::lock_guard lock(mutex_);
    if (aborted_) convoy::throw_aborted();
    free_ = std::max(free_, Clock::now()) + span_of(Seconds(bytes / network_.bytes_a_second));
    auto message =
        std::make_shared<SlowSend>(peer, tag, std::move(pieces), free_ + span_of(network_.latency));
    waiting_.push_back(message);
    changed_.notify_one();
    return message;
  }

  std::shared_ptr<convoy::Transfer> receive(int peer, int tag, convoy::ReceivePieces pieces,
                                            convoy::Receive mode) override {
    return inner_->receive(peer, tag, std::move(pieces), mode);
  }

  // What has not left does so now, and fails as the rest does.
  void abort() override {
    inner_->abort();
    const std::lock_guard lock(mutex_);
    aborted_ = true;
    changed_.notify_one();
  }

 private:
  static Clock::duration span_of(Seconds time) {
    return std::chrono::duration_cast<Clock::duration>(time);
  }

  void send_when_due() {
    std::unique_lock lock(mutex_);
    while (true) {
      changed_.wait(lock, [&] { return aborted_ || !waiting_.empty(); });
      if (waiting_.empty()) return;
      const std::shared_ptr<SlowSend> next = waiting_.front();
      changed_.wait_until(lock, next->due(), [&] { return aborted_; });
      waiting_.pop_front();
      lock.unlock();
      next->start(*inner_);
      lock.lock();
    }
  }

  std::unique_ptr<Transport> inner_;
  const SlowNetwork network_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::shared_ptr<SlowSend>> waiting_;
  Clock::time_point free_;  // when the last byte has left
  bool aborted_ = false;
  std::thread sender_;
};

convoy::TransportKind slow_kind() {
  convoy::TransportKind kind;
  kind.name = "slow";
  kind.doc = "tcp as over a network of SLOW_MBIT megabits a second and SLOW_MS milliseconds";
  kind.between_hosts = true;
  kind.encrypts = true;
  kind.connect = [](const convoy::TransportMeeting& meeting) {
    const SlowNetwork network = slow_network();
    return std::make_unique<Slow>(convoy::transports().get("tcp").connect(meeting), network);
  };
  return kind;
}

const convoy::schema::Registered slow(convoy::transports(), slow_kind());

}  // namespace
