#include "report/run_data.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "convoy/core/error.hpp"
#include "convoy/core/file.hpp"
#include "report/event_text.hpp"

namespace convoy {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::size_t kCurvePoints = 2000;
constexpr std::size_t kFewestForTrend = 60;
constexpr std::size_t kMostEvents = 1000;
constexpr std::size_t kBalancePoints = 1000;
constexpr std::size_t kMostReplicas = 1024;
constexpr int kDeepest = 32;  // nothing Convoy writes nests deeper, and writing JSON recurses

// Parses; a discarded value when the text is not JSON, values nested too deeply left out.
Json parse(std::string_view text) {
  const auto shallow = [](int depth, Json::parse_event_t, Json&) { return depth < kDeepest; };
  return Json::parse(text, shallow, /*allow_exceptions=*/false);
}

std::optional<double> number_if_any(const Json& object, const char* key) {
  const auto found = object.find(key);
  if (found == object.end() || !found->is_number()) return std::nullopt;
  const double value = found->get<double>();
  return std::isfinite(value) ? std::optional(value) : std::nullopt;
}

// A step may have been done twice (a failure, then resumed): the last one counts, and x ascends.
using Points = std::map<double, double>;

Curve to_curve(const Points& points) {
  Curve curve;
  for (const auto& [x, y] : points) {
    curve.x.push_back(x);
    curve.y.push_back(y);
  }
  return curve;
}

Json to_json(const Curve& curve) {
  const Curve thinned = thin(curve, kCurvePoints);
  return {{"x", thinned.x}, {"y", thinned.y}};
}

// How lanes were shared out, step by step.
class BalanceReader {
 public:
  void add(double step, const Json& balance) {
    const auto imbalance = number_if_any(balance, "imbalance");
    const std::vector<double> lanes = numbers(balance, "lanes");
    if (!imbalance || lanes.empty()) return;
    points_[step] = {*imbalance, lanes, numbers(balance, "lane_seconds")};
  }

  // A stretch of steps that is too long shows its worst one.
  void write_to(Json& record) const {
    if (points_.empty()) return;
    Json x = Json::array(), imbalance = Json::array(), lanes = Json::array(),
         seconds = Json::array();
    const std::size_t stretch = (points_.size() + kBalancePoints - 1) / kBalancePoints;
    for (auto at = points_.begin(); at != points_.end();) {
      auto worst = at;
      for (std::size_t i = 0; i < stretch && at != points_.end(); ++i, ++at) {
        if (at->second.imbalance > worst->second.imbalance) worst = at;
      }
      x.push_back(worst->first);
      imbalance.push_back(worst->second.imbalance);
      lanes.push_back(worst->second.lanes);
      seconds.push_back(worst->second.lane_seconds);
    }
    record["balance"] = {
        {"x", x}, {"imbalance", imbalance}, {"lanes", lanes}, {"lane_seconds", seconds}};
  }

 private:
  struct Point {
    double imbalance = 1;
    std::vector<double> lanes;
    std::vector<double> lane_seconds;
  };

  // All of a list, or nothing when one of them is no number or there are too many to show.
  static std::vector<double> numbers(const Json& object, const char* key) {
    const auto list = object.find(key);
    if (list == object.end() || !list->is_array() || list->size() > kMostReplicas) return {};
    std::vector<double> values;
    for (const Json& value : *list) {
      if (!value.is_number()) return {};
      values.push_back(value.get<double>());
    }
    return values;
  }

  std::map<double, Point> points_;
};

// Reads metrics.jsonl line by line.
class EventReader {
 public:
  void add_line(std::string_view line) {
    const Json event = parse(line);
    if (!event.is_object()) return;
    const auto kind = event.find("event");
    const auto step = number_if_any(event, "step");
    if (kind == event.end() || !kind->is_string() || !step) return;
    if (*kind == "step") {
      add_step(event, *step);
    } else if (*kind == "evaluate") {
      add_evaluation(event, *step);
    } else {
      add_event(event);
    }
    if (const auto time = number_if_any(event, "time")) {
      started_ = started_.value_or(*time);
      last_ = *time;
    }
  }

  void write_to(Json& record) const {
    record["curves"] = Json::object();
    for (const auto& [name, points] : curves_) {
      const Curve curve = to_curve(points);
      Json& described = record["curves"][name] = to_json(curve);
      if (points.size() >= kFewestForTrend) described["trend"] = to_json(moving_mean(curve));
    }
    record["evaluated"] = Json::object();
    for (const auto& [split, metrics] : evaluated_) {
      for (const auto& [name, points] : metrics)
        record["evaluated"][split][name] = to_json(to_curve(points));
    }
    record["latest"] = latest_;
    const std::size_t first = events_.size() - std::min(events_.size(), kMostEvents);
    record["events"] =
        std::vector<Json>(events_.begin() + static_cast<std::ptrdiff_t>(first), events_.end());
    record["events_left_out"] = first;
    balance_.write_to(record);
    record["seconds"] = Json::object();
    for (const auto& [part, sum] : seconds_)
      record["seconds"][part] = sum / static_cast<double>(timed_steps_);
    if (started_) record["started"] = *started_;
    if (last_) record["last"] = *last_;
  }

