#include "comm/gloo_transport.hpp"

#include <fmt/format.h>
#include <signal.h>
#define USE_C10D_GLOO
#include <atomic>
#include <list>
#include <mutex>
#include <torch/csrc/distributed/c10d/ProcessGroupGloo.hpp>

#include "comm/staged.hpp"
#include "convoy/core/error.hpp"

namespace convoy {
namespace {

using std::chrono::milliseconds;

std::string first_line(const std::exception& error) {
  const std::string text = error.what();
  return text.substr(0, text.find('\n'));
}

[[noreturn]] void rethrow(const std::exception& error, int peer) {
  const std::string text = first_line(error);
  if (text.find("imed out") != std::string::npos)
    throw TimeoutError(peer, fmt::format("worker {} did not answer in time", peer));
  if (text.find("onnection") != std::string::npos)
    throw PeerError(peer, fmt::format("worker {} is lost: its connection was closed", peer));
  throw PeerError(peer, fmt::format("worker {} is lost: {}", peer, text));
}

// c10d's view of our store. Only what gloo's rendezvous calls is there.
class StoreForGloo final : public c10d::Store {
 public:
  StoreForGloo(GlooStore store, milliseconds timeout)
      : c10d::Store(timeout), store_(std::move(store)) {}

  void set(const std::string& key, const std::vector<std::uint8_t>& value) override {
    store_.set(key, std::string(value.begin(), value.end()));
  }
  std::vector<std::uint8_t> get(const std::string& key) override {
    const std::string value = store_.get(key);
    return {value.begin(), value.end()};
  }
  bool check(const std::vector<std::string>& keys) override {
    return std::all_of(keys.begin(), keys.end(), [&](const auto& key) { return store_.has(key); });
  }
  void wait(const std::vector<std::string>& keys) override {
    for (const std::string& key : keys) store_.get(key);
  }
  void wait(const std::vector<std::string>& keys, const milliseconds&) override { wait(keys); }
  std::int64_t add(const std::string&, std::int64_t) override { unused("add"); }
  bool deleteKey(const std::string&) override { unused("deleteKey"); }
  std::int64_t getNumKeys() override { unused("getNumKeys"); }

 private:
  [[noreturn]] static void unused(const char* what) {
    throw std::logic_error(fmt::format("gloo was not expected to call {} of the store", what));
  }
  GlooStore store_;
};

torch::Tensor as_tensor(std::span<std::byte> bytes) {
  return torch::from_blob(bytes.data(), {static_cast<std::int64_t>(bytes.size())}, torch::kByte);
}

// What waits now, so that somebody else can end it.
class Waiting {
 public:
  using GlooWork = c10::intrusive_ptr<c10d::Work>;

  void wait(const GlooWork& work, milliseconds limit) {
    add(work);
    try {
      work->wait(limit);
    } catch (...) {
      remove(work);
      require_not_aborted();
      throw;
    }
    remove(work);
    require_not_aborted();  // an aborted wait returns as if all were well
  }
  void abort() {
    const std::lock_guard lock(mutex_);
    aborted_ = true;
    for (const GlooWork& work : works_) work->abort();
  }
  void require_not_aborted() const {
    if (aborted_) throw_aborted();
  }

 private:
  void add(const GlooWork& work) {
    const std::lock_guard lock(mutex_);
    require_not_aborted();
    works_.push_back(work);
  }
  void remove(const GlooWork& work) {
    const std::lock_guard lock(mutex_);
    works_.remove(work);
  }

  std::mutex mutex_;
  std::list<GlooWork> works_;
  std::atomic<bool> aborted_{false};
};

template <class Stage>
class GlooTransfer final : public Transfer {
 public:
  template <class... Arguments>
  GlooTransfer(std::shared_ptr<Waiting> waiting, int peer, Arguments&&... arguments)
      : stage(std::forward<Arguments>(arguments)...),
        tensors{as_tensor(stage.bytes())},
        waiting_(std::move(waiting)),
        peer_(peer) {}

  void wait(Deadline deadline) override {
    const auto left = std::chrono::ceil<milliseconds>(deadline - std::chrono::steady_clock::now());
    try {
      waiting_->wait(work, std::max(left, milliseconds(1)));
    } catch (const PeerError&) {
      throw;
    } catch (const std::exception& error) {
      rethrow(error, peer_);
    }
    if constexpr (std::is_same_v<Stage, StagedReceive>) stage.finish(peer_);
  }

  Stage stage;
  std::vector<torch::Tensor> tensors;
  c10::intrusive_ptr<c10d::Work> work;

 private:
  std::shared_ptr<Waiting> waiting_;
  int peer_;
};

class GlooTransport final : public Transport {
 public:
  explicit GlooTransport(c10::intrusive_ptr<c10d::ProcessGroupGloo> group)
      : group_(std::move(group)) {}

  std::string_view name() const override { return "gloo"; }
  void abort() override { waiting_->abort(); }

  std::shared_ptr<Transfer> send(int peer, int tag, SendPieces pieces) override {
    waiting_->require_not_aborted();
    auto transfer = std::make_shared<GlooTransfer<StagedSend>>(waiting_, peer, pieces);
    count_sent(transfer->stage.payload());
    start(peer, [&] { transfer->work = group_->send(transfer->tensors, peer, tag); });
    return transfer;
  }

  std::shared_ptr<Transfer> receive(int peer, int tag, ReceivePieces pieces,
                                    Receive mode) override {
    waiting_->require_not_aborted();
    auto transfer =
        std::make_shared<GlooTransfer<StagedReceive>>(waiting_, peer, std::move(pieces), mode);
    start(peer, [&] { transfer->work = group_->recv(transfer->tensors, peer, tag); });
    return transfer;
  }

 private:
  template <class Start>
  static void start(int peer, const Start& begin) {
    try {
      begin();
    } catch (const std::exception& error) {
      rethrow(error, peer);
    }
  }

  c10::intrusive_ptr<c10d::ProcessGroupGloo> group_;
  std::shared_ptr<Waiting> waiting_ = std::make_shared<Waiting>();
};

// gloo writes to connections that a lost worker has closed already, in a way that ends the process
// unless the signal is ignored. What the program says of the signal holds, if it says anything.
void survive_closed_connections() {
  struct sigaction now {};
  ::sigaction(SIGPIPE, nullptr, &now);
  if ((now.sa_flags & SA_SIGINFO) == 0 && now.sa_handler == SIG_DFL) ::signal(SIGPIPE, SIG_IGN);
}

}  // namespace

std::unique_ptr<Transport> gloo_transport(GlooStore store, const std::string& address, int rank,
                                          int size, milliseconds timeout) {
  survive_closed_connections();
  auto options = c10d::ProcessGroupGloo::Options::create(timeout);
  try {
    options->devices.push_back(c10d::ProcessGroupGloo::createDeviceForHostname(address));
    options->threads = 1;  // only for c10d's own collectives, which are not used
    return std::make_unique<GlooTransport>(c10::make_intrusive<c10d::ProcessGroupGloo>(
        c10::make_intrusive<StoreForGloo>(std::move(store), timeout), rank, size, options));
  } catch (const Error&) {
    throw;
  } catch (const std::exception& error) {
    throw PeerError(-1, fmt::format("the workers could not connect to each other from {}: {}",
                                    address, first_line(error)));
  }
}

}  // namespace convoy
