// mpi: what mpirun connected already.
#include "comm/transports/mpi/transport.hpp"
#include "convoy/comm/transports.hpp"

namespace convoy {
namespace {

TransportKind mpi_kind() {
  TransportKind kind{{.name = "mpi", .doc = "MPI, between workers that mpirun started"},
                     [](const TransportMeeting&) { return mpi_transport(); }};
  kind.between_hosts = true;
  kind.needs_mpirun = true;
  kind.priority = 20;
  kind.available = mpi_available;
  return kind;
}

const schema::Registered mpi_registered(transports(), mpi_kind());

}  // namespace
}  // namespace convoy
