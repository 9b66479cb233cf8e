#include "comm/rendezvous/etcd_store.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <utility>
#include <vector>

#include "comm/rendezvous/derived_key.hpp"
#include "comm/rendezvous/etcd_seal.hpp"
#include "comm/rendezvous/store_limits.hpp"
#include "core/base64.hpp"

namespace convoy {
namespace {

using etcd::end_of;
using etcd::Head;
using Clock = etcd::Client::Clock;
using EtcdJson = etcd::Client::Json;
using std::chrono::milliseconds;
using store_limits::checked_key;
using store_limits::checked_prefix;
using store_limits::checked_value;

// Well below what etcd takes in one request by default, 1.5 MiB.
constexpr std::size_t piece_size = std::size_t{512} << 10;
// So long a watch is trusted to be alive.
constexpr std::chrono::seconds longest_watch{10};
// Where watching does not work, for a moment or at all.
constexpr milliseconds between_looks{30};

// A key as it lies in etcd.
struct Found {
  std::string name;
  Head head;
  std::int64_t revision = 0;  // of its last change
};

// The gateway writes 64-bit integers as strings, and leaves out zeros.
std::int64_t integer(const EtcdJson& object, const char* name) {
  const auto value = object.find(name);
  if (value == object.end()) return 0;
  return value->is_string() ? std::stoll(value->get<std::string>()) : value->get<std::int64_t>();
}

std::string bytes(const EtcdJson& object, const char* name) {
  std::optional<std::string> value = decode_base64(object.value(name, ""));
  if (!value) throw Error("etcd: what it answers is no base64");
  return std::move(*value);
}

EtcdJson put_request(const std::string& name, const std::string& sealed) {
  return {{"key", encode_base64(name)}, {"value", encode_base64(sealed)}};
}

}  // namespace

struct EtcdStore::Impl {
  Impl(etcd::Options options, const Secret& secret, const std::string& job_name)
      : client(std::move(options)), seal(secret, job_name), key_source(secret), job(job_name) {
    look(seal.prefix());
    our_address = client.local_address();
  }

  // Runs `action`, which takes answers apart.
  template <class F>
  auto understand(const F& action) const {
    const auto strange = [&](const std::exception& error) {
      return Error(
          fmt::format("{} answers, but not as etcd does: {}", client.address(), error.what()));
    };
    try {
      return action();
    } catch (const EtcdJson::exception& error) {
      throw strange(error);
    } catch (const std::logic_error& error) {  // of stoll
      throw strange(error);
    }
  }

  Found found_in(const EtcdJson& entry) const {
    Found found{bytes(entry, "key"), {}, integer(entry, "mod_revision")};
    if (!found.name.starts_with(seal.prefix()))
      throw Error(fmt::format("{} answers with keys that nobody asked for", client.address()));
    found.head = seal.opened(found.name, bytes(entry, "value"));
    return found;
  }

  std::optional<Found> found_in_list(const EtcdJson& answer, const char* list) const {
    const auto entries = answer.find(list);
    if (entries == answer.end() || entries->empty()) return std::nullopt;
    return found_in(entries->at(0));
  }

  // The key as it is now, and the revision of all that this is of.
  std::pair<std::optional<Found>, std::int64_t> look(
      const std::string& name, std::optional<Clock::time_point> deadline = {}) {
    const EtcdJson answer = client.call("/v3/kv/range", {{"key", encode_base64(name)}}, deadline);
    return understand([&] {
      return std::pair(found_in_list(answer, "kvs"),
                       integer(answer.value("header", EtcdJson::object()), "revision"));
    });
  }

  // What waits at its end for a change after `revision`, if it came before the deadline.
  std::optional<Found> watch(const std::string& name, std::int64_t revision,
                             Clock::time_point deadline) {
    const EtcdJson request = {{"create_request",
                               {{"key", encode_base64(name)},
                                {"start_revision", std::to_string(revision + 1)},
                                {"filters", {"NODELETE"}}}}};
    std::optional<Found> found;
    client.stream("/v3/watch", request, deadline, [&](const EtcdJson& message) {
      return understand([&] {
        const EtcdJson result = message.value("result", EtcdJson::object());
        if (const auto events = result.find("events"); events != result.end() && !events->empty())
          found = found_in(events->at(0).at("kv"));
        return found.has_value() || message.contains("error") || result.value("canceled", false);
      });
    });
    return found;
  }

