#pragma once
// What lies between the workers that are measured.
#include <string>
#include <string_view>

namespace convoy::bench {

/// The loopback device, or hosts of their own (network namespaces) whose links are limited.
struct Link {
  double mbit = 0;   ///< Mbit/s that each host can send; 0: no limit
  double delay = 0;  ///< ms from one host to another; 0: none of ours
  bool between_hosts() const { return mbit > 0 || delay > 0; }
  bool operator==(const Link&) const = default;
};

/// Of "loopback", a rate ("500mbit", "1gbit"), a delay ("5ms"), or both ("1gbit/5ms"). Throws
/// InputError.
Link parse_link(std::string_view text);
/// As parse_link reads it.
std::string to_string(const Link& link);
/// For people: "loopback", "1 Gbit/s, 5 ms delay".
std::string link_text(const Link& link);

}  // namespace convoy::bench
