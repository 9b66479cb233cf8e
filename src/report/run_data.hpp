#pragma once
// What a run's folder says, gathered for the page.
#include <filesystem>
#include <nlohmann/json.hpp>
#include <vector>

namespace convoy {

struct Curve {
  std::vector<double> x;
  std::vector<double> y;
};

/// At most `limit` (>= 4) points of the curve, evenly spread, with the lowest and the highest of
/// every stretch.
Curve thin(const Curve& curve, std::size_t limit);

/// At each point the mean over the nearest 4% of the points, over fewer towards both ends: the
/// trend of a noisy curve.
Curve moving_mean(const Curve& curve);

/// The page's data:
///   summary    summary.json, or an empty object
///   curves     {loss, rate, gradient_norm, samples_per_second: {x: steps, y}} of training, at most
///   2,000 points each;
///              from 60 points on with their trend {x, y}
///   evaluated  {split: {metric: {x, y}}}
///   latest     {split: metrics of its last evaluation}
///   events     everything but steps and evaluations, the last 1,000; `line`: in words, where
///              describe_event has some
///   balance    {x: steps, imbalance, lanes: how many each replica has, lane_seconds: how long one
///              takes it}, all by step, at most 1,000; absent when no event tells
///   events_left_out  how many came before those
///   seconds    {load, ...} a step, mean over the `step` events
///   started, last    the times of the first and the last event
///   finished   whether there is a summary
///   folder     the name of the run's folder
///   samples, job   samples.json and the text of job.yaml, where there are such files
/// Lines of metrics.jsonl that are not events are passed over: a run may be half-way through
/// writing one. Throws InputError when the folder holds no run, DataError when one of the files is
/// not JSON.
nlohmann::ordered_json read_run_data(const std::filesystem::path& run);

}  // namespace convoy
