#pragma once
// What each strategy guarantees: one table for the documentation and for `convoy train --explain`.
#include <string>

#include "convoy/strategies/options.hpp"

namespace convoy {

/// All strategies, as a Markdown table.
std::string guarantees_table();

/// Whether the same job gives the same bits whoever runs it.
bool promises_same_bits(const StrategyOptions& strategy);

/// What a job's strategy guarantees, as lines of text.
std::string explain_strategy(const StrategyOptions& strategy);

}  // namespace convoy
