#pragma once
// A rendezvous that may be away for a while.
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "convoy/comm/rendezvous/rendezvous.hpp"
#include "convoy/comm/rendezvous/store.hpp"

namespace convoy {

/// When the connection is lost it is made anew, and the calls under way are repeated, until
/// `patience` has passed since the loss. From then on, and after interrupt(), every call throws
/// PeerError; AuthenticationError, when what answers there later knows another secret, is final
/// too.
///
/// A call that is repeated may have had its effect before: delete_key() may then say that the key
/// was not there, set() may put back its value over one that came between.
class RendezvousStore : public Store {
 public:
  /// Connects; the server may start later. Throws TimeoutError once `patience` is over, at once
  /// AuthenticationError.
  RendezvousStore(const Endpoint& server, const Secret& secret, Duration patience);
  ~RendezvousStore() override;
  RendezvousStore(const RendezvousStore&) = delete;
  RendezvousStore& operator=(const RendezvousStore&) = delete;

  void set(const std::string& key, const std::string& value) override;
  /// The time counts from the call, whatever happens to the connection meanwhile.
  std::string get(const std::string& key, Duration timeout) override;
  std::optional<std::string> get_if_present(const std::string& key) override;
  std::string compare_set(const std::string& key, const std::string& expected,
                          const std::string& desired) override;
  std::map<std::string, std::string> list(const std::string& prefix) override;
  bool delete_key(const std::string& key) override;

  /// Of the first connection.
  const std::string& local_address() const override;
  const std::string& address() const override;
  std::string derived_key(std::string_view purpose) const override;
  void interrupt() override;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace convoy