  // Nothing when pieces are missing: the key has another value by now.
  std::optional<std::string> value_of(const Head& head) {
    if (head.pieces.empty()) return head.value;
    std::string value;
    for (std::uint64_t number = 0; value.size() < head.size; ++number) {
      const auto piece = look(seal.piece(head.pieces, number)).first;
      if (!piece || piece->head.value.empty()) return std::nullopt;
      value += piece->head.value;
    }
    return value;
  }

  struct Current {
    std::optional<Found> found;
    std::optional<std::string> value;  // of it
    std::int64_t revision = 0;         // of all that was looked at
  };

  Current current(const std::string& name, std::optional<Clock::time_point> deadline = {}) {
    for (std::int64_t before = 0;;) {
      auto [found, revision] = look(name, deadline);
      if (!found) return {std::nullopt, std::nullopt, revision};
      if (auto value = value_of(found->head)) return {std::move(found), std::move(value), revision};
      if (found->revision == before)
        throw Error(
            fmt::format("etcd: parts of the value of '{}' are gone; who else deletes keys "
                        "under {} there?",
                        seal.key_of(name), seal.prefix()));
      before = found->revision;
    }
  }

  // Writes the pieces of a long value; what is to be written under its key.
  Head prepared(const std::string& value) {
    if (value.size() <= piece_size) return {value, "", 0};
    Head head{"", etcd::new_name(), value.size()};
    for (std::uint64_t number = 0; number * piece_size < value.size(); ++number) {
      const std::string name = seal.piece(head.pieces, number);
      const Head piece{value.substr(number * piece_size, piece_size), "", 0};
      client.call("/v3/kv/put", put_request(name, seal.sealed(name, piece)));
    }
    return head;
  }

  void remove_pieces(const Head& head) {
    if (head.pieces.empty()) return;
    const std::string prefix = seal.pieces_prefix(head.pieces);
    client.call("/v3/kv/deleterange",
                {{"key", encode_base64(prefix)}, {"range_end", encode_base64(end_of(prefix))}});
  }

  // `entry` is what our write of `now` replaced: a write of our own if it was repeated, or forged,
  // and then there is nothing to remove.
  void remove_pieces_of_previous(const EtcdJson& entry, const Head& now = {}) {
    try {
      const Head before = understand([&] { return found_in(entry); }).head;
      if (before.pieces != now.pieces) remove_pieces(before);
    } catch (const AuthenticationError&) {
    }
  }