 private:
  void add_event(Json event) {
    if (std::string line = describe_event(event); !line.empty()) event["line"] = std::move(line);
    events_.push_back(std::move(event));
  }

  void add_step(const Json& event, double step) {
    const auto balance = event.find("balance");
    if (balance != event.end() && balance->is_object()) balance_.add(step, *balance);
    for (const char* name : {"loss", "rate", "gradient_norm", "samples_per_second"}) {
      if (const auto value = number_if_any(event, name)) curves_[name][step] = *value;
    }
    const auto seconds = event.find("seconds");
    if (seconds == event.end() || !seconds->is_object()) return;
    ++timed_steps_;
    for (const char* part :
         {"load", "forward", "backward", "reduce", "communicate", "update", "wait"}) {
      if (const auto value = number_if_any(*seconds, part)) seconds_[part] += *value;
    }
  }

  void add_evaluation(const Json& event, double step) {
    const auto split = event.find("split");
    const auto metrics = event.find("metrics");
    if (split == event.end() || !split->is_string() || metrics == event.end() ||
        !metrics->is_object())
      return;
    const auto name = split->get<std::string>();
    for (const auto& [key, value] : metrics->items()) {
      if (const auto finite = number_if_any(*metrics, key.c_str()))
        evaluated_[name][key][step] = *finite;
    }
    latest_[name] = *metrics;
  }

  std::map<std::string, Points> curves_;
  std::map<std::string, std::map<std::string, Points>> evaluated_;
  Json latest_ = Json::object();
  std::vector<Json> events_;
  BalanceReader balance_;
  std::map<std::string, double> seconds_;
  std::size_t timed_steps_ = 0;
  std::optional<double> started_, last_;
};

void read_events(const std::filesystem::path& file, Json& record) {
  EventReader reader;
  if (std::filesystem::exists(file)) {
    const MappedFile mapped(file);
    std::string_view text = mapped.text();
    while (!text.empty()) {
      const auto end = std::min(text.find('\n'), text.size() - 1);
      reader.add_line(text.substr(0, end + 1));
      text.remove_prefix(end + 1);
    }
  }
  reader.write_to(record);
}

Json read_object(const std::filesystem::path& file) {
  Json object = parse(read_text_file(file));
  if (!object.is_object())
    throw DataError(file.string(), "is not a JSON object; delete it and write the report again");
  return object;
}

}  // namespace

Curve thin(const Curve& curve, std::size_t limit) {
  const std::size_t n = curve.x.size();
  if (n <= limit) return curve;
  Curve result;
  const auto keep = [&](std::size_t i) {
    result.x.push_back(curve.x[i]);
    result.y.push_back(curve.y[i]);
  };
  keep(0);
  const std::size_t stretches = (limit - 2) / 2;
  for (std::size_t s = 0; s < stretches; ++s) {
    const auto begin = curve.y.begin() + static_cast<std::ptrdiff_t>(1 + s * (n - 2) / stretches);
    const auto end =
        curve.y.begin() + static_cast<std::ptrdiff_t>(1 + (s + 1) * (n - 2) / stretches);
    const auto [low, high] = std::minmax_element(begin, end);
    const auto a = static_cast<std::size_t>(std::min(low, high) - curve.y.begin());
    const auto b = static_cast<std::size_t>(std::max(low, high) - curve.y.begin());
    keep(a);
    if (a != b) keep(b);
  }
  keep(n - 1);
  return result;
}

Curve moving_mean(const Curve& curve) {
  const std::size_t n = curve.y.size();
  const std::size_t reach = std::max<std::size_t>(1, n / 50);
  std::vector<double> sums{0};
  for (const double y : curve.y) sums.push_back(sums.back() + y);
  Curve result{curve.x, std::vector<double>(n)};
  for (std::size_t i = 0; i < n; ++i) {
    const std::size_t near = std::min({reach, i, n - 1 - i});
    result.y[i] = (sums[i + near + 1] - sums[i - near]) / static_cast<double>(2 * near + 1);
  }
  return result;
}

nlohmann::ordered_json read_run_data(const std::filesystem::path& run) {
  const auto events = run / "metrics.jsonl";
  const auto summary = run / "summary.json";
  const auto samples = run / "samples.json";
  const auto job = run / "job.yaml";
  const bool finished = std::filesystem::exists(summary);
  if (!finished && !std::filesystem::exists(events)) {
    throw InputError(fmt::format(
        "{}: no run here (neither metrics.jsonl nor summary.json); name the folder given to "
        "`convoy train --out`",
        run.string()));
  }
  Json record;
  record["summary"] = finished ? read_object(summary) : Json::object();
  record["finished"] = finished;
  record["folder"] = std::filesystem::weakly_canonical(run).filename().string();
  read_events(events, record);
  if (std::filesystem::exists(samples)) record["samples"] = read_object(samples);
  if (std::filesystem::exists(job)) record["job"] = read_text_file(job);
  return record;
}

}  // namespace convoy
