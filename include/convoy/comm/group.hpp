#pragma once
// From how a worker was started to its end of the group.
#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "convoy/comm/communicator.hpp"
#include "convoy/comm/rendezvous/store.hpp"

#pragma GCC visibility push(default)

namespace convoy {

/// Who a worker is, as its starter's environment variables say.
struct WorkerPlace {
  enum class Starter { launch, mpirun, srun };
  Starter starter = Starter::launch;
  int rank = 0;
  int workers = 1;
  int local_rank = 0;     ///< among the workers of this host
  int local_workers = 1;  ///< on this host
};

/// `convoy launch` (CONVOY_RANK, ...), `mpirun` of Open MPI (OMPI_COMM_WORLD_RANK, ...) or `srun`
/// (SLURM_PROCID and SLURM_STEP_NUM_TASKS, ...); nothing when none of them started this process.
/// Throws InputError when the variables make no sense.
std::optional<WorkerPlace> worker_place();

struct GroupOptions {
  /// auto: shared memory on one host; between hosts tcp, or MPI where mpirun started the workers.
  /// Else one of transports() (comm/transports.hpp): shm, tcp, mpi.
  std::string transport = "auto";
  std::chrono::milliseconds timeout = std::chrono::minutes(5);  ///< of every operation
  /// Tells apart the groups that the same workers join one after the other.
  std::string name = "group";
  /// Messages over tcp are encrypted (AES-256-GCM), and auto does not choose MPI. All members say
  /// the same. CONVOY_ENCRYPT=1 in the environment says it too.
  bool encrypt = false;
  /// Of this host, by name or address: tcp listens and connects there only, and spreads the
  /// connections of a pair of workers over them. Empty: CONVOY_INTERFACE in the environment, with
  /// commas between them; else the address that reaches the rendezvous.
  std::vector<std::string> interfaces = {};
  int connections = 0;  ///< of a pair of workers over tcp; 0: one for each interface
};

/// Joins the group that `place` belongs to: all its workers do. Uses the job's secret (Secret::
/// from_environment; under mpirun and on one host it is made here). Listens at the address that
/// reaches the rendezvous, 127.0.0.1 on one host, or at `interfaces`; only while it joins. Throws
/// InputError, PeerError, TimeoutError, AuthenticationError.
std::shared_ptr<Communicator> join_group(const WorkerPlace& place, const GroupOptions& options);

/// The same where the members know each other already: this one is `rank` of `size`, and all of
/// them give the same `options.name`, which nobody used before in this store.
std::shared_ptr<Communicator> join_group(Store& store, int rank, int size,
                                         const GroupOptions& options);

/// Processes whose identities are equal can share memory: of one boot, user, and network and
/// process namespace (network namespaces count as hosts).
std::string host_identity();

/// A group of threads of this process: element r is rank r's. Each is to be used by a thread of its
/// own, and all must be destroyed at the end. `hosts` (by rank, ascending) makes believe that they
/// are on several hosts; empty: on one.
std::vector<std::shared_ptr<Communicator>> make_thread_group(
    int size, std::chrono::milliseconds timeout = std::chrono::minutes(5),
    std::vector<int> hosts = {});

}  // namespace convoy

#pragma GCC visibility pop
