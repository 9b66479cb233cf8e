#include "comm/transports/mpi/transport.hpp"

#include <fmt/format.h>

#include "convoy/core/error.hpp"

#ifdef CONVOY_MPI
#define OMPI_SKIP_MPICXX 1  // the C++ bindings that MPI has removed
#include <mpi.h>

#include <limits>
#include <mutex>
#include <thread>

#include "comm/transports/staged.hpp"
#endif

namespace convoy {

#ifdef CONVOY_MPI
namespace {

void check(int status, int peer) {
  if (status == MPI_SUCCESS) return;
  std::array<char, MPI_MAX_ERROR_STRING> text{};
  int length = 0;
  MPI_Error_string(status, text.data(), &length);
  throw PeerError(peer, fmt::format("worker {} is lost: MPI says: {}", peer,
                                    std::string(text.data(), static_cast<std::size_t>(length))));
}

class MpiProcess {
 public:
  MpiProcess() {
    int provided = 0;
    MPI_Init_thread(nullptr, nullptr, MPI_THREAD_SERIALIZED, &provided);
    if (provided < MPI_THREAD_SERIALIZED)
      throw InputError("this MPI does not allow calls from several threads");
    MPI_Comm_set_errhandler(MPI_COMM_WORLD, MPI_ERRORS_RETURN);
    MPI_Comm_rank(MPI_COMM_WORLD, &world.rank);
    MPI_Comm_size(MPI_COMM_WORLD, &world.size);
  }
  // Finalising waits for everybody: only when this worker ends well. Otherwise mpirun is told by
  // the exit status.
  ~MpiProcess() {
    if (ended_well) MPI_Finalize();
  }
  MpiWorld world;
  bool ended_well = false;
};

MpiProcess& process() {
  static MpiProcess only;
  return only;
}

std::mutex& mpi_mutex() {
  static std::mutex mutex;
  return mutex;
}

template <class Stage>
class MpiTransfer final : public Transfer {
 public:
  template <class... Arguments>
  MpiTransfer(int peer, Arguments&&... arguments)
      : stage(std::forward<Arguments>(arguments)...), peer_(peer) {
    if (stage.bytes().size() > static_cast<std::size_t>(std::numeric_limits<int>::max()))
      throw InputError("a message of 2 GiB or more cannot go through MPI; set strategy.bucket");
  }

  void wait(Deadline deadline) override {
    constexpr int looks = 1000;  // before the core is given to others in between
    for (int look = 0; !test(); ++look) {
      if (look < looks) continue;
      if (std::chrono::steady_clock::now() >= deadline)
        throw TimeoutError(peer_, fmt::format("worker {} did not answer in time", peer_));
      std::this_thread::yield();
    }
    if constexpr (std::is_same_v<Stage, StagedReceive>) stage.finish(peer_);
  }

  Stage stage;
  MPI_Request request = MPI_REQUEST_NULL;

 private:
  bool test() {
    const std::lock_guard lock(mpi_mutex());
    int done = 0;
    check(MPI_Test(&request, &done, MPI_STATUS_IGNORE), peer_);
    return done != 0;
  }
  int peer_;
};

class MpiTransport final : public Transport {
 public:
  std::string_view name() const override { return "mpi"; }
  void abort() override {}  // MPI ends the whole job when it loses a process: nobody goes on

  std::shared_ptr<Transfer> send(int peer, int tag, SendPieces pieces) override {
    auto transfer = std::make_shared<MpiTransfer<StagedSend>>(peer, pieces);
    const auto bytes = transfer->stage.bytes();
    count_sent(transfer->stage.payload());
    const std::lock_guard lock(mpi_mutex());
    check(MPI_Isend(bytes.data(), static_cast<int>(bytes.size()), MPI_BYTE, peer, tag,
                    MPI_COMM_WORLD, &transfer->request),
          peer);
    return transfer;
  }

  std::shared_ptr<Transfer> receive(int peer, int tag, ReceivePieces pieces,
                                    Receive mode) override {
    auto transfer = std::make_shared<MpiTransfer<StagedReceive>>(peer, pieces, mode);
    const auto bytes = transfer->stage.bytes();
    const std::lock_guard lock(mpi_mutex());
    check(MPI_Irecv(bytes.data(), static_cast<int>(bytes.size()), MPI_BYTE, peer, tag,
                    MPI_COMM_WORLD, &transfer->request),
          peer);
    return transfer;
  }
};

}  // namespace

bool mpi_available() {
  return true;
}

MpiWorld mpi_world() {
  return process().world;
}

void mpi_end_well() {
  process().ended_well = true;
}

void mpi_broadcast(std::string& bytes) {
  const std::lock_guard lock(mpi_mutex());
  int size = static_cast<int>(bytes.size());
  check(MPI_Bcast(&size, 1, MPI_INT, 0, MPI_COMM_WORLD), 0);
  bytes.resize(static_cast<std::size_t>(size));
  check(MPI_Bcast(bytes.data(), size, MPI_BYTE, 0, MPI_COMM_WORLD), 0);
}

std::unique_ptr<Transport> mpi_transport() {
  process();
  return std::make_unique<MpiTransport>();
}

#else

bool mpi_available() {
  return false;
}
MpiWorld mpi_world() {
  throw InputError("this Convoy was built without MPI; build it where libopenmpi-dev is installed");
}
void mpi_end_well() {}
void mpi_broadcast(std::string&) {
  mpi_world();
}
std::unique_ptr<Transport> mpi_transport() {
  mpi_world();
  return nullptr;
}

#endif

}  // namespace convoy
