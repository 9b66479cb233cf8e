#include "comm/transports/tcp/transport.hpp"

#include <fmt/format.h>
#include <pthread.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>

#include <array>
#include <cerrno>
#include <condition_variable>
#include <cstring>
#include <thread>

#include "comm/transports/tcp/connect.hpp"
#include "core/descriptor.hpp"
#include "core/relax.hpp"

namespace convoy::tcp {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::microseconds;
using std::chrono::milliseconds;

constexpr microseconds spin_time{100};
constexpr std::size_t few_connections = 4;  // so few are tried without asking which have something
constexpr milliseconds progress_period{1};
constexpr int periods_until_rest = 50;
constexpr milliseconds flush_patience{1'000};
constexpr std::uint64_t wake_mark = ~std::uint64_t{0};

// Who moves the bytes: one thread at a time leads, which looks at all connections, and sleeps until
// one of them has something. A thread that waits for a message leads if nobody does: then the
// message is there without another thread having been woken for it. While nobody waits, and there
// is something under way, a thread of our own (the progress thread) leads. It looks once in a while
// whether that is so, rather than being told: telling it would cost more than a small message.
class TcpTransport final : public Transport {
 public:
  explicit TcpTransport(const TcpOptions& options)
      : spin_(options.spin),
        epoll_(::epoll_create1(EPOLL_CLOEXEC)),
        wake_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
    if (epoll_.get() < 0 || wake_.get() < 0)
      throw IoError(fmt::format("epoll: {}", std::strerror(errno)));
    auto connections = connect_all(options);
    for (std::size_t rank = 0; rank < connections.size(); ++rank) {
      links_.push_back(
          connections[rank].empty()
              ? nullptr
              : std::make_unique<Link>(static_cast<int>(rank), std::move(connections[rank])));
      for (std::size_t k = 0; links_[rank] && k < links_[rank]->connections(); ++k)
        watch(links_[rank]->fd(k), rank << 16 | k, EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET);
    }
    watch(wake_.get(), wake_mark, EPOLLIN | EPOLLET);
    sigset_t all, before;  // signals are for the program's own threads
    sigfillset(&all);
    ::pthread_sigmask(SIG_SETMASK, &all, &before);
    progress_thread_ = std::thread([this] { run_progress_thread(); });
    ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  }

  ~TcpTransport() override {
    {
      const std::lock_guard lock(mutex_);
      stopping_ = true;
    }
    tick_.notify_all();
    wake();
    progress_thread_.join();
    flush();
  }

  std::string_view name() const override { return "tcp"; }
  // What comes from several peers is kept until it can be added in order: it is to stay in the
  // cache until then. The round trips of slices overlap.
  std::size_t slice_bytes() const override { return 4 << 20; }

  std::shared_ptr<Transfer> send(int peer, int tag, SendPieces pieces) override {
    auto message = std::make_shared<Message>(wait_, peer, tag, std::move(pieces));
    count_sent(message->size);
    link(peer).send(message);
    if (!message->done) attend();
    return message;
  }

  std::shared_ptr<Transfer> receive(int peer, int tag, ReceivePieces pieces,
                                    Receive mode) override {
    auto message = std::make_shared<Message>(wait_, peer, tag, std::move(pieces), mode);
    link(peer).receive(message);
    if (!message->done) attend();
    return message;
  }

  void abort() override {
    abort_with(std::make_exception_ptr(PeerError(-1, "the group of workers was aborted")));
  }

 private:
  Link& link(int peer) {
    if (peer < 0 || peer >= static_cast<int>(links_.size()) || !links_[peer])
      throw std::logic_error(fmt::format("there is no connection to worker {}", peer));
    return *links_[peer];
  }

  void watch(int fd, std::uint64_t mark, std::uint32_t events) {
    epoll_event event{};
    event.events = events;
    event.data.u64 = mark;
    if (::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event) != 0)
      throw IoError(fmt::format("epoll: {}", std::strerror(errno)));
  }

  void wake() {
    const std::uint64_t one = 1;
    [[maybe_unused]] const auto written = ::write(wake_.get(), &one, sizeof(one));
  }

  // Something was begun: who sleeps must know of it.
  void attend() {
    begun_.fetch_add(1, std::memory_order_relaxed);
    if (sleeping_) wake();
    if (resting_) {
      const std::lock_guard lock(mutex_);
      resting_ = false;
      tick_.notify_all();
    }
  }

  // ---- waiting ----

  void wait(Message& message, Deadline deadline) {
    if (!message.done) wait_for(message, deadline);
    if (!message.done) {
      abort_with(std::make_exception_ptr(TimeoutError(
          message.peer, fmt::format("worker {} did not answer in time", message.peer))));
    }
    if (!message.error) return;
    const std::exception_ptr error = message.error;
    abort_with(error);  // what else is under way must not touch memory that goes with the exception
    std::rethrow_exception(error);
  }

  void wait_for(Message& message, Deadline deadline) {
    std::unique_lock lock(mutex_);
    ++waiting_;
    while (!message.done && Clock::now() < deadline) {
      if (leading_) {
        if (progress_thread_leads_) wake();
        led_.wait_until(lock, deadline);
        continue;
      }
      leading_ = true;
      lock.unlock();
      lead(message, deadline);
      lock.lock();
      leading_ = false;
      if (waiting_ > 1) led_.notify_all();
    }
    --waiting_;
  }

