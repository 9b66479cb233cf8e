#pragma once
// What is recorded about a run.
#include <cstdint>

#pragma GCC visibility push(default)

namespace convoy {

/// What metrics.jsonl and the report have.
struct ReportOptions {
  std::int64_t every = 10;  ///< steps between `step` lines in metrics.jsonl
  bool html = true;
  std::int64_t samples = 24;  ///< sample predictions shown in the report
};

namespace schema {

class Visitor;

void describe(Visitor& v, ReportOptions& o);

}  // namespace schema

}  // namespace convoy

#pragma GCC visibility pop
