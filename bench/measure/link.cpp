#include "bench/measure/link.hpp"

#include <fmt/format.h>

#include <charconv>

#include "convoy/core/error.hpp"

namespace convoy::bench {
namespace {

[[noreturn]] void refuse_link(std::string_view text) {
  throw InputError(fmt::format(
      "--links: '{}' is no link; write loopback, a rate as 500mbit or 1gbit, a delay as 5ms, or "
      "both as 1gbit/5ms",
      text));
}

}  // namespace

Link parse_link(std::string_view text) {
  Link link;
  if (text == "loopback") return link;
  if (text.ends_with('/')) refuse_link(text);
  for (std::string_view left = text; !left.empty();) {
    const std::string_view part = left.substr(0, left.find('/'));
    left.remove_prefix(std::min(part.size() + 1, left.size()));
    double value = 0;
    const auto [end, problem] = std::from_chars(part.data(), part.data() + part.size(), value);
    const std::string_view unit(end, static_cast<std::size_t>(part.data() + part.size() - end));
    if (problem != std::errc() || !(value > 0 && value <= 1e6)) refuse_link(text);
    if (unit == "gbit" && link.mbit == 0)
      link.mbit = 1000 * value;
    else if (unit == "mbit" && link.mbit == 0)
      link.mbit = value;
    else if (unit == "ms" && link.delay == 0)
      link.delay = value;
    else
      refuse_link(text);
  }
  if (!link.between_hosts()) refuse_link(text);
  return link;
}

std::string to_string(const Link& link) {
  if (!link.between_hosts()) return "loopback";
  std::string text = link.mbit > 0 ? fmt::format("{:g}mbit", link.mbit) : "";
  if (link.delay > 0) text += fmt::format("{}{:g}ms", text.empty() ? "" : "/", link.delay);
  return text;
}

std::string link_text(const Link& link) {
  if (!link.between_hosts()) return "loopback";
  std::string text;
  if (link.mbit > 0)
    text = link.mbit < 1000 ? fmt::format("{:g} Mbit/s", link.mbit)
                            : fmt::format("{:g} Gbit/s", link.mbit / 1000);
  if (link.delay > 0) text += fmt::format("{}{:g} ms delay", text.empty() ? "" : ", ", link.delay);
  return text;
}

}  // namespace convoy::bench
