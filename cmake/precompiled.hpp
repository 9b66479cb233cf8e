// What most sources include. Kept small on purpose: the time to load a precompiled header grows
// with what is in it, and all of <torch/torch.h> costs each source 10 s.
#include <fmt/format.h>

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "convoy/core/tensor.hpp"
