#pragma once
// Principal components (K. Pearson 1901; H. Hotelling 1933) of rows of numbers, as arrays and
// tables share them.
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "convoy/core/peers.hpp"
#include "convoy/lanes/lane.hpp"
#include "data/preprocess/preprocess.hpp"

namespace convoy {

/// How many components the step makes of rows of `width` numbers; `what` are these, for messages:
/// "columns". Throws InputError when there cannot be as many as it asks for.
std::size_t component_count(const PreprocessStep& step, std::size_t width, std::int64_t rows,
                            const std::string& what);

/// Gives `see` the training rows at these positions, front to back.
using SeeRow = std::function<void(std::span<const double> row)>;
using FeedRows = std::function<void(Range positions, const SeeRow& see)>;

/// The fitted step, without columns, from each number's mean and all rows. Collective: one
/// all_gather. Each worker is asked for the rows of its own segments (data/peers/segments), so the
/// result has the same bits for any number of workers. Throws InputError for values beyond measure.
FittedStep fit_components(const PreprocessStep& step, std::int64_t rows, std::vector<double> means,
                          std::size_t count, const FeedRows& feed, Peers* peers);

/// A row's components; the row is its differences from the means afterwards.
void to_components(const FittedStep& step, std::span<double> row, std::span<double> components);

}  // namespace convoy
