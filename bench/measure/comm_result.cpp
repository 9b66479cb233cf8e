#include "bench/measure/comm_result.hpp"

#include <algorithm>
#include <cmath>

namespace convoy::bench {
namespace {

using Json = nlohmann::ordered_json;

// Of sorted values, between neighbours where the place is not a whole number.
double quantile(const std::vector<double>& sorted, double part) {
  const double place = part * static_cast<double>(sorted.size() - 1);
  const auto below = static_cast<std::size_t>(place);
  const std::size_t above = std::min(below + 1, sorted.size() - 1);
  return std::lerp(sorted[below], sorted[above], place - static_cast<double>(below));
}

Json to_json(const Timing& timing) {
  return {{"median", timing.median},
          {"lower_quartile", timing.lower_quartile},
          {"upper_quartile", timing.upper_quartile},
          {"fastest", timing.fastest},
          {"slowest", timing.slowest},
          {"repetitions", timing.repetitions},
          {"operations", timing.operations}};
}

Timing timing_from_json(const Json& json) {
  return {.median = json.at("median"),
          .lower_quartile = json.at("lower_quartile"),
          .upper_quartile = json.at("upper_quartile"),
          .fastest = json.at("fastest"),
          .slowest = json.at("slowest"),
          .repetitions = json.at("repetitions"),
          .operations = json.at("operations")};
}

}  // namespace

Timing summarise(std::vector<double> seconds, int operations) {
  std::sort(seconds.begin(), seconds.end());
  return {.median = quantile(seconds, 0.5),
          .lower_quartile = quantile(seconds, 0.25),
          .upper_quartile = quantile(seconds, 0.75),
          .fastest = seconds.front(),
          .slowest = seconds.back(),
          .repetitions = static_cast<int>(seconds.size()),
          .operations = operations};
}

const Timing* CommResult::find(const CommPoint& point, const std::string& contestant) const {
  const auto at = std::find(contestants.begin(), contestants.end(), contestant);
  if (at == contestants.end()) return nullptr;
  return &point.timings.at(static_cast<std::size_t>(at - contestants.begin()));
}

Json to_json(const CommResult& result) {
  Json points = Json::array();
  for (const CommPoint& point : result.points) {
    Json timings = Json::object();
    for (std::size_t k = 0; k < result.contestants.size(); ++k)
      timings[result.contestants[k]] = to_json(point.timings[k]);
    points.push_back({{"bytes", point.bytes}, {"seconds", std::move(timings)}});
    if (!point.settings.empty()) points.back()["settings"] = point.settings;
  }
  return {{"workers", result.workers},
          {"link", to_string(result.link)},
          {"command", result.command},
          {"machine", result.machine},
          {"date", result.date},
          {"versions", result.versions},
          {"contestants", result.contestants},
          {"notes", result.notes},
          {"points", std::move(points)}};
}

CommResult comm_result_from_json(const Json& json) {
  CommResult result{.workers = json.at("workers"),
                    .link = parse_link(json.at("link").get<std::string>()),
                    .command = json.at("command"),
                    .machine = json.at("machine"),
                    .date = json.at("date"),
                    .versions = json.at("versions"),
                    .contestants = json.at("contestants"),
                    .notes = json.at("notes")};
  for (const Json& point : json.at("points")) {
    CommPoint& read = result.points.emplace_back(CommPoint{.bytes = point.at("bytes")});
    for (const std::string& contestant : result.contestants)
      read.timings.push_back(timing_from_json(point.at("seconds").at(contestant)));
    if (point.contains("settings"))
      read.settings = point["settings"].get<std::map<std::string, std::string>>();
  }
  return result;
}

}  // namespace convoy::bench
