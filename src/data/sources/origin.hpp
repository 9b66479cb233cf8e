#pragma once
// Where samples come from, for messages.
#include <cstdint>
#include <string>
#include <vector>

namespace convoy {

/// A file, or several that are read as one.
class Origin {
 public:
  Origin() = default;
  Origin(std::string name) : name_(std::move(name)) {}
  Origin(const char* name) : name_(name) {}

  /// The next of the files, in their order, and how many samples it holds.
  void add(std::string file, std::int64_t samples);

  /// The file, or the pattern that the files match.
  const std::string& name() const { return name_; }

  /// "x.csv, sample 7"; where there are several files, the one that holds it and its number there.
  std::string sample(std::int64_t number) const;

  /// "7"; where there are several files, "7 of x.csv".
  std::string within(std::int64_t number) const;

 private:
  struct Part {
    std::string file;
    std::int64_t end = 0;  // the number of the first sample behind it
  };
  const Part* part_of(std::int64_t number) const;
  std::int64_t begin_of(const Part& part) const;

  std::string name_;
  std::vector<Part> parts_;
};

}  // namespace convoy