  void lead(const Message& message, Deadline deadline) {
    auto idle_since = Clock::time_point();
    for (int looks = 0; !message.done;) {
      if (progress(spin_)) {
        looks = 0;
        continue;
      }
      if (message.done) return;
      const auto now = Clock::now();
      if (looks++ == 0) idle_since = now;
      if (now >= deadline) return;
      if (spin_ && now - idle_since < spin_time) {
        relax();
        continue;
      }
      sleep(deadline, [&] { return message.done.load(); });
      looks = 0;
    }
  }

  // Looks at all connections with something under way. Whether anything moved.
  bool progress(bool anyhow) {
    std::size_t connections = 0;
    for (const auto& one : links_)
      if (one && one->unfinished() > 0) connections += one->connections();
    if (anyhow && connections > few_connections) {
      listen_to_system(0);
      anyhow = false;
    }
    bool moved = false;
    bool messages = false;
    for (const auto& one : links_) {
      if (!one || one->unfinished() == 0) continue;
      const Link::Moved now = one->progress(anyhow);
      moved |= now.bytes || now.messages;
      messages |= now.messages;
    }
    if (messages && waiting_ > 1) {
      const std::lock_guard lock(mutex_);
      led_.notify_all();
    }
    return moved;
  }

  template <class Enough>
  void sleep(Deadline until, const Enough& enough) {
    sleeping_ = true;  // from now on others wake us: so one more look at what they did before
    if (!enough() && !progress(false) && !enough()) {
      const auto left = std::chrono::ceil<milliseconds>(until - Clock::now());
      listen_to_system(static_cast<int>(std::clamp<std::int64_t>(left.count(), 0, 60'000)));
    }
    sleeping_ = false;
  }

  void listen_to_system(int timeout) {
    std::array<epoll_event, 64> events;
    const int count =
        ::epoll_wait(epoll_.get(), events.data(), static_cast<int>(events.size()), timeout);
    for (int i = 0; i < count; ++i) {
      const std::uint64_t mark = events[i].data.u64;
      if (mark == wake_mark) continue;
      const std::uint32_t what = events[i].events;
      const bool ended = (what & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0;
      links_[mark >> 16]->heard(mark & 0xffff, ended || (what & EPOLLIN) != 0,
                                ended || (what & EPOLLOUT) != 0, ended);
    }
  }

  // ---- the progress thread ----

  bool anything_under_way() const {
    for (const auto& one : links_)
      if (one && one->unfinished() > 0) return true;
    return false;
  }

  void run_progress_thread() {
    std::unique_lock lock(mutex_);
    int quiet = 0;
    while (!stopping_) {
      if (quiet >= periods_until_rest) {
        resting_ = true;
        if (!anything_under_way()) tick_.wait(lock, [this] { return stopping_ || !resting_; });
        resting_ = false;
        quiet = 0;
      }
      const std::uint64_t before = begun_;
      tick_.wait_for(lock, progress_period, [this] { return stopping_.load(); });
      if (!anything_under_way()) {
        quiet = begun_ == before ? quiet + 1 : 0;
        continue;
      }
      quiet = 0;
      // Whoever has just begun something will wait for it now.
      if (stopping_ || leading_ || waiting_ > 0 || begun_ != before) continue;
      leading_ = progress_thread_leads_ = true;
      lock.unlock();
      lead_until_somebody_waits();
      lock.lock();
      leading_ = progress_thread_leads_ = false;
      led_.notify_all();
    }
  }

  void lead_until_somebody_waits() {
    const auto enough = [this] { return stopping_ || waiting_ > 0 || !anything_under_way(); };
    while (!enough()) {
      if (!progress(false)) sleep(Clock::now() + std::chrono::minutes(1), enough);
    }
  }

  // ---- the end ----

  void abort_with(const std::exception_ptr& error) {
    for (const auto& one : links_)
      if (one) one->fail(error);
    wake();
    const std::lock_guard lock(mutex_);
    led_.notify_all();
  }

  // What was sent shall arrive: mostly it has.
  void flush() {
    const auto deadline = Clock::now() + flush_patience;
    for (const auto& one : links_) {
      if (!one || one->broken()) continue;
      while (!one->flushed() && Clock::now() < deadline)
        std::this_thread::sleep_for(microseconds(200));
      one->drain();
    }
  }

  const bool spin_;
  const Descriptor epoll_;
  const Descriptor wake_;
  const Message::Wait wait_ = [this](Message& message, Deadline deadline) {
    wait(message, deadline);
  };
  std::vector<std::unique_ptr<Link>> links_;  // by rank; null: no connection

  std::mutex mutex_;  // guards who leads
  std::condition_variable led_;
  std::condition_variable tick_;
  bool leading_ = false;
  std::atomic<bool> progress_thread_leads_{false};
  std::atomic<int> waiting_{0};
  std::atomic<bool> sleeping_{false};  // the leader does, or is about to
  std::atomic<bool> resting_{false};   // the progress thread has had nothing to do for long
  std::atomic<bool> stopping_{false};
  std::atomic<std::uint64_t> begun_{0};
  std::thread progress_thread_;
};

}  // namespace
}  // namespace convoy::tcp

namespace convoy {

namespace {

// We ask for no such signal when we write, but what else the process writes to may be closed by a
// peer's end just as well: no worker ends of that. What the program says of the signal holds, if it
// says anything.
void survive_closed_connections() {
  struct sigaction now {};
  ::sigaction(SIGPIPE, nullptr, &now);
  if ((now.sa_flags & SA_SIGINFO) == 0 && now.sa_handler == SIG_DFL) ::signal(SIGPIPE, SIG_IGN);
}

}  // namespace

std::unique_ptr<Transport> tcp_transport(const TcpOptions& options) {
  survive_closed_connections();
  return std::make_unique<tcp::TcpTransport>(options);
}

}  // namespace convoy
