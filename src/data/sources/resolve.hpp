#pragma once
// From what a path of a job says to a file of this machine.
#include "convoy/core/peers.hpp"
#include "data/sources/location.hpp"

namespace convoy {

/// Downloads what has an address and spools the standard input, which can be read once, into a
/// temporary file that goes away with the last copy of the result; any other path is for `files`.
/// Throws InputError and IoError; also where `peers` are several, who cannot share an input.
Resolve with_sources(Resolve files, const Peers* peers = nullptr);

}  // namespace convoy
