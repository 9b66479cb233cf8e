#include "comm/worker_place.hpp"

#include <fmt/format.h>

#include <charconv>
#include <cstdlib>
#include <string_view>

#include "convoy/comm/group.hpp"
#include "convoy/core/error.hpp"

namespace convoy {

std::optional<int> number_in(const char* variable) {
  const char* text = std::getenv(variable);
  if (text == nullptr) return std::nullopt;
  const std::string_view view = text;
  int value = 0;
  const auto [end, error] = std::from_chars(view.data(), view.data() + view.size(), value);
  if (error != std::errc() || end != view.data() + view.size() || value < 0)
    throw InputError(fmt::format("{}: '{}' is not a number", variable, view));
  return value;
}

namespace {

struct Names {
  WorkerPlace::Starter starter;
  const char* rank;
  const char* workers;
  const char* local_rank;
  const char* local_workers;  // may be absent
};

constexpr Names starters[] = {
    {WorkerPlace::Starter::launch, "CONVOY_RANK", "CONVOY_WORKERS", "CONVOY_LOCAL_RANK",
     "CONVOY_LOCAL_WORKERS"},
    {WorkerPlace::Starter::mpirun, "OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE",
     "OMPI_COMM_WORLD_LOCAL_RANK", "OMPI_COMM_WORLD_LOCAL_SIZE"},
    // Only srun sets these; a batch script that calls convoy without srun is one worker.
    {WorkerPlace::Starter::srun, "SLURM_PROCID", "SLURM_STEP_NUM_TASKS", "SLURM_LOCALID", nullptr},
};

// SLURM_STEP_TASKS_PER_NODE is like "4(x2),3": the tasks of each node, in order.
int slurm_local_workers() {
  const char* text = std::getenv("SLURM_STEP_TASKS_PER_NODE");
  const int node = number_in("SLURM_NODEID").value_or(0);
  if (text == nullptr) return 1;
  const std::string_view list = text;
  int passed = 0;
  for (std::size_t begin = 0; begin < list.size();) {
    const std::size_t end = std::min(list.find(',', begin), list.size());
    int tasks = 1;
    int times = 1;
    const char* last = list.data() + end;
    const char* after = std::from_chars(list.data() + begin, last, tasks).ptr;
    if (last - after > 2 && after[0] == '(' && after[1] == 'x')
      std::from_chars(after + 2, last, times);
    passed += times;
    if (node < passed) return std::max(1, tasks);
    begin = end + 1;
  }
  return 1;
}

}  // namespace

std::optional<WorkerPlace> worker_place() {
  for (const Names& names : starters) {
    const auto rank = number_in(names.rank);
    const auto workers = number_in(names.workers);
    if (!rank || !workers) continue;
    WorkerPlace place{names.starter, *rank, *workers};
    place.local_rank = number_in(names.local_rank).value_or(0);
    place.local_workers = names.local_workers != nullptr
                              ? number_in(names.local_workers).value_or(1)
                              : slurm_local_workers();
    if (place.rank >= place.workers || place.local_rank >= place.local_workers)
      throw InputError(fmt::format("{}={} and {}={} do not fit together", names.rank, place.rank,
                                   names.workers, place.workers));
    return place;
  }
  return std::nullopt;
}

}  // namespace convoy
