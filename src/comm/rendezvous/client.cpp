// Declared in convoy/comm/rendezvous/rendezvous.hpp.
#include <fmt/format.h>
#include <poll.h>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <map>
#include <mutex>

#include "comm/rendezvous/connection.hpp"
#include "comm/rendezvous/derived_key.hpp"
#include "comm/rendezvous/store_limits.hpp"

namespace convoy {
namespace {

using namespace rendezvous;
using Clock = std::chrono::steady_clock;
using Duration = RendezvousClient::Duration;
using store_limits::bounded;
using store_limits::checked_key;
using store_limits::checked_prefix;
using store_limits::checked_value;

}  // namespace

// Any thread that waits for an answer may read the connection: one at a time does, and hands the
// answers that come to whoever waits for them. There is no thread of our own.
struct RendezvousClient::Impl {
  struct Reply {
    bool here = false;
    Answer outcome = Answer::failed;
    std::string fields;
  };

  Impl(Connection connected, const Endpoint& server, const Secret& shared, Duration call_timeout)
      : address(to_string(server)),
        secret(shared),
        timeout(bounded(call_timeout)),
        connection(std::move(connected)),
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
  const Secret secret;
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
    : RendezvousClient(connect({host, port}, secret, bounded(timeout)), {host, port}, secret,
                       call_timeout.value_or(timeout)) {}
RendezvousClient::RendezvousClient(Connection connection, const Endpoint& server,
                                   const Secret& secret, Duration call_timeout)
    : impl_(std::make_unique<Impl>(std::move(connection), server, secret, call_timeout)) {}
RendezvousClient::~RendezvousClient() = default;

void RendezvousClient::set(const std::string& key, const std::string& value) {
  impl_->call(Operation::set, BodyWriter().text(checked_key(key)).text(checked_value(value)));
}

std::string RendezvousClient::get(const std::string& key) {
  return get(key, impl_->timeout);
}

std::string RendezvousClient::get(const std::string& key, Duration timeout) {
  if (auto value = get_within(key, timeout)) return std::move(*value);
  throw TimeoutError(-1, fmt::format("rendezvous {}: nobody set '{}' within {:.3g} s", address(),
                                     key, std::chrono::duration<double>(timeout).count()));
}

std::optional<std::string> RendezvousClient::get_within(const std::string& key, Duration timeout) {
  timeout = bounded(timeout);
  const auto fields = impl_->call(
      Operation::get,
      BodyWriter().text(checked_key(key)).u64(static_cast<std::uint64_t>(timeout.count())),
      Clock::now() + timeout + answer_patience);
  if (!fields) return std::nullopt;
  return BodyReader(*fields).text();
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

std::map<std::string, std::string> RendezvousClient::list(const std::string& prefix) {
  const std::string answer =
      impl_->call(Operation::list, BodyWriter().text(checked_prefix(prefix)));
  BodyReader fields(answer);
  std::map<std::string, std::string> entries;
  for (std::uint32_t count = fields.u32(); count > 0; --count) {
    std::string key = fields.text();
    entries.emplace(std::move(key), fields.text());
  }
  return entries;
}

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
  last_will(key, value, {});
}

void RendezvousClient::last_will(const std::string& key, const std::string& value,
                                 const Lease& lease) {
  if (!key.empty()) checked_key(key);
  impl_->call(Operation::last_will, BodyWriter()
                                        .text(key)
                                        .text(checked_value(value))
                                        .u64(static_cast<std::uint64_t>(lease.silence.count()))
                                        .text(checked_value(lease.value)));
}

const std::string& RendezvousClient::local_address() const {
  return impl_->our_address;
}

std::string RendezvousClient::derived_key(std::string_view purpose) const {
  return derive_key(impl_->secret, purpose);
}

const std::string& RendezvousClient::address() const {
  return impl_->address;
}

void RendezvousClient::interrupt() {
  impl_->interrupt();
}

}  // namespace convoy
