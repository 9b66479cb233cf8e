// What parameter servers can do on this machine, over loopback, servers and workers as processes:
//   server_bench rows        pulls and pushes of 1,000 random rows of a table of 10 million
//   server_bench throughput  pushes and pulls of dense weights
// One JSON object on stdout.
#include <fmt/format.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdlib>
#include <functional>
#include <nlohmann/json.hpp>
#include <random>
#include <string>
#include <vector>

#include "convoy/comm/rendezvous/rendezvous.hpp"
#include "convoy/server/row_table.hpp"
#include "core/machine.hpp"
#include "server/link.hpp"
#include "server/network_server.hpp"
#include "server/server_group.hpp"
#include "server/shard.hpp"

namespace {

using namespace convoy;
using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;
using Json = nlohmann::ordered_json;

double seconds_since(Clock::time_point begin) {
  return std::chrono::duration<double>(Clock::now() - begin).count();
}

pid_t in_child(const std::function<void()>& work) {
  const pid_t pid = ::fork();
  if (pid != 0) return pid;
  try {
    work();
  } catch (const std::exception& error) {
    fmt::print(stderr, "{}\n", error.what());
  }
  ::_exit(0);
}

Json percentiles(std::vector<double> seconds) {
  std::sort(seconds.begin(), seconds.end());
  const auto at = [&](double part) {
    return 1e6 * seconds[static_cast<std::size_t>(part * static_cast<double>(seconds.size() - 1))];
  };
  return {{"p50_us", at(0.5)}, {"p90_us", at(0.9)}, {"p99_us", at(0.99)}, {"p999_us", at(0.999)}};
}

class Bench {
 public:
  // `bind`: where servers listen; empty: at local sockets.
  explicit Bench(int servers, const std::string& bind = "")
      : servers_(servers), rendezvous_({"127.0.0.1", 0, secret_, {}}) {
    for (int number = 0; number < servers; ++number) {
      children_.push_back(in_child([&] {
        keep_freed_memory();  // as convoy server does
        std::atomic<bool> stop{false};
        server::NetworkServerOptions options{
            .number = number, .rendezvous = at(), .secret = secret_, .bind = bind};
        server::NetworkServer(options).serve(stop);
      }));
    }
    group_ = join_servers({0, 1, servers, 0, at(), secret_, 60s});
  }
  ~Bench() {
    for (const pid_t child : children_) {
      ::kill(child, SIGKILL);
      ::waitpid(child, nullptr, 0);
    }
  }
  Endpoint at() const { return {"127.0.0.1", rendezvous_.port()}; }

  Json rows(std::int64_t rows, std::int64_t columns, int each, int times) {
    RowTable table(group_->connect(0), {.name = "embedding", .rows = rows, .columns = columns});
    std::mt19937_64 random(1);
    std::vector<std::uint64_t> ids(static_cast<std::size_t>(each));
    std::vector<float> values(static_cast<std::size_t>(each * columns), 0.5F);
    std::vector<double> pulls;
    std::vector<double> pushes;
    for (int i = -20; i < times; ++i) {
      for (std::uint64_t& id : ids) id = random() % static_cast<std::uint64_t>(rows);
      auto begin = Clock::now();
      table.pull(ids, values);
      if (i >= 0) pulls.push_back(seconds_since(begin));
      begin = Clock::now();
      table.push(ids, values);
      if (i >= 0) pushes.push_back(seconds_since(begin));
    }
    const auto rate = [&](const std::vector<double>& seconds) {
      double sum = 0;
      for (const double one : seconds) sum += one;
      return each * static_cast<double>(seconds.size()) / sum;
    };
    return {{"rows", rows},
            {"columns", columns},
            {"rows_each", each},
            {"servers", servers_},
            {"pull", {{"rows_per_second", rate(pulls)}, {"latency", percentiles(pulls)}}},
            {"push", {{"rows_per_second", rate(pushes)}, {"latency", percentiles(pushes)}}}};
  }

  Json throughput(std::int64_t floats, int times) {
    const auto link = group_->connect(0);
    const std::int64_t each = floats / servers_;
    const std::vector<float> values(static_cast<std::size_t>(each), 1e-9F);
    const auto shards = static_cast<std::uint32_t>(servers_);
    prepare(*link, values);
    double best = 1e9;
    double sum = 0;
    for (int i = 0; i < times; ++i) {
      const auto begin = Clock::now();
      std::vector<std::uint64_t> asked;
      for (std::uint32_t shard = 0; shard < shards; ++shard) {
        server::Message push = of(server::Kind::push, shard, i);
        push.lanes = {0, 1};
        push.data = values;
        asked.push_back(link->start(std::move(push)));
        server::Message apply = of(server::Kind::apply, shard, i);
        apply.lanes = {0, 1};
        apply.rate = 1e-9;
        asked.push_back(link->start(std::move(apply)));
        server::Message pull = of(server::Kind::pull, shard, i);
        pull.count = each;
        asked.push_back(link->start(std::move(pull)));
      }
      for (const std::uint64_t id : asked) link->wait(id);
      const double seconds = seconds_since(begin);
      sum += seconds;
      best = std::min(best, seconds);
    }
    const double bytes = static_cast<double>(each * servers_) * sizeof(float);
    return {{"bytes", bytes},
            {"servers", servers_},
            {"push_and_pull_seconds", sum / times},
            {"best_seconds", best},
            {"gigabytes_per_second", 2 * bytes * times / sum / 1e9}};
  }

 private:
  static server::Message of(server::Kind kind, std::uint32_t shard, int task) {
    server::Message message;
    message.kind = kind;
    message.shard = shard;
    message.task = static_cast<std::uint64_t>(task + 1);
    return message;
  }
  void prepare(server::Link& link, const std::vector<float>& values) const {
    for (std::uint32_t shard = 0; shard < link.shards(); ++shard) {
      server::Message hello = of(server::Kind::hello, shard, 0);
      hello.text = "bench";
      link.call(std::move(hello));
      server::ShardPlan plan;
      plan.options.consistency = "async";
      plan.steps = 1;
      for (std::size_t at = 0; at < values.size(); at += 8192)
        plan.counts.push_back(
            static_cast<std::int64_t>(std::min<std::size_t>(8192, values.size() - at)));
      server::Message planned = of(server::Kind::plan, shard, 0);
      planned.text = plan.text();
      link.call(std::move(planned));
      link.call(of(server::Kind::ready, shard, 0));
    }
  }

  int servers_;
  Secret secret_{"the secret of this benchmark"};
  RendezvousServer rendezvous_;
  std::vector<pid_t> children_;
  std::shared_ptr<ServerGroup> group_;
};

}  // namespace

int main(int argc, char** argv) {
  const std::string mode = argc > 1 ? argv[1] : "";
  const int servers = argc > 2 ? std::atoi(argv[2]) : 2;
  if (mode == "rows") {
    Json result = Bench(servers).rows(10'000'000, 32, 1000, 2000);
    result["tcp"] = Bench(servers, "127.0.0.1").rows(10'000'000, 32, 1000, 2000);
    fmt::print("{}\n", result.dump(2));
  } else if (mode == "throughput") {
    constexpr std::int64_t floats = 4 << 20;
    Json result = Bench(servers).throughput(floats, 100);
    result["tcp"] = Bench(servers, "127.0.0.1").throughput(floats, 100);
    fmt::print("{}\n", result.dump(2));
  } else {
    fmt::print(stderr, "server_bench rows|throughput [SERVERS]\n");
    return 2;
  }
}
