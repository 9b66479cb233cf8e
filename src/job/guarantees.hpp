#pragma once
// What each strategy guarantees: one table for the documentation and for `convoy train --explain`.
#include <string>

#include "convoy/job/job.hpp"

namespace convoy {

/// All strategies, as a Markdown table.
std::string guarantees_table();

/// What a job's strategy guarantees, as lines of text.
std::string explain_strategy(const StrategyOptions& strategy);

}  // namespace convoy
