#pragma once
// What `convoy bench comm` measured.
#include <cstdint>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "bench/measure/link.hpp"

namespace convoy::bench {

/// Seconds of one operation, over repetitions.
struct Timing {
  double median = 0;
  double lower_quartile = 0;
  double upper_quartile = 0;
  double fastest = 0;
  double slowest = 0;
  int repetitions = 0;
  int operations = 0;  ///< in each repetition, one after the other

  /// Half of what lies between the quartiles, as a part of the median.
  double spread() const { return median > 0 ? (upper_quartile - lower_quartile) / 2 / median : 0; }
};

/// Of `seconds` by repetition, at least one.
Timing summarise(std::vector<double> seconds, int operations);

/// One size of buffer: a timing for each of CommResult::contestants.
struct CommPoint {
  std::int64_t bytes = 0;
  std::vector<Timing> timings;
  std::map<std::string, std::string> settings;  ///< of contestants that chose one
};

/// All sizes for one number of workers and one link between them.
struct CommResult {
  int workers = 0;
  Link link;
  std::string command;                          ///< what was called
  std::string machine;                          ///< what it ran on
  std::string date;                             ///< UTC
  std::map<std::string, std::string> versions;  ///< of contestants that are not Convoy's
  std::vector<std::string> contestants;
  std::vector<std::string> notes;
  std::vector<CommPoint> points;

  /// The timing of a contestant, null where it did not take part.
  const Timing* find(const CommPoint& point, const std::string& contestant) const;
};

nlohmann::ordered_json to_json(const CommResult& result);
/// Throws nlohmann::json::exception on anything that to_json does not write.
CommResult comm_result_from_json(const nlohmann::ordered_json& json);

}  // namespace convoy::bench
