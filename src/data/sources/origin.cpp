#include "data/sources/origin.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace convoy {

void Origin::add(std::string file, std::int64_t samples) {
  const std::int64_t begin = parts_.empty() ? 0 : parts_.back().end;
  parts_.push_back({std::move(file), begin + samples});
}

const Origin::Part* Origin::part_of(std::int64_t number) const {
  const auto part =
      std::find_if(parts_.begin(), parts_.end(), [&](const Part& p) { return number < p.end; });
  return part == parts_.end() ? nullptr : &*part;
}

std::int64_t Origin::begin_of(const Part& part) const {
  return &part == &parts_.front() ? 0 : (&part - 1)->end;
}

std::string Origin::sample(std::int64_t number) const {
  const Part* const part = part_of(number);
  return part ? fmt::format("{}, sample {}", part->file, number - begin_of(*part))
              : fmt::format("{}, sample {}", name_, number);
}

std::string Origin::within(std::int64_t number) const {
  const Part* const part = part_of(number);
  return part ? fmt::format("{} of {}", number - begin_of(*part), part->file)
              : std::to_string(number);
}

}  // namespace convoy
