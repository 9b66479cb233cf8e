#include <fmt/format.h>
#include <fmt/ranges.h>

#include "bench/comm_report.hpp"
#include "bench/comm_starter.hpp"
#include "cli/verbs.hpp"
#include "convoy/core/error.hpp"

namespace convoy::cli {
namespace {

namespace fs = std::filesystem;

struct BenchArguments {
  bench::CommOptions comm;
  std::vector<int> workers = {2};
  fs::path out;
  fs::path worker;
};

std::string command_of(const BenchArguments& options) {
  const bench::CommOptions& comm = options.comm;
  return fmt::format(
      "convoy bench comm --workers {} --transports {} --from {} --to {} --seconds {}",
      fmt::join(options.workers, ","), fmt::join(comm.transports, ","), comm.from, comm.to,
      comm.seconds);
}

void comm(const BenchArguments& options) {
  if (options.comm.to < options.comm.from || options.comm.from < 4)
    throw InputError("bench comm: --from must be at least 4 bytes and not above --to");
  if (!options.worker.empty()) return bench::run_comm_worker(options.comm, options.worker);
  if (!options.out.empty()) fs::create_directories(options.out);
  std::vector<bench::CommResult> results;
  for (const int workers : options.workers) {
    results.push_back(bench::start_comm(own_program(), workers, options.comm));
    fmt::print("{}{}", results.size() > 1 ? "\n" : "", bench::terminal_text(results.back()));
    std::fflush(stdout);
  }
  if (options.out.empty()) return;
  bench::write_report(bench::make_report(command_of(options), std::move(results)), options.out);
  fmt::print("\n{}\n", (options.out / "comm.html").string());
}

void add_comm(CLI::App& bench) {
  const auto options = std::make_shared<BenchArguments>();
  CLI::App* verb = bench.add_subcommand(
      "comm",
      "time all-reduce by size: Convoy's transports beside gloo, Open MPI and memory copies");
  verb->add_option("--workers", options->workers, "processes on this host, e.g. 2,4 (default: 2)")
      ->delimiter(',')
      ->type_name("N,...")
      ->check(CLI::Range(2, 64));
  verb->add_option("--transports", options->comm.transports,
                   "of Convoy's, which (default: thread,shm,tcp,mpi)")
      ->delimiter(',')
      ->type_name("NAME,...")
      ->check(CLI::IsMember({"thread", "shm", "tcp", "mpi"}));
  verb->add_option("--from", options->comm.from, "the smallest buffer (default: 4KiB)")
      ->type_name("SIZE")
      ->transform(CLI::AsSizeValue(false));
  verb->add_option("--to", options->comm.to, "the largest, by steps of four (default: 256MiB)")
      ->type_name("SIZE")
      ->transform(CLI::AsSizeValue(false));
  verb->add_option("--seconds", options->comm.seconds,
                   "for each size and contestant (default: 0.3)")
      ->check(CLI::Range(0.001, 3600.0));
  verb->add_option("--out", options->out, "write comm.json, comm.md and comm.html (a plot) there")
      ->type_name("DIR");
  verb->add_option("--worker", options->worker)->group("");  // for those that are started
  verb->callback([options] { comm(*options); });
}

}  // namespace

void add_bench(CLI::App& app) {
  CLI::App* verb = app.add_subcommand("bench", "measure what this machine can do");
  verb->require_subcommand(1);
  add_comm(*verb);
}

}  // namespace convoy::cli
