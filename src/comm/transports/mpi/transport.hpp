#pragma once
// Messages by MPI. Where Convoy was built without MPI these say so.
#include "convoy/comm/transport.hpp"

#pragma GCC visibility push(default)  // not public: the command, a library of its own, calls it

namespace convoy {

/// MPI_COMM_WORLD of this process, started by mpirun.
struct MpiWorld {
  int rank = 0;
  int size = 1;
};

/// Whether Convoy was built with MPI.
bool mpi_available();

/// Initialises MPI once in the life of the process; it is finalised when the process ends. Throws
/// InputError where there is no MPI.
MpiWorld mpi_world();

/// Says that the workers end together: the process may wait for the others when it exits.
void mpi_end_well();

/// `bytes` of rank 0 to all.
void mpi_broadcast(std::string& bytes);

/// MPI aborts the whole job when a process dies, so PeerError is rare; deadlines are ours. Messages
/// below 2 GiB.
std::unique_ptr<Transport> mpi_transport();

}  // namespace convoy

#pragma GCC visibility pop
