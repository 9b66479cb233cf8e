#pragma once
// From the tree to the job.
#include "convoy/job/job.hpp"
#include "job/tree.hpp"

namespace convoy::schema {

/// Writes the short forms of sections and list items out ("optimizer: adam" as "optimizer: {kind:
/// adam}"), so that overrides can reach inside and the reader meets one form only.
void expand_short_forms(Node& root);

/// Reads an expanded tree; what it lacks keeps its default. Throws InputError at the first key that
/// is unknown, has the wrong type, is out of range, or does not go with the `kind` beside it.
Job read_job(const Document& document);

/// Throws InputError for values that are right by themselves and impossible together.
void check_combinations(const Job& job, const Document& document);

}  // namespace convoy::schema
