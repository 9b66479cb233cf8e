#include "bench/measure/comm_worker.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <exception>
#include <set>
#include <thread>

#include "bench/measure/affinity.hpp"
#include "bench/measure/comm_field.hpp"
#include "convoy/core/error.hpp"

namespace convoy::bench {
namespace {

using Clock = std::chrono::steady_clock;
constexpr double shortest_repetition = 1e-3;  // seconds; short operations are repeated to fill it
constexpr int most_operations = 500;
constexpr double slow = 2e-3;  // seconds of an operation that need not be tried more than once
constexpr std::size_t fewest_rounds = 3;
constexpr std::size_t enough_rounds = 7;  // if they don't take far more time than there is
constexpr std::size_t most_rounds = 1000;
constexpr double far_more = 4;

double since(Clock::time_point begin) {
  return std::chrono::duration<double>(Clock::now() - begin).count();
}

class CommBench {
 public:
  CommBench(const WorkerPlace& place, const CommOptions& options,
            const std::filesystem::path& folder, const std::string& hosts)
      : place_(place), options_(options), field_(place, options, folder, hosts) {
    std::size_t parties = 1;
    for (const Contestant& contestant : field_.contestants())
      parties = std::max(parties, contestant.parties.size());
    const std::size_t floats = static_cast<std::size_t>(options.to) / sizeof(float);
    buffers_.assign(parties, std::vector<float>(floats));
  }

  CommResult run() {
    CommResult result{.workers = place_.workers, .link = options_.link};
    for (const Contestant& contestant : field_.contestants())
      result.contestants.push_back(contestant.name);
    result.versions = field_.versions();
    result.notes = field_.notes();
    for (const std::int64_t bytes : sizes(options_))
      result.points.push_back(measure(static_cast<std::size_t>(bytes) / sizeof(float)));
    return result;
  }

 private:
  std::span<float> buffer(std::size_t party, std::size_t floats) {
    return std::span(buffers_.at(party)).first(floats);
  }

  // Runs `work` for each party that is here, in threads of their own if they are several.
  template <class WorkOfParty>
  void with_parties(Contestant& contestant, const WorkOfParty& work) {
    const std::size_t here = contestant.parties.size();
    if (here == 1) return work(*contestant.parties[0], 0);
    std::vector<std::thread> threads;
    std::vector<std::exception_ptr> problems(here);
    for (std::size_t k = 0; k < here; ++k)
      threads.emplace_back([&, k] {
        const Unbound unbound(field_.cores());  // from this process' core
        bind_to_core(field_.cores(), static_cast<int>(k), static_cast<int>(here));
        try {
          work(*contestant.parties[k], k);
        } catch (...) {
          problems[k] = std::current_exception();
        }
      });
    for (std::thread& thread : threads) thread.join();
    for (const std::exception_ptr& problem : problems)
      if (problem) std::rethrow_exception(problem);
  }

  // The setting it chose.
  std::string prepare(Contestant& contestant, std::size_t floats) {
    std::vector<std::string> settings(std::max<std::size_t>(contestant.parties.size(), 1));
    field_.control().barrier();
    try {
      with_parties(contestant, [&](Party& party, std::size_t k) {
        settings[k] = party.prepare(buffer(k, floats));
      });
    } catch (const Error& problem) {
      throw Error(
          fmt::format("{}, {} bytes: {}", contestant.name, floats * sizeof(float), problem.what()));
    }
    return settings[0];
  }

  // Seconds of one operation, on the slowest party here.
  double time(Contestant& contestant, std::size_t floats, int operations) {
    std::vector<double> seconds(contestant.parties.size());
    field_.control().barrier();
    with_parties(contestant, [&](Party& party, std::size_t k) {
      seconds[k] = party.time(buffer(k, floats), operations);
    });
    return seconds.empty() ? 0 : *std::max_element(seconds.begin(), seconds.end());
  }

  int operations_for(Contestant& contestant, std::size_t floats) {
    double seconds = 0;
    for (int trial = 0; trial < 3 && seconds < slow; ++trial) {
      seconds = time(contestant, floats, 1 + std::min(trial, 1));
      field_.control().all_reduce(std::span(&seconds, 1), ReduceOp::max);
    }
    return std::clamp(static_cast<int>(std::ceil(shortest_repetition / seconds)), 1,
                      most_operations);
  }

  bool another_round(std::size_t rounds, Clock::time_point begin) {
    const double budget = options_.seconds * static_cast<double>(field_.contestants().size());
    const double spent = since(begin);
    std::byte more{rounds < fewest_rounds ||
                   (rounds < enough_rounds && spent < far_more * budget) ||
                   (rounds < most_rounds && spent < budget)};
    field_.control().broadcast(std::span(&more, 1), 0);
    return more != std::byte{0};
  }

  CommPoint measure(std::size_t floats) {
    std::vector<Contestant>& contestants = field_.contestants();
    CommPoint point{.bytes = static_cast<std::int64_t>(floats * sizeof(float))};
    std::vector<int> operations;
    for (Contestant& contestant : contestants) {
      const std::string setting = prepare(contestant, floats);
      if (!setting.empty()) point.settings[contestant.name] = setting;
      const bool long_already = long_operations_.contains(contestant.name);
      operations.push_back(long_already ? 1 : operations_for(contestant, floats));
      if (operations.back() == 1) long_operations_.insert(contestant.name);
    }
    std::vector<std::vector<double>> seconds(contestants.size());
    const auto begin = Clock::now();
    for (std::size_t round = 0; another_round(round, begin); ++round) {
      for (std::size_t k = 0; k < contestants.size(); ++k)
        seconds[k].push_back(time(contestants[k], floats, operations[k]));
    }
    for (std::size_t k = 0; k < contestants.size(); ++k) {
      field_.control().all_reduce(std::span(seconds[k]), ReduceOp::max);
      point.timings.push_back(summarise(std::move(seconds[k]), operations[k]));
    }
    return point;
  }

  const WorkerPlace& place_;
  const CommOptions& options_;
  CommField field_;
  std::vector<std::vector<float>> buffers_;  // by party here
  std::set<std::string> long_operations_;    // contestants that fill a repetition by one of them
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
                        const std::filesystem::path& folder, const std::string& hosts) {
  return CommBench(place, options, folder, hosts).run();
}

}  // namespace convoy::bench
