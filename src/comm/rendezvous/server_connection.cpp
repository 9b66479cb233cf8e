#include "comm/rendezvous/server_connection.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

namespace convoy::rendezvous {
namespace {

std::string take_key(BodyReader& fields) {
  std::string key = fields.text();
  if (key.empty() || key.size() > max_key) throw InputError("a key has 1 to 4,096 bytes");
  return key;
}

std::string take_value(BodyReader& fields) {
  std::string value = fields.text();
  if (value.size() > max_value) throw InputError("a value has at most 64 MiB");
  return value;
}

std::vector<std::string> take_keys(BodyReader& fields) {
  std::vector<std::string> keys;
  for (std::uint32_t count = fields.u32(); count > 0; --count) keys.push_back(take_key(fields));
  return keys;
}

}  // namespace

ServerConnection::ServerConnection(Table& table, const Secret& secret, std::string nonce)
    : table_(table), secret_(secret), nonce_(std::move(nonce)) {}

void ServerConnection::receive(std::string_view bytes, Clock::time_point now) {
  try {
    while (!ended_ && !opener_ && !bytes.empty()) {
      const std::size_t whole = keys_ ? proof_size : hello_size;
      const std::size_t size = std::min(bytes.size(), whole - handshake_.size());
      handshake_ += bytes.substr(0, size);
      bytes.remove_prefix(size);
      if (keys_)
        check_proof();
      else
        read_hello();
    }
    if (ended_ || !opener_) return;
    if (!bytes.empty()) heard_ = now;
    opener_->feed(bytes);
    while (const auto body = opener_->next()) handle(*body, now);
  } catch (const Error& error) {
    end(error.what());
  }
}

void ServerConnection::read_hello() {
  // A peer that speaks another version of the protocol is told ours; anybody else is told nothing.
  const std::size_t name = magic.size() - 1;
  if (handshake_.substr(0, name) != magic.substr(0, handshake_.size()).substr(0, name))
    return end("not a Convoy worker");
  if (handshake_.size() > name && handshake_[name] != magic[name]) {
    output_ += std::string(magic) + nonce_;
    return end("another version of the protocol");
  }
  if (handshake_.size() < hello_size) return;
  output_ += std::string(magic) + nonce_;
  keys_ = derive_keys(secret_, std::string_view(handshake_).substr(magic.size()), nonce_);
  handshake_.clear();
}

void ServerConnection::check_proof() {
  if (handshake_.size() < proof_size) return;
  if (!equal(handshake_, keys_->client_proof)) {
    output_ += refused;
    return end("wrong secret");
  }
  output_ += accepted;
  output_ += keys_->server_proof;
  opener_.emplace(keys_->to_server);
  sealer_.emplace(keys_->to_client);
}

void ServerConnection::handle(std::string_view body, Clock::time_point now) {
  BodyReader fields(body);
  const std::uint32_t id = fields.u32();
  const auto operation = static_cast<Operation>(fields.u8());
  try {
    handle_fields(id, operation, fields, now);
  } catch (const ProtocolError&) {
    throw;
  } catch (const Error& error) {  // a wrong request, or the journal cannot be written
    answer(id, Answer::failed, BodyWriter().text(error.what()));
  }
}

void ServerConnection::handle_fields(std::uint32_t id, Operation operation, BodyReader& fields,
                                     Clock::time_point now) {
  switch (operation) {
    case Operation::set: {
      const std::string key = take_key(fields);
      table_.set(key, take_value(fields));
      return answer(id, Answer::done);
    }
    case Operation::get: {
      std::string key = take_key(fields);
      const auto patience = std::chrono::milliseconds(fields.u64() % (std::uint64_t{1} << 40));
      return park({id, operation, {std::move(key)}, now + patience}, now);
    }
    case Operation::add: {
      const std::string key = take_key(fields);
      return add(id, key, fields.u64());
    }
    case Operation::compare_set:
      return compare_set(id, fields);
    case Operation::check: {
      const auto keys = take_keys(fields);
      const bool all = std::all_of(keys.begin(), keys.end(),
                                   [&](const std::string& key) { return table_.find(key); });
      return answer(id, Answer::done, BodyWriter().u8(all));
    }
    case Operation::remove:
      return answer(id, Answer::done, BodyWriter().u8(table_.remove(take_key(fields))));
    case Operation::count:
      return answer(id, Answer::done, BodyWriter().u64(table_.count()));
    case Operation::wait: {
      const auto patience = std::chrono::milliseconds(fields.u64() % (std::uint64_t{1} << 40));
      auto keys = take_keys(fields);
      std::reverse(keys.begin(), keys.end());  // they are taken from the back
      return park({id, operation, std::move(keys), now + patience}, now);
    }
    case Operation::last_will:
      take_will(fields);
      return answer(id, Answer::done);
    case Operation::list:
      return list(id, fields.text());
  }
  throw ProtocolError("a message asks for an unknown operation");
}

void ServerConnection::take_will(BodyReader& fields) {
  Will will;
  will.key = fields.text();
  will.value = take_value(fields);
  will.lease = std::chrono::milliseconds(fields.u64() % (std::uint64_t{1} << 40));
  will.value_of_silence = take_value(fields);
  if (will.key.size() > max_key) throw InputError("a key has at most 4,096 bytes");
  if (will.key.empty())
    will_.reset();
  else
    will_ = std::move(will);
}

void ServerConnection::add(std::uint32_t id, const std::string& key, std::uint64_t delta) {
  std::int64_t number = 0;
  if (const std::string* text = table_.find(key)) {
    const char* end = text->data() + text->size();
    const auto [rest, problem] = std::from_chars(text->data(), end, number);
    if (problem != std::errc() || rest != end) throw InputError("the key holds no number");
  }
  const std::uint64_t sum = static_cast<std::uint64_t>(number) + delta;
  table_.set(key, std::to_string(static_cast<std::int64_t>(sum)));
  answer(id, Answer::done, BodyWriter().u64(sum));
}

void ServerConnection::compare_set(std::uint32_t id, BodyReader& fields) {
  const std::string key = take_key(fields);
  const std::string expected = take_value(fields);
  const std::string desired = take_value(fields);
  const std::string* present = table_.find(key);
  const std::string now = present ? *present : std::string();
  if (now == expected) table_.set(key, desired);
  answer(id, Answer::done, BodyWriter().text(now == expected ? desired : now));
}

void ServerConnection::list(std::uint32_t id, const std::string& prefix) {
  std::uint32_t count = 0;
  BodyWriter entries;
  table_.for_each(prefix, [&](const std::string& key, const std::string& value) {
    if (entries.body().size() + key.size() + value.size() > max_value)
      throw InputError(
          fmt::format("the keys that begin with '{}' hold more than 64 MiB together", prefix));
    entries.text(key).text(value);
    ++count;
  });
  BodyWriter fields;
  answer(id, Answer::done, fields.u32(count).raw(entries.body()));
}

void ServerConnection::park(Parked request, Clock::time_point now) {
  if (settle(request, now)) return;
  if (parked_.size() >= max_parked) throw InputError("too many calls wait on one connection");
  parked_.push_back(std::move(request));
}

// Whether it is answered.
bool ServerConnection::settle(Parked& request, Clock::time_point now) {
  // Keys that were there once count: only the rest is looked for again.
  while (!request.keys.empty()) {
    const std::string* value = table_.find(request.keys.back());
    if (value == nullptr) break;
    if (request.operation == Operation::get) {
      answer(request.id, Answer::done, BodyWriter().text(*value));
      return true;
    }
    request.keys.pop_back();
  }
  if (request.keys.empty()) {
    answer(request.id, Answer::done);
    return true;
  }
  if (now < request.deadline) return false;
  answer(request.id, Answer::late, BodyWriter().text(request.keys.back()));
  return true;
}

void ServerConnection::look_again(Clock::time_point now) {
  if (ended_) return;
  std::erase_if(parked_, [&](Parked& request) { return settle(request, now); });
}

std::optional<ServerConnection::Clock::time_point> ServerConnection::deadline() const {
  std::optional<Clock::time_point> first;
  for (const Parked& request : parked_)
    if (!first || request.deadline < *first) first = request.deadline;
  if (will_ && will_->lease.count() > 0) {
    const auto silent = heard_ + will_->lease;
    if (!first || silent < *first) first = silent;
  }
  return first;
}

void ServerConnection::hang_up() {
  if (will_) carry_out(will_->value);
}

bool ServerConnection::look_at_lease(Clock::time_point now) {
  if (!will_ || will_->lease.count() == 0 || now < heard_ + will_->lease) return false;
  carry_out(will_->value_of_silence);
  return true;
}

void ServerConnection::carry_out(const std::string& value) {
  try {
    if (table_.find(will_->key) == nullptr) table_.set(will_->key, value);
  } catch (const Error&) {  // the table is full, or so: nobody is left to tell
  }
  will_.reset();
}

void ServerConnection::answer(std::uint32_t id, Answer outcome, const BodyWriter& fields) {
  BodyWriter body;
  body.u32(id).u8(static_cast<std::uint8_t>(outcome));
  output_ += sealer_->seal(body.body() + fields.body());
}

void ServerConnection::end(std::string problem) {
  ended_ = true;
  problem_ = std::move(problem);
  parked_.clear();
}

}  // namespace convoy::rendezvous
