// What the synchronous strategies guarantee, and how they are made.
#include "convoy/strategies/registry.hpp"
#include "strategies/columns/columns.hpp"
#include "strategies/compressed.hpp"

namespace convoy {
namespace {

bool compresses(const StrategyOptions& options) {
  return is_compressed(options.compression);
}

StrategyTraits synchronous_traits(const StrategyOptions& options) {
  const bool exact = !compresses(options);
  return {.same_bits = exact, .alike = true, .elastic = true, .columns = exact};
}

std::unique_ptr<Strategy> make_synchronous(const StrategySetup& setup) {
  if (setup.columns) return std::make_unique<Columns>(setup);
  if (compresses(setup.options)) return std::make_unique<Compressed>(setup);
  return std::make_unique<Synchronous>(setup);
}

StrategyKind synchronous_kind() {
  StrategyKind kind{{.name = "synchronous",
                     .doc = "all workers take each step together, with the same weights",
                     .guarantees = {.servers = false}}};
  kind.traits = synchronous_traits;
  kind.rows = {
      {"`synchronous`", "all workers take each step together, with the same weights",
       "nothing but the step under way, which is run again; with a fixed number of workers the job "
       "stops, and goes on from its checkpoint",
       "the same bits for any number of workers and replicas, after failures and when resumed",
       "2 (W - 1) / W M", [](const StrategyOptions& options) { return !compresses(options); }},
      {"`synchronous` with `compression`",
       "all workers take each step together, with the same weights and sums of compressed "
       "gradients",
       "the step under way, which is run again, and what the lost worker's compression had left "
       "out so far; with a fixed number of workers the job stops, and goes on from its checkpoint",
       "the same bits for any replicas and in every run with as many workers; other bits for "
       "another number, or when workers come and go",
       "the compressed part of 2 (W - 1) / W M", compresses}};
  kind.identity = [](const StrategyOptions& options, int /*workers*/) {
    return compression_identity(options.compression);
  };
  kind.make = make_synchronous;
  return kind;
}

const schema::Registered synchronous(strategies(), synchronous_kind());

}  // namespace
}  // namespace convoy
