#pragma once
// Samples that cannot be read, where the job says to go on without them (data.on_bad_sample: skip).
#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "convoy/data/formats/formats.hpp"

namespace convoy {

/// The bad samples of one split's files, by number, each with its first problem.
class BadSamples {
 public:
  /// `problem` as a DataError says it: "x.csv:7: 3 fields where 4 are expected".
  void add(std::int64_t sample, std::string problem) {
    problems_.try_emplace(sample, std::move(problem));
  }
  void add(const std::vector<BadRow>& rows);

  bool empty() const { return problems_.empty(); }
  std::int64_t size() const { return static_cast<std::int64_t>(problems_.size()); }
  std::vector<std::int64_t> numbers() const;
  /// Those from `begin` to below `end`, with their problems.
  std::vector<std::pair<std::int64_t, std::string>> within(std::int64_t begin,
                                                           std::int64_t end) const;
  /// The other ones of 0 .. n-1.
  std::vector<std::int64_t> others(std::int64_t n) const;

  /// "x.csv: 3 of 1,000 samples left out: 5, 17, 38; the first: x.csv:7: 3 fields where 4 are
  /// expected". Not for none.
  std::string summary(const std::string& file, std::int64_t n) const;

  /// Throws DataError when more than the part `most` of n samples are bad, or all.
  void require_few(const std::string& file, std::int64_t n, double most) const;

 private:
  std::map<std::int64_t, std::string> problems_;
};

}  // namespace convoy
