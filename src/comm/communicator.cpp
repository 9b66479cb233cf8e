#include "convoy/comm/communicator.hpp"

#include <condition_variable>
#include <deque>
#include <future>
#include <mutex>
#include <thread>
#include <utility>

#include "convoy/comm/transport.hpp"

namespace convoy {

void Work::wait() {
  if (transfer_) {
    const auto transfer = std::exchange(transfer_, nullptr);
    transfer->wait(std::chrono::steady_clock::now() + timeout_);
  } else if (collective_.valid()) {
    std::exchange(collective_, {}).get();
  }
}

// One thread that runs collectives in the order in which they were asked for.
class Communicator::AsyncQueue {
 public:
  AsyncQueue() : thread_([this] { serve(); }) {}
  ~AsyncQueue() {
    {
      const std::lock_guard lock(mutex_);
      stopping_ = true;
    }
    wake_.notify_one();
    thread_.join();
  }

  std::shared_future<void> push(std::function<void()> collective) {
    std::packaged_task<void()> task(std::move(collective));
    std::shared_future<void> future = task.get_future().share();
    {
      const std::lock_guard lock(mutex_);
      tasks_.push_back(std::move(task));
    }
    wake_.notify_one();
    return future;
  }

 private:
  void serve() {
    std::unique_lock lock(mutex_);
    while (true) {
      wake_.wait(lock, [this] { return stopping_ || !tasks_.empty(); });
      if (tasks_.empty()) return;
      std::packaged_task<void()> task = std::move(tasks_.front());
      tasks_.pop_front();
      lock.unlock();
      task();
      lock.lock();
    }
  }

  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<std::packaged_task<void()>> tasks_;
  bool stopping_ = false;
  std::thread thread_;
};

Communicator::Communicator(std::unique_ptr<Transport> transport, int rank, std::vector<int> hosts,
                           std::chrono::milliseconds timeout)
    : transport_(std::move(transport)), rank_(rank), hosts_(std::move(hosts)), timeout_(timeout) {}

Communicator::~Communicator() = default;

std::string_view Communicator::transport() const {
  return transport_->name();
}

void Communicator::abort() {
  transport_->abort();
}

std::uint64_t Communicator::bytes_sent() const {
  return transport_->bytes_sent();
}

Work Communicator::isend(int peer, int tag, SendPieces pieces) {
  return {transport_->send(peer, tag, std::move(pieces)), timeout_};
}

Work Communicator::irecv(int peer, int tag, ReceivePieces pieces, Receive mode) {
  return {transport_->receive(peer, tag, std::move(pieces), mode), timeout_};
}

void Communicator::send(int peer, int tag, std::span<const std::byte> bytes) {
  isend(peer, tag, {bytes}).wait();
}

void Communicator::recv(int peer, int tag, std::span<std::byte> bytes) {
  irecv(peer, tag, {bytes}).wait();
}

int Communicator::next_tag() {
  constexpr std::uint32_t numbers = 1 << 20;  // far more than can be under way at once
  return max_tag + 1 + static_cast<int>(collectives_++ % numbers);
}

Work Communicator::enqueue(std::function<void()> collective) {
  if (!queue_) queue_ = std::make_unique<AsyncQueue>();
  return Work(queue_->push(std::move(collective)));
}

void Communicator::run(const std::function<void()>& collective) {
  if (queue_) return enqueue(collective).wait();
  collective();
}

}  // namespace convoy
