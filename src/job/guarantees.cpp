#include "job/guarantees.hpp"

#include <fmt/format.h>

#include <array>
#include <functional>
#include <string_view>

namespace convoy {
namespace {

struct Guarantee {
  std::string_view strategy;
  std::function<bool(const StrategyOptions&)> fits;
  std::string_view consistency;
  std::string_view loss;
  std::string_view determinism;
  std::string_view bytes;
};

bool served(const StrategyOptions& strategy, std::string_view consistency) {
  return strategy.kind == "parameter_server" && strategy.consistency == consistency;
}

constexpr std::string_view own_in_between =
    "workers have the same weights after every exchange, and their own in between";
constexpr std::string_view acknowledged =
    "no update that a server has acknowledged, with `backups: 1`; without, those of a lost server "
    "since the last checkpoint";
constexpr std::string_view since_exchange =
    "what the lost worker did since its last exchange; with a fixed number of workers the job "
    "stops, and goes on from its checkpoint with as many";
constexpr std::string_view same_bits =
    "the same bits for any replicas, in every run with as many workers and when resumed; other "
    "bits when workers come and go";
constexpr std::string_view order_counts = "none: the order in which updates come counts";
constexpr std::string_view to_servers = "2 M from and to the servers";
constexpr std::string_view compressed_to_servers =
    "M from the servers; M to them, or its compressed part";

// W workers, M bytes of weights, H steps between exchanges.
const std::array<Guarantee, 9>& guarantees() {
  static const std::array<Guarantee, 9> all = {{
      {"`synchronous`",
       [](const StrategyOptions& s) {
         return s.kind == "synchronous" && s.compression.kind == "none";
       },
       "all workers take each step together, with the same weights",
       "nothing but the step under way, which is run again; with a fixed number of workers the job "
       "stops, and goes on from its checkpoint",
       "the same bits for any number of workers and replicas, after failures and when resumed",
       "2 (W - 1) / W M"},
      {"`synchronous` with `compression`",
       [](const StrategyOptions& s) {
         return s.kind == "synchronous" && s.compression.kind != "none";
       },
       "all workers take each step together, with the same weights and sums of compressed "
       "gradients",
       "the step under way, which is run again, and what the lost worker's compression had left "
       "out so "
       "far; with a fixed number of workers the job stops, and goes on from its checkpoint",
       "the same bits for any replicas and in every run with as many workers; other bits for "
       "another number, or when workers come and go",
       "the compressed part of 2 (W - 1) / W M"},
      {"`parameter_server`, `bsp`", [](const StrategyOptions& s) { return served(s, "bsp"); },
       "all workers take each step together, with the same weights", acknowledged,
       "the same bits as `synchronous`", to_servers},
      {"`parameter_server`, `ssp`", [](const StrategyOptions& s) { return served(s, "ssp"); },
       "weights lack at most the last `staleness` steps of the other workers", acknowledged,
       order_counts, compressed_to_servers},
      {"`parameter_server`, `async`", [](const StrategyOptions& s) { return served(s, "async"); },
       "weights are those of some moment; no worker waits for another", acknowledged, order_counts,
       compressed_to_servers},
      {"`local_sgd`",
       [](const StrategyOptions& s) {
         return s.kind == "local_sgd" && s.compression.kind == "none";
       },
       own_in_between, since_exchange, same_bits, "2 (W - 1) / W M / H"},
      {"`local_sgd` with `compression`",
       [](const StrategyOptions& s) {
         return s.kind == "local_sgd" && s.compression.kind != "none";
       },
       own_in_between, since_exchange, same_bits, "the compressed part of 2 (W - 1) / W M / H"},
      {"`elastic_averaging`",
       [](const StrategyOptions& s) { return s.kind == "elastic_averaging"; },
       "workers have weights of their own, pulled to a common centre at every exchange",
       since_exchange, same_bits, "2 (W - 1) / W M / H"},
      {"`gossip`", [](const StrategyOptions& s) { return s.kind == "gossip"; },
       "workers have weights of their own; at an exchange pairs come to have the same",
       since_exchange, same_bits, "M / H, to one neighbour"},
  }};
  return all;
}

std::string without_marks(std::string_view text) {
  std::string plain;
  for (const char c : text) {
    if (c != '`') plain += c;
  }
  return plain;
}

}  // namespace

std::string guarantees_table() {
  std::string table =
      "| strategy | consistency | lost when a worker or server fails | determinism | bytes that a "
      "worker sends a step |\n| --- | --- | --- | --- | --- |\n";
  for (const Guarantee& row : guarantees()) {
    table += fmt::format("| {} | {} | {} | {} | {} |\n", row.strategy, row.consistency, row.loss,
                         row.determinism, row.bytes);
  }
  return table;
}

bool promises_same_bits(const StrategyOptions& strategy) {
  return strategy.kind == "synchronous" || served(strategy, "bsp");
}

std::string explain_strategy(const StrategyOptions& strategy) {
  for (const Guarantee& row : guarantees()) {
    if (!row.fits(strategy)) continue;
    return fmt::format(
        "strategy     {}\nconsistency  {}\nloss         {}\ndeterminism  {}\nbytes        a worker "
        "sends a step: {}\n             (W workers, M bytes of weights, H = average_every; see "
        "docs/strategies.md)\n",
        without_marks(row.strategy), without_marks(row.consistency), without_marks(row.loss),
        without_marks(row.determinism), row.bytes);
  }
  return {};
}

}  // namespace convoy
