#pragma once
// How values lie in etcd: sealed under the job's secret.
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "convoy/comm/secret.hpp"

namespace convoy::etcd {

/// What follows the keys that begin with `prefix`; "\0", etcd's word for the end of all, if nothing
/// does.
std::string end_of(std::string prefix);

/// A value, or where the pieces of a long one are.
struct Head {
  std::string value;
  std::string pieces;      ///< empty: there are none; else what their keys have in common
  std::uint64_t size = 0;  ///< of all pieces together
};

/// For the pieces of a value; nobody else has the same.
std::string new_name();

/// The names and seals of one job.
class Seal {
 public:
  Seal(const Secret& secret, const std::string& job_name);
  /// Of all the job's keys.
  const std::string& prefix() const { return prefix_; }
  std::string name_of(const std::string& key) const { return prefix_ + "k/" + key; }
  std::string key_of(const std::string& name) const { return name.substr(prefix_.size() + 2); }
  std::string pieces_prefix(const std::string& pieces) const;
  std::string piece(const std::string& pieces, std::uint64_t number) const;

  /// What is written under `name`.
  std::string sealed(const std::string& name, const Head& head) const;
  /// Throws AuthenticationError when it was not sealed for this name.
  Head opened(const std::string& name, std::string_view sealed) const;

 private:
  std::string tag(const std::string& name, std::string_view payload) const;

  std::string prefix_;
  std::string key_;
};

}  // namespace convoy::etcd
