#pragma once
// Columns and arrays in numbers, as parts of the record of `inspect_splits`
// (convoy/data/inspect/inspect.hpp).
#include <nlohmann/json.hpp>

#include "convoy/core/peers.hpp"
#include "convoy/data/formats/formats.hpp"

namespace convoy {

/// {name, kind, missing, ...} of one column. The statistics are those that preprocessing fits
/// (data/preprocess/statistics), the quartiles exact, between two values as NumPy interpolates by
/// default.
nlohmann::ordered_json describe_column(const Column& column);

/// {shape, type, ...} of an array. Collective: each peer reads its share of the samples; the result
/// has the same bits on all of them and for any number.
nlohmann::ordered_json describe_array(const Array& array, Peers& peers);

}  // namespace convoy
