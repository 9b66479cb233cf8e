#pragma once
// What runs in the processes of MPI that `convoy bench comm` starts beside its workers.
#include <filesystem>
#include <string>

namespace convoy::bench {

/// Under mpirun: measures what the worker of the same rank says (peer_channel.hpp) by MPI_Allreduce
/// in place, and by Convoy's transport mpi. Throws InputError where there is no MPI.
void run_mpi_peer(const std::filesystem::path& folder, const std::string& group);

}  // namespace convoy::bench
