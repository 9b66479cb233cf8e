// Any text is either a job, which then survives printing and reading, or an InputError of one line.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "convoy/comm/transports.hpp"
#include "convoy/core/error.hpp"
#include "convoy/data/formats/format.hpp"
#include "convoy/data/partition/partitioner.hpp"
#include "convoy/job/job.hpp"
#include "convoy/loss/loss_kind.hpp"
#include "convoy/model/initialisation.hpp"
#include "convoy/model/layer.hpp"
#include "convoy/model/layer_options.hpp"
#include "convoy/strategies/registry.hpp"
#include "convoy/strategies/strategy.hpp"

// Layers that models are spelled out with: no job here has them.
namespace convoy {
void describe(schema::Visitor&, LinearOptions&) {}
void describe(schema::Visitor&, DropoutOptions&) {}
void describe(schema::Visitor&, ConvOptions&) {}
void describe(schema::Visitor&, PoolOptions&) {}
}  // namespace convoy

// Nothing is made of a job here: a few kinds, which need none of the library, stand for all.
namespace {

using namespace convoy;

struct InnerOptions {
  double rate = 1;
  bool nesterov = false;
};
void describe(schema::Visitor& v, InnerOptions& o) {
  v.key("rate", o.rate, schema::above(0), "a number");
  v.key("nesterov", o.nesterov, schema::any(), "yes or no");
}
struct FuzzedOptions {
  std::int64_t average_every = 16;
  std::string assign = "block";
  InnerOptions outer;
};
void describe(schema::Visitor& v, FuzzedOptions& o) {
  v.key("average_every", o.average_every, schema::at_least(1), "a whole number");
  v.key("assign", o.assign, schema::choice({"block", "cyclic"}), "a word");
  v.section("outer", o.outer, "rate", "a section");
}

StrategyKind fuzzed_strategy(std::string name, schema::AnyOptions options) {
  StrategyKind kind{
      {.name = std::move(name), .doc = "stands for all", .options = std::move(options)}};
  kind.traits = [](const StrategyOptions&) { return StrategyTraits{.columns = true}; };
  kind.identity = [](const StrategyOptions&, int) { return nlohmann::ordered_json(); };
  kind.make = [](const StrategySetup&) -> std::unique_ptr<Strategy> { std::abort(); };
  return kind;
}
PartitionerKind fuzzed_partitioner(std::string name, schema::AnyOptions options) {
  return {{.name = std::move(name), .doc = "stands for all", .options = std::move(options)},
          [](const SamplesToPartition&,
             const schema::AnyOptions&) -> std::unique_ptr<const SampleSchedule> { std::abort(); }};
}

const schema::Registered synchronous(strategies(),
                                     fuzzed_strategy("synchronous", schema::NoOptions{}));
const schema::Registered local_sgd(strategies(), fuzzed_strategy("local_sgd", FuzzedOptions{}));
const schema::Registered row(partitioners(), fuzzed_partitioner("row", schema::NoOptions{}));
const schema::Registered linear(layers(), LayerKind{{.name = "linear",
                                                     .doc = "stands for all",
                                                     .bare = "average_every",
                                                     .options = FuzzedOptions{}}});
const schema::Registered relu(layers(), LayerKind{{.name = "relu", .doc = "stands for all"},
                                                  nullptr,
                                                  {.activation = true}});
const schema::Registered whole(initialisations(),
                               InitialisationKind{{.name = "default", .doc = "stands for all"}});
const schema::Registered squares(losses(),
                                 LossKind{{.name = "squared_error", .doc = "stands for all"},
                                          {Task::regression},
                                          nullptr,
                                          {Task::regression}});
const schema::Registered csv(
    formats(), FormatKind{{.name = "csv", .doc = "stands for all"}, "CSV", Holds::table, {".csv"}});
const schema::Registered value(partitioners(), fuzzed_partitioner("value", FuzzedOptions{}));

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(bytes), size);
  // What follows a line "%%" is an override.
  const std::size_t mark = input.find("\n%%\n");
  std::vector<std::string> overrides;
  if (mark != std::string_view::npos) overrides.emplace_back(input.substr(mark + 4));
  std::string printed;
  try {
    printed = convoy::print_job(
        convoy::parse_job(std::string(input.substr(0, mark)), "job.yaml", overrides));
  } catch (const convoy::InputError& error) {
    if (std::string_view(error.what()).find('\n') != std::string_view::npos) std::abort();
    return 0;
  }
  if (convoy::print_job(convoy::parse_job(printed, "printed.yaml")) != printed) std::abort();
  return 0;
}
