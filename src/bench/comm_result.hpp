#pragma once
// What `convoy bench comm` measured.
#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

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
};

/// All sizes for one number of workers.
struct CommResult {
  int workers = 0;
  std::string starter;  ///< the command that started the workers
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
