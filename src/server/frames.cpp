#include "server/frames.hpp"

#include <cstring>

namespace convoy::server {
namespace {

constexpr std::size_t most_frames = 3;

// libzmq hands out parts of its buffers, which lie anywhere.
void decode_into(Received& received, const zmq::message_t& head,
                 const std::shared_ptr<zmq::message_t>& data) {
  std::span<const std::byte> bytes(data->data<std::byte>(), data->size());
  received.answer.memory = data;
  if (bytes.empty()) {
    bytes = {};
  } else if (reinterpret_cast<std::uintptr_t>(bytes.data()) % alignof(float) != 0) {
    const auto copy = std::make_shared<std::vector<float>>((bytes.size() + 3) / sizeof(float));
    std::memcpy(copy->data(), bytes.data(), bytes.size());
    bytes = std::as_bytes(std::span(*copy)).first(bytes.size());
    received.answer.memory = copy;
  }
  try {
    received.answer.message = decode(head.to_string_view(), bytes);
  } catch (const WireError& error) {
    received.problem = error.what();
  }
}

}  // namespace

void wait_for(std::vector<zmq::pollitem_t>& items, std::chrono::milliseconds patience) {
  try {
    zmq::poll(items, patience);
  } catch (const zmq::error_t& error) {
    if (error.num() != EINTR) throw;
    for (zmq::pollitem_t& item : items) item.revents = 0;
  }
}

std::optional<Received> receive(zmq::socket_t& socket, bool routed) {
  std::vector<std::shared_ptr<zmq::message_t>> frames;
  bool more = true;
  std::size_t count = 0;
  while (more) {
    auto frame = std::make_shared<zmq::message_t>();
    if (!socket.recv(*frame, count == 0 ? zmq::recv_flags::dontwait : zmq::recv_flags::none))
      return std::nullopt;
    more = frame->more();
    if (++count <= most_frames) frames.push_back(std::move(frame));
  }
  Received received;
  std::size_t next = 0;
  if (routed) received.from = frames[next++]->to_string();
  try {
    if (routed) received.user = frames.back()->gets("User-Id");
  } catch (const zmq::error_t&) {
    received.problem = "a connection without a key";
  }
  if (count != next + 2) {
    received.problem = "a message of the wrong number of frames";
    return received;
  }
  if (received.problem.empty()) decode_into(received, *frames[next], frames[next + 1]);
  return received;
}

void send(zmq::socket_t& socket, const std::string& to, const Message& message) {
  if (!to.empty()) socket.send(zmq::buffer(to), zmq::send_flags::sndmore);
  zmq::message_t data(message.data.data(), message.data.size_bytes());
  send(socket, message, data);
}

void send(zmq::socket_t& socket, const Message& message, zmq::message_t& data) {
  const std::string head = encode_head(message);
  socket.send(zmq::buffer(head), zmq::send_flags::sndmore);
  socket.send(data, zmq::send_flags::none);
}

void configure(zmq::socket_t& socket) {
  socket.set(zmq::sockopt::maxmsgsize, static_cast<std::int64_t>(Limits::frame));
  socket.set(zmq::sockopt::sndhwm, 0);
  socket.set(zmq::sockopt::rcvhwm, 0);
  socket.set(zmq::sockopt::linger, 2000);
  socket.set(zmq::sockopt::heartbeat_ivl, 2000);
  socket.set(zmq::sockopt::heartbeat_timeout, 30000);
  socket.set(zmq::sockopt::reconnect_ivl, 20);
  socket.set(zmq::sockopt::reconnect_ivl_max, 500);
  socket.set(zmq::sockopt::ipv6, true);
}

bool is_local(const std::string& endpoint) {
  return endpoint.starts_with("ipc://");
}

void become_client(zmq::socket_t& socket, const CurveKeys& own, const std::string& endpoint,
                   const std::string& server_key) {
  if (is_local(endpoint)) {
    socket.set(zmq::sockopt::plain_username, own.public_key);
    socket.set(zmq::sockopt::plain_password, own.secret_key);
    return;
  }
  socket.set(zmq::sockopt::curve_serverkey, server_key);
  socket.set(zmq::sockopt::curve_publickey, own.public_key);
  socket.set(zmq::sockopt::curve_secretkey, own.secret_key);
}

void become_server(zmq::socket_t& socket, const CurveKeys& own, bool local) {
  socket.set(zmq::sockopt::zap_domain, std::string("convoy"));
  if (local) {
    socket.set(zmq::sockopt::plain_server, true);
    return;
  }
  socket.set(zmq::sockopt::curve_server, true);
  socket.set(zmq::sockopt::curve_secretkey, own.secret_key);
}

}  // namespace convoy::server
