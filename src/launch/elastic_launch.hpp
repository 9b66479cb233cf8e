#pragma once
// Starts the workers of an elastic job on this host, and sees the job to its end.
#include "launch/launcher.hpp"

namespace convoy {

/// As launch(), for options with `least`: a worker that is lost does not end the job. The launchers
/// of several hosts meet in the store; one that comes later adds its workers.
int launch_elastic(const LaunchOptions& options);

}  // namespace convoy
