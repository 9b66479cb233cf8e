#include "bench/measure/peer_channel.hpp"

#include <fmt/format.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <sstream>

#include "convoy/core/error.hpp"

namespace convoy::bench {
namespace {

constexpr std::chrono::milliseconds between_looks{100};

sockaddr_un file_address(const std::filesystem::path& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.string().size() >= sizeof(address.sun_path))
    throw IoError(fmt::format("{}: too long a path for a socket; set TMPDIR", path.string()));
  std::strcpy(address.sun_path, path.c_str());
  return address;
}

IoError channel_error(const std::filesystem::path& path) {
  return IoError(fmt::format("{}: {}", path.string(), std::strerror(errno)));
}

class PeerParty final : public Party {
 public:
  PeerParty(std::shared_ptr<PeerChannel> channel, std::string name)
      : channel_(std::move(channel)), name_(std::move(name)) {}

  std::string prepare(std::span<float> values) override {
    const std::string answer = ask(fmt::format("prepare {} {}", word(), values.size_bytes()));
    if (!answer.starts_with("ready")) throw Error(fmt::format("it answers: {}", answer));
    return answer.size() > 6 ? answer.substr(6) : "";
  }

  double time(std::span<float> values, int operations) override {
    return std::stod(ask(fmt::format("time {} {} {}", word(), values.size_bytes(), operations)));
  }

 private:
  std::string ask(const std::string& line) {
    channel_->send(line);
    const auto answer = channel_->receive();
    if (!answer) throw Error("its process has ended");
    if (answer->starts_with("failed"))
      throw Error(answer->substr(std::min<std::size_t>(7, answer->size())));
    return *answer;
  }

  std::string word() const {
    std::string name = name_;
    std::replace(name.begin(), name.end(), ' ', '_');
    return name;
  }

  std::shared_ptr<PeerChannel> channel_;
  std::string name_;
};

std::string answer_to(const std::string& line, std::vector<Contestant>& contestants,
                      std::vector<float>& buffer) {
  std::istringstream words(line);
  std::string verb, name;
  std::size_t bytes = 0;
  int operations = 1;
  words >> verb >> name >> bytes >> operations;
  std::replace(name.begin(), name.end(), '_', ' ');
  const auto found = std::find_if(contestants.begin(), contestants.end(),
                                  [&](const Contestant& each) { return each.name == name; });
  if (found == contestants.end()) return fmt::format("failed there is no '{}' here", name);
  buffer.resize(bytes / sizeof(float));
  if (verb == "prepare") return fmt::format("ready {}", found->parties[0]->prepare(buffer));
  return fmt::format("{:.9g}", found->parties[0]->time(buffer, operations));
}

}  // namespace

void PeerChannel::send(const std::string& line) const {
  const std::string text = line + '\n';
  if (::send(fd_.get(), text.data(), text.size(), MSG_NOSIGNAL) !=
      static_cast<ssize_t>(text.size()))
    throw IoError("a peer's process has ended");
}

std::optional<std::string> PeerChannel::receive() {
  for (;;) {
    if (const std::size_t end = buffer_.find('\n'); end != std::string::npos) {
      std::string line = buffer_.substr(0, end);
      buffer_.erase(0, end + 1);
      return line;
    }
    std::array<char, 4096> piece;
    const ssize_t got = ::recv(fd_.get(), piece.data(), piece.size(), 0);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return std::nullopt;
    buffer_.append(piece.data(), static_cast<std::size_t>(got));
  }
}

std::filesystem::path peer_path(const std::filesystem::path& folder, const std::string& group,
                                int rank) {
  std::string name = group;
  std::replace(name.begin(), name.end(), ' ', '-');
  return folder / fmt::format("{}.{}", name, rank);
}

PeerListener::PeerListener(const std::filesystem::path& path)
    : fd_(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  const sockaddr_un address = file_address(path);
  if (::bind(fd_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0 ||
      ::listen(fd_.get(), 1) != 0)
    throw channel_error(path);
}

std::unique_ptr<PeerChannel> PeerListener::accept(std::chrono::seconds patience,
                                                  const std::function<bool()>& hopeless) const {
  const auto deadline = std::chrono::steady_clock::now() + patience;
  while (std::chrono::steady_clock::now() < deadline) {
    pollfd polled{fd_.get(), POLLIN, 0};
    if (::poll(&polled, 1, static_cast<int>(between_looks.count())) > 0) {
      const int fd = ::accept4(fd_.get(), nullptr, nullptr, SOCK_CLOEXEC);
      if (fd >= 0) return std::make_unique<PeerChannel>(fd);
    }
    if (hopeless()) break;
  }
  return nullptr;
}

std::unique_ptr<PeerChannel> connect_peer(const std::filesystem::path& path) {
  const sockaddr_un address = file_address(path);
  const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  auto channel = std::make_unique<PeerChannel>(fd);
  if (::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0)
    throw channel_error(path);
  return channel;
}

std::unique_ptr<Party> peer_party(std::shared_ptr<PeerChannel> channel, std::string name) {
  return std::make_unique<PeerParty>(std::move(channel), std::move(name));
}

void serve_peer(PeerChannel& channel, std::vector<Contestant>& contestants) {
  std::vector<float> buffer;
  while (const auto line = channel.receive()) {
    std::string answer;
    try {
      answer = answer_to(*line, contestants, buffer);
    } catch (const Error& problem) {
      answer = fmt::format("failed {}", problem.what());
    }
    channel.send(answer);
  }
}

}  // namespace convoy::bench