  etcd::Client client;
  const etcd::Seal seal;
  const Secret key_source;
  const std::string job;  // jobs of one secret are kept apart
  std::string our_address;
};

EtcdStore::EtcdStore(etcd::Options options, const Secret& secret, const std::string& job_name)
    : impl_(std::make_unique<Impl>(std::move(options), secret, job_name)) {}
EtcdStore::~EtcdStore() = default;

void EtcdStore::set(const std::string& key, const std::string& value) {
  const std::string name = impl_->seal.name_of(checked_key(key));
  const Head head = impl_->prepared(checked_value(value));
  EtcdJson request = put_request(name, impl_->seal.sealed(name, head));
  request["prev_kv"] = true;
  const EtcdJson answer = impl_->client.call("/v3/kv/put", request);
  if (answer.contains("prev_kv")) impl_->remove_pieces_of_previous(answer["prev_kv"], head);
}

std::string EtcdStore::get(const std::string& key, Duration timeout) {
  const std::string name = impl_->seal.name_of(checked_key(key));
  const auto deadline = Clock::now() + store_limits::bounded(timeout);
  std::string problem;
  for (;;) {
    try {
      auto now = impl_->current(name, deadline);
      if (now.value) return std::move(*now.value);
      if (Clock::now() < deadline) {
        const auto found =
            impl_->watch(name, now.revision, std::min(deadline, Clock::now() + longest_watch));
        if (found && found->head.pieces.empty()) return found->head.value;
        if (!found) impl_->client.pause(between_looks);
      }
    } catch (const etcd::LateError& error) {
      problem = fmt::format(" ({})", error.what());
    }
    if (Clock::now() >= deadline)
      throw TimeoutError(-1, fmt::format("{}: nobody set '{}' within {:.3g} s{}", address(), key,
                                         std::chrono::duration<double>(timeout).count(), problem));
  }
}

std::optional<std::string> EtcdStore::get_if_present(const std::string& key) {
  return impl_->current(impl_->seal.name_of(checked_key(key))).value;
}

std::string EtcdStore::compare_set(const std::string& key, const std::string& expected,
                                   const std::string& desired) {
  const std::string name = impl_->seal.name_of(checked_key(key));
  checked_value(expected);
  checked_value(desired);
  std::optional<Head> head;  // once its pieces are written
  for (;;) {
    const auto [found, value, revision] = impl_->current(name);
    const std::string now = value.value_or("");
    if (now != expected) {
      const bool ours = head && found && found->head.pieces == head->pieces;
      if (head && !ours) impl_->remove_pieces(*head);
      return now;
    }
    if (!head) head = impl_->prepared(desired);
    // Unless it was changed since we looked.
    const EtcdJson unchanged = {{"key", encode_base64(name)},
                                {"target", "MOD"},
                                {"result", "EQUAL"},
                                {"mod_revision", std::to_string(found ? found->revision : 0)}};
    const EtcdJson put = {{"request_put", put_request(name, impl_->seal.sealed(name, *head))}};
    const EtcdJson answer =
        impl_->client.call("/v3/kv/txn", {{"compare", {unchanged}}, {"success", {put}}});
    if (!answer.contains("succeeded") || answer["succeeded"] != true) continue;
    if (found && found->head.pieces != head->pieces) impl_->remove_pieces(found->head);
    return desired;
  }
}

std::map<std::string, std::string> EtcdStore::list(const std::string& prefix) {
  const std::string name = impl_->seal.name_of(checked_prefix(prefix));
  const EtcdJson answer = impl_->client.call(
      "/v3/kv/range", {{"key", encode_base64(name)}, {"range_end", encode_base64(end_of(name))}});
  std::map<std::string, std::string> entries;
  std::size_t size = 0;
  for (const EtcdJson& entry : answer.value("kvs", EtcdJson::array())) {
    const Found found = impl_->understand([&] { return impl_->found_in(entry); });
    std::string key = impl_->seal.key_of(found.name);
    auto value = impl_->value_of(found.head);
    if (!value) value = get_if_present(key);  // it was changed since
    if (!value) continue;
    size += key.size() + value->size();
    if (size > store_limits::max_value)
      throw InputError(fmt::format(
          "etcd: the keys that begin with '{}' hold more than 64 MiB together", prefix));
    entries.emplace(std::move(key), std::move(*value));
  }
  return entries;
}

bool EtcdStore::delete_key(const std::string& key) {
  const std::string name = impl_->seal.name_of(checked_key(key));
  const EtcdJson answer =
      impl_->client.call("/v3/kv/deleterange", {{"key", encode_base64(name)}, {"prev_kv", true}});
  for (const EtcdJson& entry : answer.value("prev_kvs", EtcdJson::array()))
    impl_->remove_pieces_of_previous(entry);
  return impl_->understand([&] { return integer(answer, "deleted"); }) > 0;
}

const std::string& EtcdStore::local_address() const {
  return impl_->our_address;
}

std::string EtcdStore::derived_key(std::string_view purpose) const {
  return derive_key(impl_->key_source, impl_->job + '/' + std::string(purpose));
}

const std::string& EtcdStore::address() const {
  return impl_->client.address();
}

void EtcdStore::interrupt() {
  impl_->client.interrupt();
}

}  // namespace convoy
