#pragma once
// A text as the samples of a split: windows of tokens, and the token that follows each.
#include "data/splits/source.hpp"

namespace convoy {

/// Fills in the array, the target, the tokenizer and, for the training file, where its splits are:
/// the file's end is the test split (data.test_part of its bytes), what comes before that the
/// validation split, and no window reaches from one into another. The tokenizer is learnt from the
/// training split alone, or is the one of `options.roles`. Several files are one text, with a
/// line's end between them. Throws as read_source.
void read_text(Source& source, const Located& located, const SourceOptions& options);

}  // namespace convoy
