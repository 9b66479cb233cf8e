#include "checkpoint/columns.hpp"

#include <fmt/format.h>

#include <map>

#include "compute/host_tensor.hpp"
#include "convoy/core/error.hpp"
#include "convoy/lanes/lane.hpp"

namespace convoy {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::int64_t most_states = 16;
constexpr std::int64_t most_elements = std::int64_t{1} << 40;

struct Described {
  std::string parameter;
  std::int64_t units = 0;
  int states = 0;
  std::vector<Range> parts;
  std::int64_t features() const { return parts.back().end; }
};

[[noreturn]] void fail_columns(const std::string& file, const std::string& problem) {
  throw InputError(fmt::format("{}: damaged checkpoint: {}", file, problem));
}

Described read_description(const Json& json, const std::string& file) {
  Described columns;
  try {
    columns.parameter = json.at("parameter").get<std::string>();
    columns.units = json.at("units").get<std::int64_t>();
    const auto states = json.at("states").get<std::int64_t>();
    if (columns.units < 1 || states < 0 || states > most_states)
      fail_columns(file, "what it says of its columns");
    columns.states = static_cast<int>(states);
    for (const Json& end : json.at("ends")) {
      const std::int64_t begin = columns.parts.empty() ? 0 : columns.features();
      columns.parts.push_back({begin, end.get<std::int64_t>()});
      if (columns.parts.back().empty() || columns.features() > most_elements / columns.units)
        fail_columns(file, "what it says of its columns");
    }
  } catch (const Json::exception& error) {
    fail_columns(file, fmt::format("what it says of its columns: {}", error.what()));
  }
  if (columns.parts.empty()) fail_columns(file, "what it says of its columns");
  return columns;
}

// The shards' tensors by their names there, taken out of the state.
std::map<std::string, torch::Tensor> take_columns(CheckpointState& state) {
  std::map<std::string, torch::Tensor> found;
  std::erase_if(state.tensors, [&](const auto& named) {
    const std::size_t slash = named.first.find('/');
    if (!named.first.starts_with("worker") || slash == std::string::npos) return false;
    const std::string name = named.first.substr(slash + 1);
    if (!name.starts_with("columns/")) return false;
    found.emplace(name, named.second);
    return true;
  });
  return found;
}

}  // namespace

std::string column_state_name(std::int64_t part, int k) {
  return k < 0 ? fmt::format("columns/{}/weight", part)
               : fmt::format("columns/{}/optimizer{}", part, k);
}

Json describe_columns(const std::string& parameter, std::int64_t units,
                      const std::vector<std::int64_t>& ends, int states) {
  return {{"parameter", parameter}, {"units", units}, {"states", states}, {"ends", ends}};
}

bool has_columns(const CheckpointState& state) {
  return state.meta.is_object() && state.meta.contains("columns");
}

void join_columns(CheckpointState& state, const std::string& file) {
  const Described columns = read_description(state.meta.at("columns"), file);
  std::map<std::string, torch::Tensor> found = take_columns(state);
  const torch::NoGradGuard no_grad;
  // Before memory is taken for the whole: every part is there and has its size.
  for (std::size_t p = 0; p < columns.parts.size(); ++p) {
    for (int k = -1; k < columns.states; ++k) {
      const std::string name = column_state_name(static_cast<std::int64_t>(p), k);
      const auto part = found.find(name);
      if (part == found.end()) fail_columns(file, "its shards lack " + name);
      const std::vector<std::int64_t> shape{columns.units, columns.parts[p].size()};
      if (part->second.sizes() != shape || !is_host_tensor(part->second))
        fail_columns(file, fmt::format("{} in its shards does not fit", name));
    }
  }
  for (int k = -1; k < columns.states; ++k) {
    torch::Tensor whole = host_tensor({columns.units, columns.features()});
    for (std::size_t p = 0; p < columns.parts.size(); ++p) {
      const auto part = found.find(column_state_name(static_cast<std::int64_t>(p), k));
      whole.narrow(1, columns.parts[p].begin, columns.parts[p].size()).copy_(part->second);
      found.erase(part);
    }
    state.tensors.emplace_back(k < 0 ? "parameter/" + columns.parameter
                                     : fmt::format("optimizer{}/{}", k, columns.parameter),
                               std::move(whole));
  }
  state.meta.erase("columns");
}

}  // namespace convoy
