#include "server/network_server.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>

#include "core/hmac.hpp"
#include "core/random_number.hpp"

namespace convoy::server {
namespace {

constexpr std::size_t most_sessions = 1 << 16;
constexpr std::size_t most_waiting = 1 << 18;
constexpr int most_refusals = 5;  // that are told in a second
constexpr std::chrono::milliseconds glance{20};

std::string z85(const zmq::message_t& key) {
  std::string text(41, '\0');
  if (key.size() != 32 || zmq_z85_encode(text.data(), key.data<std::uint8_t>(), 32) == nullptr)
    return {};
  text.pop_back();
  return text;
}

// "worker-3-123": the worker's process, and what tells it from one that had the number before.
bool is_of_process(std::uint64_t worker, const std::string& process) {
  return process ==
         fmt::format("worker-{}-{}", (worker >> 32) / replicas_of_process, worker & 0xffffffff);
}

}  // namespace

NetworkServer::NetworkServer(NetworkServerOptions options)
    : options_(std::move(options)),
      worker_keys_(derived_keys(options_.secret, "worker")),
      server_keys_(derived_keys(options_.secret, "server")),
      directory_(options_.rendezvous, options_.secret, fmt::format("server-{}", options_.number), 0,
                 0, options_.timeout, options_.lost_after),
      map_(directory_.map()),
      shard_store_(static_cast<std::uint32_t>(map_.shards.size())),
      zap_(context_, zmq::socket_type::rep),
      router_(context_, zmq::socket_type::router) {
  zap_.bind("inproc://zeromq.zap.01");
  listen();
  directory_.publish(options_.number, {endpoint_, keys_.public_key});
}

NetworkServer::~NetworkServer() = default;

// A job on one host meets there by a socket of Linux' abstract namespace, whose name is random.
void NetworkServer::listen() {
  const std::string& host = options_.bind.empty() ? directory_.local_address() : options_.bind;
  const bool local = options_.bind.empty() && (host.starts_with("127.") || host == "::1");
  configure(router_);
  become_server(router_, keys_, local);
  try {
    if (local)
      return router_.bind(
          endpoint_ = fmt::format("ipc://@convoy-server-{}-{:016x}", ::getpid(), random_number()));
    router_.bind(
        fmt::format("tcp://{}:*", host.find(':') == std::string::npos ? host : "[" + host + "]"));
  } catch (const zmq::error_t& error) {
    throw IoError(fmt::format("parameter server {} cannot listen at {}: {}", options_.number, host,
                              error.what()));
  }
  endpoint_ = router_.get(zmq::sockopt::last_endpoint);
}

bool NetworkServer::serve(const std::atomic<bool>& stop) {
  while (!stop && !directory_.lost()) {
    std::vector<zmq::pollitem_t> items = {{zap_.handle(), 0, ZMQ_POLLIN, 0},
                                          {router_.handle(), 0, ZMQ_POLLIN, 0}};
    for (auto& [number, peer] : peers_) items.push_back({peer.socket.handle(), 0, ZMQ_POLLIN, 0});
    wait_for(items, glance);
    if ((items[0].revents & ZMQ_POLLIN) != 0) authenticate();
    look_around();
    for (int i = 0; i < 64; ++i) {
      auto received = receive(router_, /*routed=*/true);
      if (!received) break;
      handle(std::move(*received));
    }
    for (auto& [number, peer] : peers_) {
      while (auto received = receive(peer.socket, /*routed=*/false))
        handle_acknowledgement(std::move(*received));
    }
    offer();
    balance();
    if (leaves()) return true;
    if (shard_store_.closed() && unreplicated_.empty() &&
        (shard_store_.dismissed() || directory_.run_is_over())) {
      end_well();
      return true;
    }
    if (!is_needed()) return true;
  }
  if (directory_.is_gone(directory_.self())) directory_.require_not_lost();
  return false;
}

// RFC 27 (ZAP): a connection is accepted by its key.
void NetworkServer::authenticate() {
  std::vector<zmq::message_t> frames;
  while (true) {
    zmq::message_t frame;
    if (!zap_.recv(frame, zmq::recv_flags::none)) return;
    const bool more = frame.more();
    frames.push_back(std::move(frame));
    if (!more) break;
  }
  const std::string user = user_of(frames);
  if (user.empty())
    refuse(fmt::format("a connection from {} without a key of this job",
                       frames.size() > 3 ? frames[3].to_string() : "somewhere"));
  const std::string id = frames.size() > 1 ? frames[1].to_string() : "";
  const std::string words[] = {
      "1.0", id, user.empty() ? "400" : "200", user.empty() ? "no key of this job" : "OK",
      user,  ""};
  for (std::size_t k = 0; k < std::size(words); ++k)
    zap_.send(zmq::buffer(words[k]),
              k + 1 < std::size(words) ? zmq::send_flags::sndmore : zmq::send_flags::none);
}

// By the public key of whoever has shown that it has the secret one; nothing for others.
std::string NetworkServer::user_of(const std::vector<zmq::message_t>& request) const {
  constexpr std::size_t mechanism = 5;
  if (request.size() <= mechanism + 1) return {};
  const bool curve = request[mechanism].to_string_view() == "CURVE";
  const bool plain =
      request[mechanism].to_string_view() == "PLAIN" && request.size() == mechanism + 3;
  if (!curve && !plain) return {};
  const std::string key = curve ? z85(request[mechanism + 1]) : request[mechanism + 1].to_string();
  for (const auto& [name, keys] : {std::pair("worker", &worker_keys_), {"server", &server_keys_}}) {
    if (key != keys->public_key) continue;
    if (curve || equal(request[mechanism + 2].to_string_view(), keys->secret_key)) return name;
  }
  return {};
}

void NetworkServer::refuse(const std::string& what) {
  const auto now = Clock::now();
  if (now - refused_since_ > std::chrono::seconds(1)) {
    if (refused_ > most_refusals && options_.log)
      options_.log(fmt::format("refused {} more in that second", refused_ - most_refusals));
    refused_since_ = now;
    refused_ = 0;
  }
  if (++refused_ <= most_refusals && options_.log) options_.log("refused: " + what);
}

// A worker's connection begins with who it is, and each message has a higher number than the one
// before.
bool NetworkServer::accept(const Received& received) {
  const Message& m = received.answer.message;
  auto session = sessions_.find(received.from);
  if (session == sessions_.end()) {
    if (m.kind != Kind::hello && received.user != "server") {
      refuse_request(received.from, m, Flag::moved, "say hello first");
      return false;
    }
    if (sessions_.size() >= most_sessions) {
      refuse("a connection more than there is room for");
      return false;
    }
    session = sessions_.emplace(received.from, Session{}).first;
  }
  if (m.sequence <= session->second.sequence) {
    refuse(fmt::format("message {} of a connection that is at {}: it was sent before", m.sequence,
                       session->second.sequence));
    return false;
  }
  session->second.sequence = m.sequence;
  return true;
}

void NetworkServer::handle(Received received) {
  if (!received.problem.empty()) return refuse(received.problem);
  const Message& m = received.answer.message;
  if (m.kind >= Kind::answer) return refuse("an answer that nobody asked for");
  const bool from_server = received.user == "server";
  const bool of_servers =
      m.kind == Kind::assigned || m.kind == Kind::seed || m.kind == Kind::seeded;
  if (m.has(Flag::replicated) != from_server || (of_servers && !from_server) ||
      m.kind == Kind::gone)
    return refuse("a message that its sender may not send");
  if (!accept(received)) return;
  if (from_server) return handle_replica(received.from, received.answer);
  // Perhaps we know already that it is gone.
  if (m.kind == Kind::hello && workers_.insert_or_assign(m.worker, received.from).second)
    gone_seen_ = 0;
  handle_request(received.from, m);
}

bool NetworkServer::is_ours(std::uint32_t shard) const {
  return shard < map_.shards.size() && map_.shards[shard].primary == options_.number;
}

NetworkServer::Copy NetworkServer::copy_of(std::uint32_t shard) const {
  if (const int backup = map_.shards.at(shard).backup; backup >= 0) return {backup, true};
  const auto found = seedings_.find(shard);
  if (found == seedings_.end() || found->second.refused) return {};
  return {found->second.to, found->second.waits};
}

void NetworkServer::log_line(const std::string& line) const {
  if (options_.log) options_.log(line);
}

void NetworkServer::handle_request(const std::string& from, const Message& request) {
  if (request.generation > map_.generation) {
    directory_.refresh();
    look_around();
  }
  if (!is_ours(request.shard))
    return refuse_request(from, request, Flag::moved, "another server has this shard");
  if (handing_over_ == request.shard)
    return refuse_request(from, request, Flag::moved, "another server gets this shard");
  if (try_request(from, request)) return retry();
  if (waiting_.size() >= most_waiting) return refuse("a request more than there is room for");
  if (!request.data.empty())  // only what asks for something waits
    return refuse_request(from, request, Flag::moved, "not ready");
  waiting_.push_back({from, request});
}

bool NetworkServer::try_request(const std::string& from, const Message& request) {
  Message result;
  if (!shard_store_.handle(request, result)) return false;
  if (result.kind == Kind::error) {
    refuse(result.text);
    answer(from, result, request.request);
    return true;
  }
  const Copy copy = copy_of(request.shard);
  if (copy.server >= 0) {
    const auto decided = shard_store_.decision(request, result);
    if (decided || ShardStore::changes(request)) {
      replicate(decided ? *decided : request, copy, from, result);
      if (copy.waits) return true;
    }
  }
  answer(from, result, request.request);
  return true;
}

void NetworkServer::retry() {
  bool again = true;
  while (again) {
    again = false;
    for (std::size_t i = 0; i < waiting_.size(); ++i) {
      if (!try_request(waiting_[i].from, waiting_[i].request)) continue;
      // What it changes may be what another one waits for.
      const Kind kind = waiting_[i].request.kind;
      again = again || kind == Kind::apply || kind == Kind::take;
      waiting_.erase(waiting_.begin() + static_cast<std::ptrdiff_t>(i--));
    }
  }
}

void NetworkServer::answer(const std::string& to, Message& message, std::uint64_t request) {
  message.request = request;
  message.generation = map_.generation;
  send(router_, to, message);
}

void NetworkServer::refuse_request(const std::string& to, const Message& request, Flag flag,
                                   std::string text) {
  Message message;
  message.kind = Kind::error;
  message.shard = request.shard;
  message.flags = flag;
  message.text = std::move(text);
  answer(to, message, request.request);
}

zmq::socket_t& NetworkServer::peer(int server) {
  const auto found = peers_.find(server);
  if (found != peers_.end()) return found->second.socket;
  const ServerAddress at = directory_.address(server);
  zmq::socket_t socket(context_, zmq::socket_type::dealer);
  configure(socket);
  become_client(socket, server_keys_, at.endpoint, at.key);
  socket.connect(at.endpoint);
  return peers_.emplace(server, Peer{std::move(socket)}).first->second.socket;
}

void NetworkServer::replicate(const Message& request, Copy copy, const std::string& from,
                              const Message& result) {
  const std::uint64_t number = send_to_peer(copy.server, request);
  if (!copy.waits) return;
  Unreplicated entry{from, result, copy.server};
  entry.answer.request = request.request == 0 ? result.request : request.request;
  entry.answer.data = {};
  unreplicated_.emplace(number, std::move(entry));
}

// The number by which it is acknowledged.
std::uint64_t NetworkServer::send_to_peer(int server, Message message) {
  zmq::socket_t& socket = peer(server);
  message.flags |= Flag::replicated;
  message.request = ++replications_;
  message.sequence = ++peers_.at(server).sequence;
  message.generation = map_.generation;
  send(socket, "", message);
  return message.request;
}

void NetworkServer::handle_acknowledgement(Received received) {
  if (!received.problem.empty()) return refuse(received.problem);
  const Message& m = received.answer.message;
  const auto found = unreplicated_.find(m.request);
  if (found == unreplicated_.end()) return handle_seed_answer(m);
  if (m.kind == Kind::error) {
    // The backup has taken over from us: nothing that we do counts any more.
    if (m.has(Flag::moved)) throw PeerError(-1, "this server was declared lost");
    refuse("by the backup: " + m.text);
  }
  answer(found->second.from, found->second.answer, found->second.answer.request);
  unreplicated_.erase(found);
}

void NetworkServer::handle_replica(const std::string& from, const Answer& received) {
  const Message& request = received.message;
  if (is_ours(request.shard))
    return refuse_request(from, request, Flag::moved, "this server has the shard now");
  if (request.kind == Kind::seed) return take_seed(from, received);
  if (request.kind == Kind::seeded) return become_backup(from, request);
  if (!may_replicate(request.shard, from))
    return refuse_request(from, request, Flag::skipped, "a change of what is not there yet");
  // Perhaps we know already that it is gone.
  if (request.kind == Kind::hello && workers_.emplace(request.worker, from).second) gone_seen_ = 0;
  Message result;
  if (!shard_store_.handle(request, result))
    return refuse_request(from, request, Flag::skipped, "a change before its time");
  answer(from, result, request.request);
}

// What the others are found to be: lost workers give their tasks back, and a lost server's shards
// are ours where we were its backup.
void NetworkServer::look_around() {
  look_at_gone();
  if (map_.generation == directory_.generation()) return;
  const ShardMap before = map_;
  map_ = directory_.map();
  for (std::size_t shard = 0; shard < map_.shards.size(); ++shard) {
    if (map_.shards[shard].primary == options_.number &&
        before.shards[shard].primary != options_.number)
      log_line(
          fmt::format("takes over shard {} from server {}", shard, before.shards[shard].primary));
  }
  // What a lost backup did not acknowledge is acknowledged by us alone.
  for (auto entry = unreplicated_.begin(); entry != unreplicated_.end();) {
    if (map_.has(entry->second.backup)) {
      ++entry;
      continue;
    }
    answer(entry->second.from, entry->second.answer, entry->second.answer.request);
    entry = unreplicated_.erase(entry);
  }
  for (auto peer = peers_.begin(); peer != peers_.end();) {
    if (map_.has(peer->first)) {
      ++peer;
      continue;
    }
    peer->second.socket.set(zmq::sockopt::linger, 0);
    peer = peers_.erase(peer);
  }
  look_at_seedings();
  retry();
}

void NetworkServer::look_at_gone() {
  if (gone_seen_ == directory_.gone_count()) return;
  gone_seen_ = directory_.gone_count();
  for (const std::string& process : directory_.gone()) {
    for (auto worker = workers_.begin(); worker != workers_.end();) {
      if (is_of_process(worker->first, process)) {
        shard_store_.gone(worker->first);
        std::erase_if(waiting_, [&](const Waiting& waiting) {
          return waiting.request.worker == worker->first;
        });
        worker = workers_.erase(worker);
      } else {
        ++worker;
      }
    }
  }
  retry();
}

}  // namespace convoy::server
