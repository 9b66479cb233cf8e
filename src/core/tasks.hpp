#pragma once
// A piece of work for all cores.
#include <cstddef>
#include <functional>

namespace convoy {

/// Runs task(0) to task(count - 1) on as many threads as there are cores to use, this one included,
/// and returns when all have ended. What the first of them throws, by number, is thrown; those
/// after it may not have been begun.
void run_tasks(std::size_t count, const std::function<void(std::size_t)>& task);

}  // namespace convoy
