#pragma once
// Learning byte-pair encoding.
#include <cstdint>
#include <string_view>
#include <utility>
#include <vector>

namespace convoy {

/// Up to `most` merges, in order; see Tokenizer::train.
std::vector<std::pair<std::int32_t, std::int32_t>> learn_merges(std::string_view text,
                                                                std::size_t most, int threads);

}  // namespace convoy
