#pragma once
#include "convoy/job/job.hpp"
#include "schema/document.hpp"

namespace convoy {

/// Throws InputError for values that are right by themselves and impossible together.
void check_combinations(const Job& job, const schema::Document& document);

}  // namespace convoy
