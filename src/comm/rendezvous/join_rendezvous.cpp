#include "comm/rendezvous/join_rendezvous.hpp"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <fstream>
#include <nlohmann/json.hpp>
#include <thread>

#include "comm/transports/mpi/transport.hpp"
#include "convoy/core/error.hpp"
#include "convoy/core/file.hpp"
#include "core/machine.hpp"

namespace convoy {
namespace {

namespace fs = std::filesystem;
using std::chrono::milliseconds;

std::string variable(const char* name) {
  const char* text = std::getenv(name);
  return text == nullptr ? "" : text;
}

std::unique_ptr<RendezvousServer> serve(const Secret& secret, const std::string& bind,
                                        std::uint16_t port) {
  RendezvousServerOptions options{bind, port, secret, {}};
  options.log = [](const std::string& line) { fmt::print(stderr, "convoy: {}\n", line); };
  return std::make_unique<RendezvousServer>(std::move(options));
}

JoinedRendezvous join_at_launcher(milliseconds timeout) {
  const auto secret = Secret::from_environment();
  if (!secret)
    throw InputError("CONVOY_RENDEZVOUS is set without the job's secret; set CONVOY_SECRET_FILE");
  const Endpoint at = parse_endpoint(variable("CONVOY_RENDEZVOUS"));
  return {nullptr, std::make_unique<RendezvousClient>(at.host, at.port, *secret, timeout)};
}

// MPI itself carries the address and the secret.
JoinedRendezvous join_by_mpi(const WorkerPlace& place, milliseconds timeout) {
  const MpiWorld world = mpi_world();
  if (world.rank != place.rank || world.size != place.workers)
    throw InputError(fmt::format(
        "mpirun started {} workers and MPI knows of {}: this mpirun is not of the MPI that Convoy "
        "was built with",
        place.workers, world.size));
  JoinedRendezvous joined;
  std::string letter;
  if (place.rank == 0) {
    const Secret secret = Secret::from_environment().value_or(Secret::generate());
    const std::string bind = place.local_workers == place.workers ? "127.0.0.1" : host_name();
    joined.server = serve(secret, bind, 0);
    letter =
        nlohmann::json{{"host", bind}, {"port", joined.server->port()}, {"secret", secret.text()}}
            .dump();
  }
  mpi_broadcast(letter);
  const auto read = nlohmann::json::parse(letter);
  joined.client = std::make_unique<RendezvousClient>(
      read["host"].get<std::string>(), read["port"].get<std::uint16_t>(),
      Secret(read["secret"].get<std::string>()), timeout);
  return joined;
}

// One host: a folder that only this user can look into holds the address and the secret.
JoinedRendezvous join_in_folder(const WorkerPlace& place, milliseconds timeout) {
  const fs::path folder =
      fs::temp_directory_path() / fmt::format("convoy-{}-{}.{}", ::getuid(),
                                              variable("SLURM_JOB_ID"), variable("SLURM_STEP_ID"));
  const fs::path file = folder / "rendezvous";
  JoinedRendezvous joined;
  if (place.rank == 0) {
    if (::mkdir(folder.c_str(), 0700) != 0)
      throw IoError(
          fmt::format("{}: cannot create this folder, or it is there already", folder.string()));
    const Secret secret = Secret::from_environment().value_or(Secret::generate());
    joined.server = serve(secret, "127.0.0.1", 0);
    write_file_atomically(
        file, nlohmann::json{{"port", joined.server->port()}, {"secret", secret.text()}}.dump());
  }
  const auto deadline = std::chrono::steady_clock::now() + timeout;
  std::error_code ignored;
  while (!fs::exists(file, ignored)) {
    if (std::chrono::steady_clock::now() > deadline)
      throw TimeoutError(0, "worker 0 did not come to the rendezvous in time");
    std::this_thread::sleep_for(milliseconds(20));
  }
  struct stat status {};
  if (::stat(folder.c_str(), &status) != 0 || status.st_uid != ::getuid() ||
      (status.st_mode & 077) != 0)
    throw InputError(fmt::format("{}: is not this user's alone", folder.string()));
  const auto read = nlohmann::json::parse(read_text_file(file));
  joined.client =
      std::make_unique<RendezvousClient>("127.0.0.1", read["port"].get<std::uint16_t>(),
                                         Secret(read["secret"].get<std::string>()), timeout);
  joined.client->barrier("met", place.workers, timeout);
  if (place.rank == 0) fs::remove_all(folder, ignored);
  return joined;
}

// Several hosts under SLURM: worker 0's host and a port that follow from what SLURM says; the
// secret comes from the user, srun passes the environment on.
JoinedRendezvous join_by_slurm(const WorkerPlace& place, milliseconds timeout) {
  if (place.local_workers == place.workers) return join_in_folder(place, timeout);
  const auto secret = Secret::from_environment();
  if (!secret)
    throw InputError(
        "srun on several hosts needs the job's secret: make one with convoy launch --make-secret "
        "FILE on a shared file system and set CONVOY_SECRET_FILE=FILE before srun");
  const std::string host = first_host(variable("SLURM_STEP_NODELIST"));
  const auto job = std::strtoul(variable("SLURM_JOB_ID").c_str(), nullptr, 10);
  const auto step = std::strtoul(variable("SLURM_STEP_ID").c_str(), nullptr, 10);
  const auto port = static_cast<std::uint16_t>(20000 + (job * 31 + step) % 10000);
  JoinedRendezvous joined;
  if (place.rank == 0) joined.server = serve(*secret, host, port);
  joined.client = std::make_unique<RendezvousClient>(host, port, *secret, timeout);
  return joined;
}

}  // namespace

std::string first_host(const std::string& nodes) {
  const std::size_t bracket = nodes.find('[');
  const std::size_t comma = nodes.find(',');
  if (bracket == std::string::npos || comma < bracket) return nodes.substr(0, comma);
  const std::size_t end = nodes.find_first_of("-,]", bracket);
  return nodes.substr(0, bracket) + nodes.substr(bracket + 1, end - bracket - 1);
}

JoinedRendezvous join_rendezvous(const WorkerPlace& place, milliseconds timeout) {
  switch (place.starter) {
    case WorkerPlace::Starter::mpirun:
      return join_by_mpi(place, timeout);
    case WorkerPlace::Starter::srun:
      return join_by_slurm(place, timeout);
    case WorkerPlace::Starter::launch:
      break;
  }
  return join_at_launcher(timeout);
}

}  // namespace convoy
