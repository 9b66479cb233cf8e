#include "train/run_identity.hpp"

#include <fmt/format.h>

#include "convoy/core/checksum.hpp"
#include "convoy/core/error.hpp"
#include "convoy/data/partition/partitioner.hpp"
#include "data/splits/fingerprint.hpp"
#include "schema/json.hpp"

namespace convoy {
namespace {

using Json = nlohmann::ordered_json;

std::string text_of(const Json& value) {
  return value.is_null() ? "not set" : value.dump();
}

// All of them, so none that is added later is forgotten.
template <class Options>
void add_options(Json& identity, const std::string& path, const Options& options) {
  schema::add_flat(identity, path, schema::json_of(options));
}

// What runs before these keys did, which checkpoints of theirs do not say.
Json unsaid(const std::string& key) {
  const Json before = {{"partition.by", "row"}, {"partition.block", 0}};
  return before.value(key, Json());
}

}  // namespace

Json run_identity(const TrainerOptions& wanted, std::int64_t batch, std::int64_t lanes,
                  std::int64_t samples, const Loss& loss, const Json& model_meta,
                  const Column& values) {
  Json identity = {{"seed", wanted.seed},
                   {"train.batch", batch},
                   {"train.lanes", lanes},
                   {"train.last_batch", wanted.train.last_batch},
                   {"loss", loss.name}};
  schema::add_flat(identity, "loss.",
                   schema::to_json([&](schema::Visitor& v) { loss.options.describe(v); }));
  add_options(identity, "train.optimizer.", wanted.train.optimizer);
  add_options(identity, "train.schedule.", wanted.train.schedule);
  add_options(identity, "train.clip.", wanted.train.clip);
  identity["the number of training samples"] = samples;
  add_options(identity, "partition.", wanted.partition);
  if (looks_at(wanted.partition) != LooksAt::nothing)
    identity["the values that samples are partitioned by"] = values_checksum(values);
  if (model_meta.contains("fitted")) {
    const std::string text = model_meta["fitted"].dump();
    identity["the fitted preprocessing"] =
        fmt::format("{:016x}", xxh3(std::as_bytes(std::span(text.data(), text.size()))));
  }
  return identity;
}

Progress progress_of(const CheckpointState& state, const std::string& file) {
  try {
    const Json& progress = state.meta.at("progress");
    return {state.step, progress.at("updates"), progress.at("skipped"), progress.at("seconds")};
  } catch (const Json::exception&) {
    throw InputError(fmt::format("{}: does not say how far its run had come", file));
  }
}

void require_same_identity(const Json& stored, const Json& ours, const std::string& file) {
  Json wanted = ours;
  for (const auto& [key, value] : stored.items()) {
    if (key.starts_with("strategy.") && !ours.contains(key)) wanted[key] = nullptr;
  }
  for (const auto& [key, value] : wanted.items()) {
    const Json theirs = stored.is_object() && stored.contains(key) ? stored[key] : unsaid(key);
    if (theirs == value) continue;
    throw InputError(fmt::format(
        "{}: cannot be continued by this job: {} was {} and is now {}; use the same value, or "
        "another --out to start afresh",
        file, key, text_of(theirs), text_of(value)));
  }
}

}  // namespace convoy
