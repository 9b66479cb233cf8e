// shm: memory that the workers of a host share.
#include <fmt/format.h>
#include <unistd.h>

#include <nlohmann/json.hpp>
#include <optional>

#include "comm/transports/memory/shared_memory.hpp"
#include "comm/transports/memory/transport.hpp"
#include "convoy/comm/transports.hpp"
#include "convoy/core/error.hpp"

namespace convoy {
namespace {

std::unique_ptr<Transport> connect_memory(const TransportMeeting& meeting) {
  const int first = static_cast<int>(meeting.local.begin);
  const int locals = static_cast<int>(meeting.local.size());
  const std::size_t bytes = Inbox::bytes(locals);
  SharedMemory own = SharedMemory::create(bytes);
  const nlohmann::json mine = {{"pid", ::getpid()}, {"fd", own.fd()}};
  const std::vector<std::string> all = meeting.share("segment", mine.dump(), meeting.local);
  MemoryTransportOptions options;
  auto segments = std::make_shared<std::vector<SharedMemory>>();
  for (int local = 0; local < locals; ++local) {
    const int rank = first + local;
    const auto theirs = nlohmann::json::parse(all[static_cast<std::size_t>(local)]);
    const pid_t pid = theirs.at("pid");
    const bool me = rank == meeting.rank;
    std::optional<SharedMemory> segment =
        me ? own : SharedMemory::open(pid, theirs.at("fd"), bytes);
    if (!segment) throw PeerError(rank, fmt::format("worker {} left while joining", rank));
    segments->push_back(*std::move(segment));
    options.inboxes.emplace_back(segments->back().data(), locals);
    options.watches.emplace_back(pid);
    options.names.push_back(rank);
  }
  meeting.share("mapped", "", meeting.local);  // nobody's is closed before all have opened it
  for (SharedMemory& segment : *segments) segment.close_fd();
  options.rank = meeting.rank - first;
  options.memory = segments;
  options.progress_thread = meeting.routed;
  options.spin = meeting.spin;
  options.name = "shm";
  return std::make_unique<MemoryTransport>(std::move(options));
}

TransportKind memory_kind() {
  TransportKind kind{{.name = "shm", .doc = "memory that the workers of a host share"},
                     connect_memory};
  kind.priority = 30;
  return kind;
}

const schema::Registered shm_registered(transports(), memory_kind());

}  // namespace
}  // namespace convoy
