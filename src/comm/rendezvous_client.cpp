#include <fmt/format.h>
#include <poll.h>

#include <algorithm>
#include <condition_variable>
#include <map>
#include <mutex>
#include <thread>

#include "comm/rendezvous_socket.hpp"
#include "comm/rendezvous_wire.hpp"

namespace convoy {
namespace {

using namespace rendezvous;
using Clock = std::chrono::steady_clock;
using Duration = RendezvousClient::Duration;
using std::chrono::milliseconds;
using std::chrono::seconds;

// How much later than it was asked to an answer may come before the server counts as stuck.
constexpr seconds answer_patience{5};

const std::string& checked_key(const std::string& key) {
  if (key.empty() || key.size() > max_key)
    throw InputError("rendezvous: a key has 1 to 4,096 bytes");
  return key;
}

const std::string& checked_value(const std::string& value) {
  if (value.size() > max_value) throw InputError("rendezvous: a value has at most 64 MiB");
  return value;
}

// Such that a moment that much later exists.
Duration bounded(Duration timeout) {
  return std::clamp<Duration>(timeout, Duration(0), std::chrono::hours(24 * 365));
}

struct Connection {
  Socket socket;
  Sealer sealer;
  Opener opener;
};

// False when it could not be sent whole: what follows would not be understood.
bool send_all(const Socket& socket, std::string_view bytes, Moment deadline) {
  while (!bytes.empty()) {
    const auto sent = send_some(socket, bytes);
    if (sent < 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(sent));
    if (sent == 0 && !wait_for(socket.fd(), POLLOUT, deadline)) return false;
  }
  return true;
}

// Makes `bytes` at least `size` long. False when the peer says no more.
bool receive_until(const Socket& socket, std::string& bytes, std::size_t size, Moment deadline) {
  while (bytes.size() < size) {
    if (!wait_for(socket.fd(), POLLIN, deadline)) return false;
    if (!receive_some(socket, bytes)) return bytes.size() >= size;
  }
  return true;
}

// Proves each end to the other. Nothing when the connection broke: the server may be about to end
// or to start. Throws AuthenticationError.
std::optional<Connection> greet(Socket socket, const Secret& secret, const std::string& server,
                                Moment deadline) {
  const std::string nonce = random_nonce();
  std::string bytes;
  if (!send_all(socket, std::string(magic) + nonce, deadline)) return std::nullopt;
  const bool named = receive_until(socket, bytes, magic.size(), deadline);
  const std::size_t known = std::min(bytes.size(), magic.size());
  if (bytes.substr(0, known) != magic.substr(0, known))
    throw AuthenticationError(
        fmt::format("{} is no rendezvous of this version of Convoy; is it another service's port, "
                    "or has that host another version?",
                    server));
  if (!named || !receive_until(socket, bytes, greeting_size, deadline)) return std::nullopt;
  const ConnectionKeys keys =
      derive_keys(secret, nonce, std::string_view(bytes).substr(magic.size(), nonce_size));
  bytes.erase(0, greeting_size);
  if (!send_all(socket, keys.client_proof, deadline)) return std::nullopt;
  if (!receive_until(socket, bytes, 1, deadline)) return std::nullopt;
  if (bytes[0] != accepted)
    throw AuthenticationError(
        fmt::format("rendezvous {} refused us: this worker's secret differs from the job's; give "
                    "every host the same secret",
                    server));
  if (!receive_until(socket, bytes, 1 + proof_size, deadline)) return std::nullopt;
  if (!equal(bytes.substr(1, proof_size), keys.server_proof))
    throw AuthenticationError(
        fmt::format("rendezvous {} does not know the job's secret: another program's?", server));
  Opener opener(keys.to_client);
  opener.feed(std::string_view(bytes).substr(1 + proof_size));
  return Connection{std::move(socket), Sealer(keys.to_server), std::move(opener)};
}

Connection connect(const Endpoint& endpoint, const Secret& secret, Duration timeout) {
  const std::string server = to_string(endpoint);
  const Moment deadline = Clock::now() + timeout;
  std::string problem;
  milliseconds pause{20};
  for (;;) {
    if (Socket socket = connect_to(endpoint, deadline, problem)) {
      const Moment patience = std::min(deadline, Clock::now() + answer_patience);
      if (auto connection = greet(std::move(socket), secret, server, patience))
        return std::move(*connection);
      problem = "it does not answer";
    }
    if (Clock::now() + pause >= deadline) break;
    std::this_thread::sleep_for(pause);
    pause = std::min(2 * pause, milliseconds(500));
  }
  throw TimeoutError(-1,
                     fmt::format("no rendezvous at {} within {:.3g} s: {}; does the launcher "
                                 "of its host run?",
                                 server, std::chrono::duration<double>(timeout).count(), problem));
}

}  // namespace

// Any thread that waits for an answer may read the connection: one at a time does, and hands the
// answers that come to whoever waits for them. There is no thread of our own.
struct RendezvousClient::Impl {
  struct Reply {
    bool here = false;
    Answer outcome = Answer::failed;
    std::string fields;
  };

