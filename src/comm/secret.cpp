#include "convoy/comm/secret.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <openssl/crypto.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <cstdlib>
#include <cstring>

#include "convoy/core/error.hpp"
#include "core/descriptor.hpp"

namespace convoy {
namespace {

// From the start, wherever others who share the descriptor have read to.
Secret read_secret(int fd, const std::string& origin) {
  std::array<char, Secret::max_size + 2> buffer;
  std::size_t size = 0;
  while (size < buffer.size()) {
    const auto got =
        ::pread(fd, buffer.data() + size, buffer.size() - size, static_cast<off_t>(size));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) throw InputError(fmt::format("{}: {}", origin, std::strerror(errno)));
    if (got == 0) break;
    size += static_cast<std::size_t>(got);
  }
  Secret secret({buffer.data(), size}, origin);
  OPENSSL_cleanse(buffer.data(), buffer.size());
  return secret;
}

Secret from_inherited(const char* text) {
  int fd = -1;
  const char* end = text + std::strlen(text);
  const auto [rest, problem] = std::from_chars(text, end, fd);
  if (problem != std::errc() || rest != end || ::fcntl(fd, F_GETFD) < 0)
    throw InputError(fmt::format("CONVOY_SECRET_FD={}: no descriptor of this process", text));
  ::fcntl(fd, F_SETFD, FD_CLOEXEC);  // not for the programs that we start
  return read_secret(fd, fmt::format("CONVOY_SECRET_FD={}", text));
}

const char* set_variable(const char* name) {
  const char* value = std::getenv(name);
  return value != nullptr && *value != '\0' ? value : nullptr;
}

}  // namespace

Secret::Secret(std::string_view text, std::string_view origin) {
  const auto end = text.find_last_not_of(" \t\r\n");
  text = text.substr(0, end == std::string_view::npos ? 0 : end + 1);
  if (text.size() < min_size)
    throw InputError(fmt::format(
        "{} has {} characters, needs at least {}; convoy launch --make-secret FILE makes one",
        origin, text.size(), min_size));
  if (text.size() > max_size)
    throw InputError(fmt::format("{} has more than {} characters", origin, max_size));
  text_ = text;
}

Secret::~Secret() {
  OPENSSL_cleanse(text_.data(), text_.size());
}

Secret Secret::generate() {
  std::array<unsigned char, 32> random;
  std::size_t size = 0;
  while (size < random.size()) {
    const auto got = ::getrandom(random.data() + size, random.size() - size, 0);
    if (got < 0 && errno != EINTR)
      throw IoError(fmt::format("random numbers: {}", std::strerror(errno)));
    if (got > 0) size += static_cast<std::size_t>(got);
  }
  std::string hex;
  hex.reserve(2 * random.size());
  for (const unsigned char byte : random) fmt::format_to(std::back_inserter(hex), "{:02x}", byte);
  const Secret secret(hex);
  OPENSSL_cleanse(random.data(), random.size());
  OPENSSL_cleanse(hex.data(), hex.size());
  return secret;
}

Secret Secret::from_file(const std::filesystem::path& file) {
  // Non-blocking: a pipe in place of the file must not make us wait.
  const Descriptor in(::open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  struct stat status {};
  if (in.get() < 0 || ::fstat(in.get(), &status) != 0)
    throw InputError(fmt::format("secret file {}: {}", file.string(), std::strerror(errno)));
  if (!S_ISREG(status.st_mode))
    throw InputError(fmt::format("secret file {}: not a file", file.string()));
  if ((status.st_mode & (S_IRWXG | S_IRWXO)) != 0)
    throw InputError(fmt::format("secret file {0}: others than its owner may use it; chmod 600 {0}",
                                 file.string()));
  return read_secret(in.get(), fmt::format("secret file {}", file.string()));
}

std::optional<Secret> Secret::from_environment() {
  if (const char* fd = set_variable("CONVOY_SECRET_FD")) return from_inherited(fd);
  if (const char* text = set_variable("CONVOY_SECRET")) return Secret(text, "CONVOY_SECRET");
  if (const char* file = set_variable("CONVOY_SECRET_FILE")) return from_file(file);
  return std::nullopt;
}

void make_secret_file(const std::filesystem::path& file) {
  const Secret secret = Secret::generate();
  const Descriptor out(::open(file.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  if (out.get() < 0 && errno == EEXIST)
    throw InputError(fmt::format(
        "secret file {} is there already; remove it first, or name another", file.string()));
  if (out.get() < 0)
    throw IoError(fmt::format("secret file {}: {}", file.string(), std::strerror(errno)));
  const std::string line = secret.text() + "\n";
  const auto written = ::write(out.get(), line.data(), line.size());
  if (written == static_cast<ssize_t>(line.size()) && ::fsync(out.get()) == 0) return;
  const int problem = written < 0 ? errno : ENOSPC;
  ::unlink(file.c_str());
  throw IoError(fmt::format("secret file {}: {}", file.string(), std::strerror(problem)));
}

}  // namespace convoy
