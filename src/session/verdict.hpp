#pragma once
#include <string>

namespace convoy {

/// How a job ended, for all hosts the same: what to exit with and, if it isn't 0, why.
struct Verdict {
  int status = 0;
  std::string text;
};

}  // namespace convoy
