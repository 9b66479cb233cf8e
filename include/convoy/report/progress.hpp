#pragma once
// How far a run has come, for whoever waits for it.
#include <cstdio>
#include <memory>

#include "convoy/train/observer.hpp"

#pragma GCC visibility push(default)

namespace convoy {

/// Progress for a person on `stream`: on a terminal one live line (bar, epoch, step, samples/s,
/// loss, time left) with lines for evaluations and checkpoints above it; otherwise plain lines, at
/// most one a few seconds. Checkpoints that are not the best so far get at most one line in 5 s.
std::unique_ptr<Observer> progress(std::FILE* stream);

}  // namespace convoy

#pragma GCC visibility pop
