#pragma once
// A job's state in etcd, whose members may fail one by one without harm.
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "comm/rendezvous/etcd_client.hpp"
#include "convoy/comm/rendezvous/store.hpp"
#include "convoy/comm/secret.hpp"

namespace convoy {

/// All keys lie under "convoy/<id>/", where <id> is a code of the secret and the job's name: jobs
/// with different secrets or names do not see each other. What is written carries an HMAC under the
/// secret over key and value, so that who can write to etcd but does not know the secret can delete
/// keys, or put back an older value of the same key, but feed us nothing else: a call that meets a
/// wrong one throws AuthenticationError naming the key. Nothing is encrypted.
///
/// Values above 512 KiB, more than etcd takes at once, are stored in pieces.
///
/// Keys that begin with '~' last as long as others. A call that is repeated may have had its effect
/// before: delete_key() may then say that the key was not there, set() may put back its value over
/// one that came between.
class EtcdStore : public Store {
 public:
  /// Throws PeerError when no endpoint answers within the options' patience, and what etcd::Client
  /// throws.
  EtcdStore(etcd::Options options, const Secret& secret, const std::string& job_name = {});
  ~EtcdStore() override;
  EtcdStore(const EtcdStore&) = delete;
  EtcdStore& operator=(const EtcdStore&) = delete;

  void set(const std::string& key, const std::string& value) override;
  std::string get(const std::string& key, Duration timeout) override;
  std::optional<std::string> get_if_present(const std::string& key) override;
  std::string compare_set(const std::string& key, const std::string& expected,
                          const std::string& desired) override;
  /// 64 MiB together at most, InputError otherwise.
  std::map<std::string, std::string> list(const std::string& prefix) override;
  bool delete_key(const std::string& key) override;

  const std::string& local_address() const override;
  const std::string& address() const override;
  std::string derived_key(std::string_view purpose) const override;
  void interrupt() override;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace convoy
