#include "bench/party.hpp"
#include "comm/mpi_transport.hpp"
#include "convoy/core/error.hpp"

#ifdef CONVOY_MPI
#define OMPI_SKIP_MPICXX 1  // the C++ bindings that MPI has removed
#include <mpi.h>
#endif

namespace convoy::bench {

#ifdef CONVOY_MPI
namespace {

class NativeMpiParty final : public Party {
 public:
  explicit NativeMpiParty(std::shared_ptr<Communicator> line) : line_(std::move(line)) {
    mpi_world();
  }
  void line_up() override { line_->barrier(); }
  void all_reduce(std::span<float> values) override {
    if (MPI_Allreduce(MPI_IN_PLACE, values.data(), static_cast<int>(values.size()), MPI_FLOAT,
                      MPI_SUM, MPI_COMM_WORLD) != MPI_SUCCESS)
      throw Error("MPI_Allreduce failed");
  }

 private:
  std::shared_ptr<Communicator> line_;
};

}  // namespace

bool native_mpi_available() {
  return mpi_available();
}

std::unique_ptr<Party> native_mpi_party(std::shared_ptr<Communicator> line) {
  return std::make_unique<NativeMpiParty>(std::move(line));
}

std::string native_mpi_name() {
  std::array<char, MPI_MAX_LIBRARY_VERSION_STRING> text{};
  int length = 0;
  MPI_Get_library_version(text.data(), &length);
  const std::string name(text.data(), static_cast<std::size_t>(length));
  return name.substr(0, name.find_first_of(",\n"));
}

#else

bool native_mpi_available() {
  return false;
}
std::unique_ptr<Party> native_mpi_party(std::shared_ptr<Communicator>) {
  throw InputError("the benchmarks of this Convoy were built without MPI");
}
std::string native_mpi_name() {
  return "";
}

#endif

}  // namespace convoy::bench
