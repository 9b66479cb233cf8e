#pragma once
// How a process that we start gets the job's secret.
#include "convoy/comm/secret.hpp"
#include "core/descriptor.hpp"

namespace convoy {

/// The secret in memory that a child inherits as a descriptor and finds by CONVOY_SECRET_FD:
/// neither in its environment, nor on its command line, nor on a disk.
class SecretDescriptor {
 public:
  /// Throws IoError.
  explicit SecretDescriptor(const Secret& secret);
  int fd() const { return fd_.get(); }

 private:
  Descriptor fd_;
};

}  // namespace convoy
