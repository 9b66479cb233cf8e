#pragma once
// A folder of images as the samples of a split.
#include "data/splits/source.hpp"

namespace convoy {

/// Fills in the array, and the target where `files` gives the folder as `file`: the images'
/// classes. Throws as read_source.
void read_images(Source& source, const Located& located, const DataFiles& files,
                 const SourceOptions& options, const Resolve& resolve);

}  // namespace convoy
