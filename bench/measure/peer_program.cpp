#include "bench/measure/peer_program.hpp"

#include <array>

#include "bench/measure/affinity.hpp"
#include "bench/measure/comm_options.hpp"
#include "bench/measure/peer_channel.hpp"
#include "comm/transports/mpi/transport.hpp"
#include "convoy/comm/group.hpp"
#include "convoy/core/error.hpp"

#ifdef CONVOY_MPI
#define OMPI_SKIP_MPICXX 1  // the C++ bindings that MPI has removed
#include <mpi.h>
#endif

namespace convoy::bench {

#ifdef CONVOY_MPI
namespace {

class MpiParty final : public OwnParty {
 public:
  explicit MpiParty(MpiWorld world) : OwnParty({world.rank, world.size}) {}

 private:
  void line_up() override { MPI_Barrier(MPI_COMM_WORLD); }
  void all_reduce(std::span<float> values) override {
    if (MPI_Allreduce(MPI_IN_PLACE, values.data(), static_cast<int>(values.size()), MPI_FLOAT,
                      MPI_SUM, MPI_COMM_WORLD) != MPI_SUCCESS)
      throw Error("MPI_Allreduce failed");
  }
};

// "Open MPI v4.1.4", or what else the library calls itself.
std::string library_name() {
  std::array<char, MPI_MAX_LIBRARY_VERSION_STRING> text{};
  int length = 0;
  MPI_Get_library_version(text.data(), &length);
  const std::string name(text.data(), static_cast<std::size_t>(length));
  return name.substr(0, name.find_first_of(",\n"));
}

}  // namespace

void run_mpi_peer(const std::filesystem::path& folder, const std::string& group) {
  const auto place = worker_place();
  if (!place || place->starter != WorkerPlace::Starter::mpirun)
    throw InputError("--peer is for those that convoy bench comm starts by mpirun");
  const MpiWorld world = mpi_world();
  cpu_set_t cores;
  ::sched_getaffinity(0, sizeof(cores), &cores);
  bind_to_core(cores, place->rank, place->workers);
  std::vector<Contestant> contestants(1);
  contestants[0].name = group;
  contestants[0].parties.push_back(std::make_unique<MpiParty>(world));
  if (group == open_mpi) {  // Convoy's own messages through it, within a host
    const auto communicator = join_group(*place, {.transport = "mpi", .name = "mpi"});
    contestants.push_back({.name = "mpi"});
    contestants[1].parties.push_back(communicator_party(communicator, communicator));
  }
  const auto channel = connect_peer(peer_path(folder, group, world.rank));
  channel->send(library_name());
  serve_peer(*channel, contestants);
  mpi_end_well();
}

#else

void run_mpi_peer(const std::filesystem::path&, const std::string&) {
  throw InputError("the benchmarks of this Convoy were built without MPI");
}

#endif

}  // namespace convoy::bench
