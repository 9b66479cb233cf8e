#include "comm/transports/tcp/handshake.hpp"

#include <algorithm>
#include <utility>

#include "core/hmac.hpp"

namespace convoy::tcp {
namespace {

constexpr char accepted_byte = 'A';
constexpr char refused_byte = 'R';
constexpr std::size_t rank_size = 4;

std::string number_text(std::uint32_t value) {
  std::string bytes(rank_size, '\0');
  for (std::size_t i = 0; i < rank_size; ++i) bytes[i] = static_cast<char>(value >> (8 * i));
  return bytes;
}

std::uint32_t number_of(std::string_view bytes) {
  std::uint32_t value = 0;
  for (std::size_t i = rank_size; i-- > 0;)
    value = value << 8 | static_cast<unsigned char>(bytes[i]);
  return value;
}

std::string magic_and_nonce(std::string_view nonce) {
  return std::string(handshake_magic) + std::string(nonce);
}

bool has_magic(std::string_view part) {
  return part.starts_with(handshake_magic);
}

}  // namespace

HandshakeKeys derive_keys(std::string_view group_key, const Introduction& about,
                          std::string_view connector_nonce, std::string_view listener_nonce) {
  const std::string numbers = number_text(about.connector) + number_text(about.listener) +
                              number_text(about.connection) + (about.sealed ? 'S' : 'C');
  const auto sized = [](std::string_view text) {
    return number_text(static_cast<std::uint32_t>(text.size())) + std::string(text);
  };
  const std::string identities = sized(about.connector_identity) + sized(about.listener_identity);
  const auto expand = [&](std::string_view purpose) {
    return hmac(group_key, {handshake_magic, sized(purpose), connector_nonce, listener_nonce,
                            numbers, identities, std::string_view("\x01", 1)});
  };
  return {expand("connector proves"), expand("listener proves"), expand("to listener"),
          expand("to connector")};
}

Handshake::Handshake(std::string group_key, Introduction about, std::string nonce)
    : group_key_(std::move(group_key)), about_(std::move(about)), nonce_(std::move(nonce)) {}

std::size_t Handshake::missing() const {
  return state_ == State::going ? wanted() - part_.size() : 0;
}

std::size_t Handshake::receive(std::string_view bytes) {
  std::size_t used = 0;
  while (state_ == State::going && used < bytes.size()) {
    const std::size_t count = std::min(wanted() - part_.size(), bytes.size() - used);
    part_ += bytes.substr(used, count);
    used += count;
    if (part_.size() == wanted()) take(std::exchange(part_, {}));
  }
  return used;
}

void Handshake::end(State state, std::string problem) {
  state_ = state;
  problem_ = std::move(problem);
}

// ---- who connects ----

ConnectorHandshake::ConnectorHandshake(std::string group_key, const Introduction& about,
                                       std::string nonce)
    : Handshake(std::move(group_key), about, std::move(nonce)) {
  output_ = magic_and_nonce(nonce_) + number_text(about.connector) + number_text(about.listener) +
            number_text(about.connection);
}

std::size_t ConnectorHandshake::wanted() const {
  if (!keys_) return challenge_size;
  return accepted_ ? keys_->listener_proof.size() : 1;
}

void ConnectorHandshake::take(std::string_view part) {
  if (!keys_) {
    if (!has_magic(part)) return end(State::stranger, "it is no Convoy worker");
    keys_ = derive_keys(group_key_, about_, nonce_, part.substr(handshake_magic.size()));
    output_ += keys_->connector_proof;
  } else if (!accepted_) {
    if (part[0] != accepted_byte)
      return end(State::refused, "it knows another secret, or is of another group");
    accepted_ = true;
  } else if (equal(part, keys_->listener_proof)) {
    end(State::done);
  } else {
    end(State::refused, "it does not know the job's secret");
  }
}

// ---- who is connected to ----

ListenerHandshake::ListenerHandshake(std::string group_key, Expected expected, std::string nonce)
    : Handshake(std::move(group_key), {}, std::move(nonce)), expected_(std::move(expected)) {}

std::size_t ListenerHandshake::wanted() const {
  return keys_ ? keys_->connector_proof.size() : hello_size;
}

void ListenerHandshake::take(std::string_view part) {
  if (!keys_) {
    if (!has_magic(part)) return end(State::stranger, "not a Convoy worker");
    const std::string_view nonce = part.substr(handshake_magic.size(), handshake_nonce_size);
    const std::string_view numbers = part.substr(hello_size - 3 * rank_size);
    Introduction claim;
    claim.connector = number_of(numbers);
    claim.listener = number_of(numbers.substr(rank_size));
    claim.connection = number_of(numbers.substr(2 * rank_size));
    const auto known = expected_(claim);
    // Who is not awaited gets a challenge like everybody: only who knows the secret learns more.
    about_ = known.value_or(claim);
    keys_ = derive_keys(group_key_, about_, nonce, nonce_);
    output_ += magic_and_nonce(nonce_);
    if (!known) expected_ = nullptr;
  } else if (expected_ && equal(part, keys_->connector_proof)) {
    output_ += accepted_byte + keys_->listener_proof;
    end(State::done);
  } else {
    output_ += refused_byte;
    end(State::refused, expected_ ? "wrong secret" : "nobody like that is awaited");
  }
}

}  // namespace convoy::tcp
