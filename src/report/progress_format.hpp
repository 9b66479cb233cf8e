#pragma once
// What the progress display says, as text: nothing here writes or asks the terminal.
#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>

namespace convoy {

struct ProgressStyle {
  bool colour = false;  ///< ANSI colours
  bool utf8 = false;    ///< line-drawing characters for the bar
  int width = 80;       ///< columns the live line may take
};

/// Where a run is. Zero means unknown.
struct ProgressState {
  std::int64_t step = 0;
  std::int64_t steps = 0;
  double epoch = 0;
  double epochs = 0;
  double loss = 0;
  double samples_per_second = 0;
  double seconds_left = 0;
  bool has_loss = false;
};

/// 0:07, 12:05, 1:02:03.
std::string format_duration(double seconds);

/// 52,311.
std::string format_count(double number);

/// "epoch 2/5 ━━━━╸────  41%  step 1172/4690  52,311 samples/s  loss 0.0831  left 0:48", at most
/// `style.width` columns: the bar shrinks first, then parts leave, the least important first. No
/// newline.
std::string format_live_line(const ProgressState& state, const ProgressStyle& style);

/// The same facts as a line of a log.
std::string format_plain_line(const ProgressState& state);

/// The line an event leaves behind, or nothing for `step` events. Control characters in data become
/// '?'.
std::string format_event_line(const nlohmann::ordered_json& event, const ProgressStyle& style);

}  // namespace convoy
