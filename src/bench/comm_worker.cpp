#include "bench/comm_worker.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <thread>

#include "bench/affinity.hpp"
#include "bench/party.hpp"
#include "comm/mpi_transport.hpp"
#include "convoy/core/error.hpp"

namespace convoy::bench {
namespace {

using Clock = std::chrono::steady_clock;
constexpr double shortest_repetition = 1e-3;  // seconds; short operations are repeated to fill it
constexpr int most_operations = 500;
constexpr std::size_t fewest_rounds = 7;
constexpr std::size_t most_rounds = 1000;

double since(Clock::time_point begin) {
  return std::chrono::duration<double>(Clock::now() - begin).count();
}

// Whole numbers, so that sums are exact in any order.
float summand(int rank, std::size_t i) {
  return static_cast<float>(rank + 1) + static_cast<float>(i % 97);
}

cpu_set_t own_cores() {
  cpu_set_t cores;
  ::sched_getaffinity(0, sizeof(cores), &cores);
  return cores;
}

class CommBench {
 public:
  CommBench(const WorkerPlace& place, const CommOptions& options, const std::filesystem::path&)
      : place_(place), options_(options), control_(join("shm", "control")) {
    bind_to_core(cores_, place.local_rank, place.local_workers);
    add_convoy();
    add_peers();
    add_copies();
    const std::size_t floats = static_cast<std::size_t>(options.to) / sizeof(float);
    std::size_t parties = 0;
    for (const Contestant& contestant : contestants_)
      parties = std::max(parties, contestant.parties.size());
    buffers_.assign(parties, std::vector<float>(floats));
  }

  CommResult run() {
    result_.workers = place_.workers;
    for (const Contestant& contestant : contestants_)
      result_.contestants.push_back(contestant.name);
    for (const std::int64_t bytes : sizes(options_))
      result_.points.push_back(measure(static_cast<std::size_t>(bytes) / sizeof(float)));
    return result_;
  }

 private:
  std::shared_ptr<Communicator> join(const std::string& transport, const std::string& name) {
    return join_group(place_, {.transport = transport, .name = name});
  }

  bool by_mpirun() const { return place_.starter == WorkerPlace::Starter::mpirun; }

  void add_convoy() {
    for (const std::string& transport : options_.transports) {
      if (transport == "mpi" && !(by_mpirun() && mpi_available())) continue;  // said by the starter
      Contestant& contestant = contestants_.emplace_back(Contestant{.name = transport});
      if (transport != "thread") {
        std::optional<Unbound> unbound;
        if (transport == "tcp") unbound.emplace(cores_);  // it has threads
        contestant.parties.push_back(communicator_party(join(transport, transport), control_));
      } else if (place_.rank == 0) {
        for (const auto& thread : make_thread_group(place_.workers))
          contestant.parties.push_back(communicator_party(thread, thread));
      }
    }
  }

  void add_peers() {
    if (!by_mpirun() || !native_mpi_available()) return;
    contestants_.emplace_back(Contestant{.name = open_mpi})
        .parties.push_back(native_mpi_party(control_));
    result_.notes.push_back(fmt::format("Open MPI is {}.", native_mpi_name()));
  }

  void add_copies() {
    const auto floats = static_cast<std::size_t>(options_.to) / sizeof(float);
    for (const auto& [name, passes] : {std::pair{memory_limit, 2}, {memory_pass, 1}}) {
      contestants_.emplace_back(Contestant{.name = name, .sums = false})
          .parties.push_back(copy_party(passes, floats, control_));
    }
  }

  std::span<float> buffer(std::size_t party, std::size_t floats) {
    return std::span(buffers_.at(party)).first(floats);
  }

  // Runs `work` for each party that is here, in threads of their own if they are several.
  template <class WorkOfParty>
  void with_parties(Contestant& contestant, const WorkOfParty& work) {
    const std::size_t here = contestant.parties.size();
    if (here == 1) return work(*contestant.parties[0], 0);
    std::vector<std::thread> threads;
    for (std::size_t k = 0; k < here; ++k)
      threads.emplace_back([&, k] {
        const Unbound unbound(cores_);  // from this process' core
        bind_to_core(cores_, static_cast<int>(k), static_cast<int>(here));
        work(*contestant.parties[k], k);
      });
    for (std::thread& thread : threads) thread.join();
  }