  Impl(const std::string& host, std::uint16_t port, const Secret& secret, Duration patience,
       Duration call_patience)
      : address(to_string(Endpoint{host, port})),
        timeout(bounded(call_patience)),
        connection(connect({host, port}, secret, bounded(patience))),
        our_address(rendezvous::local_address(connection.socket)) {}

  // `fields` follow the request's id. The answer's fields; nothing when it is `late`.
  std::optional<std::string> call(Operation operation, const BodyWriter& fields, Moment deadline,
                                  std::string* missing = nullptr) {
    const std::uint32_t id = send(operation, fields, deadline);
    Reply reply = await(id, deadline);
    if (reply.outcome == Answer::done) return std::move(reply.fields);
    std::string text = BodyReader(reply.fields).text();
    if (reply.outcome == Answer::failed)
      throw Error(fmt::format("rendezvous {}: {}", address, text));
    if (missing != nullptr) *missing = std::move(text);
    return std::nullopt;
  }

  std::string call(Operation operation, const BodyWriter& fields) {
    return call(operation, fields, Clock::now() + timeout).value_or("");
  }

  std::uint32_t send(Operation operation, const BodyWriter& fields, Moment deadline) {
    // Apart from `mutex`, so that answers can be read while a long request is sent.
    const std::lock_guard sending(send_mutex);
    const std::uint32_t id = next_id++;
    BodyWriter body;
    body.u32(id).u8(static_cast<std::uint8_t>(operation));
    {
      const std::lock_guard lock(mutex);
      require_connection();
      replies[id];
    }
    const std::string message = connection.sealer.seal(body.body() + fields.body());
    if (send_all(connection.socket, message, deadline)) return id;
    const std::lock_guard lock(mutex);
    replies.erase(id);
    lose("the connection was closed or hangs");
    require_connection();
    return id;
  }

  Reply await(std::uint32_t id, Moment deadline) {
    std::unique_lock lock(mutex);
    const auto reply = replies.find(id);
    while (!reply->second.here && broken.empty() && Clock::now() < deadline) {
      if (reading) {
        changed.wait_until(lock, deadline);
        continue;
      }
      reading = true;
      lock.unlock();
      std::string bytes;
      const bool good = !wait_for(connection.socket.fd(), POLLIN, deadline) ||
                        receive_some(connection.socket, bytes);
      lock.lock();
      reading = false;
      if (good)
        take(bytes);
      else
        lose("the connection was closed");
      changed.notify_all();
    }
    Reply result = std::move(reply->second);
    replies.erase(reply);
    if (result.here) return result;
    require_connection();
    throw TimeoutError(-1, fmt::format("the rendezvous at {} does not answer", address));
  }

  void take(std::string_view bytes) {
    try {
      connection.opener.feed(bytes);
      while (const auto body = connection.opener.next()) {
        BodyReader fields(*body);
        const auto reply = replies.find(fields.u32());
        const auto outcome = static_cast<Answer>(fields.u8());
        if (reply != replies.end()) reply->second = {true, outcome, body->substr(5)};
      }
    } catch (const ProtocolError& error) {
      lose(error.what());
    }
  }

  void lose(std::string_view why) {
    if (broken.empty()) broken = why;
  }

  void require_connection() const {
    if (!broken.empty())
      throw PeerError(-1, fmt::format("lost the rendezvous at {}: {}", address, broken));
  }

  void interrupt() {
    const std::lock_guard lock(mutex);
    lose("interrupted");
    ::shutdown(connection.socket.fd(), SHUT_RDWR);
    changed.notify_all();
  }

