#pragma once
// What workers of a job tell each other of their kernels before the first step.
#include <nlohmann/json.hpp>
#include <string>

#include "convoy/core/kernels.hpp"

namespace convoy {

/// What a summary and a checkpoint keep: {cpu, isa, libtorch, kernels: the digest}.
nlohmann::ordered_json kernels_json(const Kernels& kernels);

/// What worker number `worker` on this host tells, as text.
std::string kernel_info(int worker);

/// In one line, naming both, that the worker of `info` computes other bits than that of another
/// one, why as far as they can tell, and what to do; empty when it does not.
std::string kernel_difference(const std::string& info, const std::string& first);

/// The same of what a checkpoint keeps and this process; empty also when it keeps nothing.
std::string kernel_difference_to(const nlohmann::ordered_json& kept);

}  // namespace convoy
