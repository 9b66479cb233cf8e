#pragma once
// Events in words, for the terminal and the page.
#include <nlohmann/json.hpp>
#include <string>

#pragma GCC visibility push(default)  // not public: the command, a library of its own, calls it

namespace convoy {

/// What happened to the group or to its data, as a sentence without the step: "worker 2 (host a)
/// lost: killed by signal 9; 3 workers go on". Empty for events of other kinds. Whatever the event
/// lacks is left out; control characters in it become '?'.
std::string describe_event(const nlohmann::ordered_json& event);

/// A member as text safe to print on a terminal; empty when there is none.
std::string member_text(const nlohmann::ordered_json& object, const char* key);
/// A member as a number; NaN when it is none.
double member_number(const nlohmann::ordered_json& object, const char* key);
/// Text from data with control characters replaced.
std::string printable(std::string text);

/// 350 µs becomes "0.35 ms", 0.1834 s "183 ms", 2.06 s "2.1 s", 90 s "1:30".
std::string format_seconds(double seconds);
/// 12,900,000 becomes "12.3 MiB".
std::string format_bytes(double bytes);

}  // namespace convoy

#pragma GCC visibility pop
