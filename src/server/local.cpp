#include "server/local.hpp"

#include <atomic>
#include <map>

namespace convoy::server {

struct LocalServers::Server {
  explicit Server(std::uint32_t shards) : shard_store(shards) {}
  std::mutex mutex;
  std::condition_variable changed;
  ShardStore shard_store;
  bool interrupted = false;
};

class LocalServers::LocalLink final : public Link {
 public:
  LocalLink(std::vector<std::unique_ptr<Server>>& servers, std::uint64_t worker)
      : servers_(servers), worker_(worker), bytes_(servers.size()) {}

  std::uint32_t shards() const override { return static_cast<std::uint32_t>(servers_.size()); }
  std::uint64_t worker() const override { return worker_; }
  Bytes bytes(std::uint32_t shard) const override { return bytes_[shard]; }

  std::uint64_t start(Message request) override {
    const std::uint64_t number = ++requests_;
    request.request = number;
    request.worker = worker_;
    bytes_[request.shard].sent += payload_bytes(request);
    Server& server = *servers_[request.shard];
    const std::lock_guard lock(server.mutex);
    Answer answer;
    if (attempt(server, request, answer)) {
      answers_.emplace(number, std::move(answer));
    } else {
      request.data = {};  // what is answered late has none
      waiting_.emplace(number, std::move(request));
    }
    return number;
  }

  Answer wait(std::uint64_t number) override {
    const auto waiting = waiting_.find(number);
    Answer answer;
    if (waiting == waiting_.end()) {
      const auto found = answers_.find(number);
      if (found == answers_.end()) throw std::logic_error("a request is waited for twice");
      answer = std::move(found->second);
      answers_.erase(found);
    } else {
      const Message request = std::move(waiting->second);
      waiting_.erase(waiting);
      Server& server = *servers_[request.shard];
      std::unique_lock lock(server.mutex);
      server.changed.wait(lock,
                          [&] { return server.interrupted || attempt(server, request, answer); });
      if (server.interrupted) throw PeerError(-1, "another worker of this process failed");
    }
    if (answer.message.kind == Kind::error) throw RequestError(answer.message.text);
    return answer;
  }

  void interrupt() override {
    for (auto& server : servers_) {
      const std::lock_guard lock(server->mutex);
      server->interrupted = true;
      server->changed.notify_all();
    }
  }

 private:
  bool attempt(Server& server, const Message& request, Answer& answer) {
    if (!server.shard_store.handle(request, answer.message)) return false;
    const std::span<const float> data = answer.message.data;
    if (!data.empty()) {
      const auto copy = std::make_shared<std::vector<float>>(data.begin(), data.end());
      answer.message.data = *copy;
      answer.memory = copy;
      bytes_[request.shard].received += payload_bytes(answer.message);
    }
    const bool wakes = request.kind == Kind::ready || request.kind == Kind::apply ||
                       request.kind == Kind::report || request.kind == Kind::gone ||
                       request.kind == Kind::take || request.kind == Kind::push;
    if (wakes) server.changed.notify_all();
    return true;
  }

  std::vector<std::unique_ptr<Server>>& servers_;
  std::uint64_t worker_;
  std::vector<Bytes> bytes_;
  std::uint64_t requests_ = 0;
  std::map<std::uint64_t, Answer> answers_;
  std::map<std::uint64_t, Message> waiting_;
};

LocalServers::LocalServers(std::uint32_t shards) {
  for (std::uint32_t shard = 0; shard < shards; ++shard)
    servers_.push_back(std::make_unique<Server>(shards));
}

LocalServers::~LocalServers() = default;

std::unique_ptr<Link> LocalServers::connect(std::uint32_t worker) {
  return std::make_unique<LocalLink>(servers_, (std::uint64_t{worker} << 32) | 1);
}

void LocalServers::interrupt() {
  LocalLink(servers_, 0).interrupt();
}

}  // namespace convoy::server
