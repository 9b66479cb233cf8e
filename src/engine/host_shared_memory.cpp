#include "engine/host_shared_memory.hpp"

#include <unistd.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "convoy/core/error.hpp"

namespace convoy {
namespace {

std::optional<SharedMemory> created(std::size_t bytes) {
  try {
    return SharedMemory::create(bytes);
  } catch (const IoError&) {
    return std::nullopt;
  }
}

std::optional<SharedMemory> open_handle(const nlohmann::json& handle, std::size_t bytes) {
  if (handle.at("fd").get<int>() < 0) return std::nullopt;
  try {
    return SharedMemory::open(handle.at("pid"), handle.at("fd"), bytes);
  } catch (const IoError&) {
    return std::nullopt;
  }
}

}  // namespace

Range local_ranks(const Communicator& group) {
  const std::vector<int>& hosts = group.hosts();
  const auto [first, last] = std::equal_range(hosts.begin(), hosts.end(), hosts[group.rank()]);
  return {first - hosts.begin(), last - hosts.begin()};
}

std::optional<SharedMemory> make_host_shared_memory(Communicator& group, std::size_t bytes,
                                                    const std::function<void(std::byte*)>& fill) {
  const auto maker = static_cast<std::size_t>(local_ranks(group).begin);
  const bool makes = group.rank() == static_cast<int>(maker);
  std::optional<SharedMemory> memory = makes ? created(bytes) : std::nullopt;
  const nlohmann::json handle = {{"pid", ::getpid()}, {"fd", memory ? memory->fd() : -1}};
  const std::vector<std::string> handles = group.all_gather(handle.dump());
  if (!makes) memory = open_handle(nlohmann::json::parse(handles[maker]), bytes);
  if (memory) fill(memory->data());
  for (const std::string& has : group.all_gather(memory ? "mapped" : ""))
    if (has.empty()) return std::nullopt;
  memory->close_fd();
  return memory;
}

// Its messages order memory: whoever has one sees what its sender wrote before.
void HostBarrier::wait(int tag) {
  std::vector<Work> works;
  for (std::int64_t peer = workers_.begin; peer < workers_.end; ++peer) {
    if (peer != group_.rank())
      works.push_back(group_.isend(static_cast<int>(peer), tag, {std::span(&sent_, 1)}));
  }
  for (std::int64_t peer = workers_.begin; peer < workers_.end; ++peer) {
    if (peer != group_.rank()) group_.recv(static_cast<int>(peer), tag, std::span(&received_, 1));
  }
  for (Work& work : works) work.wait();
}

}  // namespace convoy