  const std::string address;
  const Duration timeout;
  Connection connection;  // its sealer belongs to send_mutex, its opener to mutex
  const std::string our_address;
  std::mutex send_mutex;
  std::uint32_t next_id = 0;
  std::mutex mutex;
  std::condition_variable changed;
  bool reading = false;
  std::map<std::uint32_t, Reply> replies;  // one for each call under way
  std::string broken;                      // why, once the connection is lost
};

RendezvousClient::RendezvousClient(const std::string& host, std::uint16_t port,
                                   const Secret& secret, Duration timeout,
                                   std::optional<Duration> call_timeout)
    : impl_(std::make_unique<Impl>(host, port, secret, timeout, call_timeout.value_or(timeout))) {}
RendezvousClient::~RendezvousClient() = default;

void RendezvousClient::set(const std::string& key, const std::string& value) {
  impl_->call(Operation::set, BodyWriter().text(checked_key(key)).text(checked_value(value)));
}

std::string RendezvousClient::get(const std::string& key) {
  return get(key, impl_->timeout);
}

std::string RendezvousClient::get(const std::string& key, Duration timeout) {
  timeout = bounded(timeout);
  const auto fields = impl_->call(
      Operation::get,
      BodyWriter().text(checked_key(key)).u64(static_cast<std::uint64_t>(timeout.count())),
      Clock::now() + timeout + answer_patience);
  if (fields) return BodyReader(*fields).text();
  throw TimeoutError(-1, fmt::format("rendezvous {}: nobody set '{}' within {:.3g} s", address(),
                                     key, std::chrono::duration<double>(timeout).count()));
}

std::optional<std::string> RendezvousClient::get_if_present(const std::string& key) {
  const auto fields = impl_->call(Operation::get, BodyWriter().text(checked_key(key)).u64(0),
                                  Clock::now() + impl_->timeout);
  if (!fields) return std::nullopt;
  return BodyReader(*fields).text();
}

std::int64_t RendezvousClient::add(const std::string& key, std::int64_t delta) {
  const std::string fields = impl_->call(
      Operation::add, BodyWriter().text(checked_key(key)).u64(static_cast<std::uint64_t>(delta)));
  return static_cast<std::int64_t>(BodyReader(fields).u64());
}

std::string RendezvousClient::compare_set(const std::string& key, const std::string& expected,
                                          const std::string& desired) {
  if (expected.size() + desired.size() > max_value)
    throw InputError("rendezvous: expected and desired value have at most 64 MiB together");
  const std::string fields = impl_->call(
      Operation::compare_set, BodyWriter().text(checked_key(key)).text(expected).text(desired));
  return BodyReader(fields).text();
}

namespace {

BodyWriter& put_keys(BodyWriter& fields, const std::vector<std::string>& keys) {
  fields.u32(static_cast<std::uint32_t>(keys.size()));
  for (const std::string& key : keys) fields.text(checked_key(key));
  if (fields.body().size() > max_value) throw InputError("rendezvous: too many keys in one call");
  return fields;
}

}  // namespace

bool RendezvousClient::check(const std::vector<std::string>& keys) {
  BodyWriter fields;
  const std::string answer = impl_->call(Operation::check, put_keys(fields, keys));
  return BodyReader(answer).u8() != 0;
}

bool RendezvousClient::delete_key(const std::string& key) {
  const std::string answer = impl_->call(Operation::remove, BodyWriter().text(checked_key(key)));
  return BodyReader(answer).u8() != 0;
}

std::int64_t RendezvousClient::count() {
  const std::string answer = impl_->call(Operation::count, BodyWriter());
  return static_cast<std::int64_t>(BodyReader(answer).u64());
}

void RendezvousClient::wait(const std::vector<std::string>& keys, Duration timeout) {
  timeout = bounded(timeout);
  BodyWriter fields;
  fields.u64(static_cast<std::uint64_t>(timeout.count()));
  std::string missing;
  if (impl_->call(Operation::wait, put_keys(fields, keys), Clock::now() + timeout + answer_patience,
                  &missing))
    return;
  throw TimeoutError(-1, fmt::format("rendezvous {}: nobody set '{}' within {:.3g} s", address(),
                                     missing, std::chrono::duration<double>(timeout).count()));
}

void RendezvousClient::barrier(const std::string& name, int size, Duration timeout) {
  const std::string count = "barrier/" + name;
  const std::int64_t mine = add(count, 1);
  const std::string open = fmt::format("barrier/{}/{}", name, (mine - 1) / size);
  if (mine % size == 0) return set(open, "");
  try {
    wait({open}, timeout);
  } catch (const TimeoutError&) {
    const std::int64_t came = add(count, 0) - (mine - 1) / size * size;
    throw TimeoutError(-1, fmt::format("barrier '{}': {} of {} came within {:.3g} s", name,
                                       std::min<std::int64_t>(came, size), size,
                                       std::chrono::duration<double>(timeout).count()));
  }
}

void RendezvousClient::last_will(const std::string& key, const std::string& value) {
  if (!key.empty()) checked_key(key);
  impl_->call(Operation::last_will, BodyWriter().text(key).text(checked_value(value)));
}

const std::string& RendezvousClient::local_address() const {
  return impl_->our_address;
}

const std::string& RendezvousClient::address() const {
  return impl_->address;
}

void RendezvousClient::interrupt() {
  impl_->interrupt();
}

}  // namespace convoy
