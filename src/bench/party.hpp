#pragma once
// Who is measured: everything that can sum a buffer over the workers, and the copies it is held
// against.
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "convoy/comm/communicator.hpp"

namespace convoy::bench {

/// One member of a contestant's group. Operations are collective over the group.
class Party {
 public:
  virtual ~Party() = default;
  /// Returns when all members of the group are here.
  virtual void line_up() = 0;
  /// `values` become their sums over the group.
  virtual void all_reduce(std::span<float> values) = 0;
};

/// The parties of one contestant in this process: one, or those of all its threads, or none.
struct Contestant {
  std::string name;
  bool sums = true;  ///< whether it sums at all: a copy does not
  std::vector<std::unique_ptr<Party>> parties;
};

/// Communicator::all_reduce. The members line up by `line`, which may be the same communicator.
std::unique_ptr<Party> communicator_party(std::shared_ptr<Communicator> communicator,
                                          std::shared_ptr<Communicator> line);

/// `passes` times memcpy of the whole buffer, there and back; up to `max_floats`.
std::unique_ptr<Party> copy_party(int passes, std::size_t max_floats,
                                  std::shared_ptr<Communicator> line);

/// Whether there is MPI, to be called by its own name.
bool native_mpi_available();
/// MPI_Allreduce, in place, over all processes that mpirun started. Throws InputError where there
/// is no MPI.
std::unique_ptr<Party> native_mpi_party(std::shared_ptr<Communicator> line);
/// "Open MPI v4.1.4", or what else the library calls itself.
std::string native_mpi_name();

}  // namespace convoy::bench
