#include "launch/secret_descriptor.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <string>

#include "convoy/core/error.hpp"

namespace convoy {

SecretDescriptor::SecretDescriptor(const Secret& secret)
    : fd_(::memfd_create("convoy-secret", MFD_CLOEXEC | MFD_ALLOW_SEALING)) {
  const std::string& text = secret.text();
  if (fd() < 0 || ::write(fd(), text.data(), text.size()) != static_cast<ssize_t>(text.size()) ||
      ::fcntl(fd(), F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) != 0)
    throw IoError(fmt::format("cannot pass the secret on: {}", std::strerror(errno)));
}

}  // namespace convoy
