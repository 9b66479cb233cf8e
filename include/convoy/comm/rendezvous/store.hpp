#pragma once
// What the launchers and workers of a job keep where all of them can see it: a small key-value
// store, whoever serves it.
#include <chrono>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#pragma GCC visibility push(default)

namespace convoy {

/// Thread-safe: a call that waits holds up no other. Every call may be repeated without harm, so an
/// implementation repeats it by itself while the engine cannot be reached, until its patience ends;
/// then, and after interrupt(), calls throw PeerError with rank -1.
///
/// Keys are 1 to 4,096 bytes, values up to 64 MiB; InputError otherwise. A key that begins with '~'
/// is a passing one (a heartbeat): it may be gone after the engine was started anew.
class Store {
 public:
  using Duration = std::chrono::milliseconds;
  virtual ~Store() = default;

  virtual void set(const std::string& key, const std::string& value) = 0;
  /// Waits until the key is there. Throws TimeoutError.
  virtual std::string get(const std::string& key, Duration timeout) = 0;
  virtual std::optional<std::string> get_if_present(const std::string& key) = 0;
  /// Sets the key to `desired` if it is `expected` now; an absent key counts as empty. Returns the
  /// value that the key has afterwards. To tell one's own success from another's, `desired` should
  /// be a value that nobody else writes.
  virtual std::string compare_set(const std::string& key, const std::string& expected,
                                  const std::string& desired) = 0;
  /// All keys that begin with `prefix`, with their values.
  virtual std::map<std::string, std::string> list(const std::string& prefix) = 0;
  /// Whether it was there.
  virtual bool delete_key(const std::string& key) = 0;

  /// The numeric address of our end: one that reaches the engine.
  virtual const std::string& local_address() const = 0;
  /// Where the engine is, for messages.
  virtual const std::string& address() const = 0;
  /// 32 bytes that only who knows the job's secret can compute, others for each purpose:
  /// HMAC-SHA256 under the secret. They never go through the engine.
  virtual std::string derived_key(std::string_view purpose) const = 0;
  /// Ends all calls, those under way too, with PeerError.
  virtual void interrupt() = 0;
};

class Secret;

/// The store at `url`: "HOST:PORT" or "[IPv6]:PORT" is a rendezvous of Convoy's own,
/// "etcd://HOST:PORT[,HOST:PORT...][/JOB]" an etcd, where JOB keeps jobs of one secret apart, and
/// "etcds://..." the same over TLS (docs/launching.md).
/// `patience` is for how long the engine may be out of reach, now and in each call. Throws
/// InputError for another text, PeerError when the engine cannot be reached, AuthenticationError
/// when it refuses us.
std::unique_ptr<Store> open_store(const std::string& url, const Secret& secret,
                                  Store::Duration patience);

}  // namespace convoy

#pragma GCC visibility pop