  void fill(std::size_t floats, bool with_zeros) {
    for (std::size_t party = 0; party < buffers_.size(); ++party) {
      const int rank = buffers_.size() == 1 ? place_.rank : static_cast<int>(party);
      const std::span<float> values = buffer(party, floats);
      for (std::size_t i = 0; i < floats; ++i) values[i] = with_zeros ? 0 : summand(rank, i);
    }
  }

  void verify(Contestant& contestant, std::size_t floats) {
    fill(floats, false);
    std::atomic<bool> right = true;
    const int workers = place_.workers;
    with_parties(contestant, [&](Party& party, std::size_t k) {
      const std::span<float> values = buffer(k, floats);
      party.all_reduce(values);
      for (std::size_t i = 0; contestant.sums && i < floats; ++i) {
        const float ranks = static_cast<float>(workers * (workers + 1) / 2);
        if (values[i] != ranks + static_cast<float>(workers) * static_cast<float>(i % 97))
          right = false;
      }
    });
    double wrong = right ? 0 : 1;
    control_->all_reduce(std::span(&wrong, 1), ReduceOp::max);
    if (wrong != 0)
      throw Error(fmt::format("{} did not compute the sum of {} floats", contestant.name, floats));
  }

  // Seconds of one operation, on the slowest party here.
  double time(Contestant& contestant, std::size_t floats, int operations) {
    std::vector<double> seconds(contestant.parties.size());
    control_->barrier();
    with_parties(contestant, [&](Party& party, std::size_t k) {
      const std::span<float> values = buffer(k, floats);
      if (operations > 1) party.all_reduce(values);  // wakes up what slept meanwhile
      party.line_up();
      const auto begin = Clock::now();
      for (int i = 0; i < operations; ++i) party.all_reduce(values);
      seconds[k] = since(begin) / operations;
    });
    return seconds.empty() ? 0 : *std::max_element(seconds.begin(), seconds.end());
  }

  int operations_for(Contestant& contestant, std::size_t floats) {
    double seconds = 0;
    for (int trial = 0; trial < 3; ++trial) seconds = time(contestant, floats, 2);
    control_->all_reduce(std::span(&seconds, 1), ReduceOp::max);
    return std::clamp(static_cast<int>(std::ceil(shortest_repetition / seconds)), 1,
                      most_operations);
  }

  bool another_round(std::size_t rounds, Clock::time_point begin) {
    const double budget = options_.seconds * static_cast<double>(contestants_.size());
    std::byte more{rounds < fewest_rounds || (rounds < most_rounds && since(begin) < budget)};
    control_->broadcast(std::span(&more, 1), 0);
    return more != std::byte{0};
  }

  CommPoint measure(std::size_t floats) {
    for (Contestant& contestant : contestants_) verify(contestant, floats);
    fill(floats, true);  // sums of zeros stay zeros, however often
    std::vector<int> operations;
    for (Contestant& contestant : contestants_)
      operations.push_back(operations_for(contestant, floats));
    std::vector<std::vector<double>> seconds(contestants_.size());
    const auto begin = Clock::now();
    for (std::size_t round = 0; another_round(round, begin); ++round) {
      for (std::size_t k = 0; k < contestants_.size(); ++k)
        seconds[k].push_back(time(contestants_[k], floats, operations[k]));
    }
    CommPoint point{.bytes = static_cast<std::int64_t>(floats * sizeof(float))};
    for (std::size_t k = 0; k < contestants_.size(); ++k) {
      control_->all_reduce(std::span(seconds[k]), ReduceOp::max);
      point.timings.push_back(summarise(std::move(seconds[k]), operations[k]));
    }
    return point;
  }

  const WorkerPlace& place_;
  const CommOptions& options_;
  const cpu_set_t cores_ = own_cores();
  std::shared_ptr<Communicator> control_;
  std::vector<Contestant> contestants_;
  std::vector<std::vector<float>> buffers_;  // by party here
  CommResult result_;
};

}  // namespace

std::vector<std::int64_t> sizes(const CommOptions& options) {
  std::vector<std::int64_t> sizes;
  for (std::int64_t bytes = options.from; bytes < options.to; bytes *= 4) sizes.push_back(bytes);
  sizes.push_back(options.to);
  for (std::int64_t& bytes : sizes) bytes -= bytes % 4;
  return sizes;
}

CommResult measure_comm(const WorkerPlace& place, const CommOptions& options,
                        const std::filesystem::path& folder) {
  return CommBench(place, options, folder).run();
}

}  // namespace convoy::bench
