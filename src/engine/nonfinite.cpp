#include "engine/nonfinite.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <cmath>

namespace convoy {
namespace {

std::vector<std::int64_t> with_bad_features(const Batch& batch) {
  std::vector<std::int64_t> bad;
  for (std::int64_t i = 0; i < batch.size(); ++i) {
    if (!batch.features[i].isfinite().all().item<bool>()) bad.push_back(batch.samples[i]);
  }
  return bad;
}

std::string name_of_nonfinite_gradient(const PartialSum& sum, const FlatParameters& weights) {
  std::size_t i = 0;
  for (const ParameterInfo& parameter : weights.parameters()) {
    if (!parameter.trainable) continue;
    if (!std::isfinite(weights.device().sum_of_squares(sum.data[i], parameter.count)))
      return parameter.name;
    ++i;
  }
  return {};
}

NonFinite look_at_lanes(Replica& replica, const ReplicaShared& shared, std::int64_t step,
                        Range lanes) {
  for (std::int64_t lane = lanes.begin; lane < lanes.end; ++lane) {
    LaneResult result;
    const PartialSum sum = replica.compute_lane(step, lane, result);
    const std::string parameter = name_of_nonfinite_gradient(sum, *shared.weights);
    if (std::isfinite(result.loss) && parameter.empty()) continue;
    const std::string what = std::isfinite(result.loss)
                                 ? fmt::format("the gradient of {} is not finite", parameter)
                                 : fmt::format("the loss is {}", result.loss);
    const Batch batch = shared.read_lane(step, lane);
    const auto bad = with_bad_features(batch);
    const char* const cause = shared.inputs == nullptr
                                  ? " because of features that are not finite"
                                  : " because sums of the first layer are not finite";
    if (!bad.empty()) return {what + cause, lane, bad};
    return {what, lane, result.samples};
  }
  return {"the sum of the lanes' gradients overflows", -1, {}};
}

}  // namespace

NonFinite find_nonfinite(Replica& replica, const ReplicaShared& shared, std::int64_t step,
                         Range lanes, Peers* peers) {
  NonFinite found = look_at_lanes(replica, shared, step, lanes);
  if (peers == nullptr) return found;
  using Json = nlohmann::json;
  const Json own = {{"what", found.what}, {"lane", found.lane}, {"samples", found.samples}};
  // Workers own lanes in order: the first that found something has the first lane.
  for (const std::string& text : peers->all_gather(own.dump())) {
    const Json theirs = Json::parse(text);
    if (theirs["lane"].get<std::int64_t>() < 0) continue;
    return {theirs["what"], theirs["lane"], theirs["samples"]};
  }
  return found;
}

std::string describe(const NonFinite& found, std::int64_t step) {
  constexpr std::size_t shown = 8;
  std::string text = fmt::format("step {}: {}", step, found.what);
  if (found.lane < 0) return text;
  const std::size_t count = std::min(shown, found.samples.size());
  text += fmt::format(" in lane {}, sample{} {}", found.lane, found.samples.size() == 1 ? "" : "s",
                      fmt::join(found.samples.begin(),
                                found.samples.begin() + static_cast<std::ptrdiff_t>(count), ", "));
  if (found.samples.size() > count)
    text += fmt::format(" and {} more", found.samples.size() - count);
  return text;
}

}  // namespace convoy
