#include "data/preprocess/affine.hpp"

#include <cmath>

#include "data/preprocess/record.hpp"

namespace convoy {

void Affine::push(const std::string& kind, double subtract, double divide, double add) {
  if (!std::isfinite(subtract) || !std::isfinite(divide) || divide == 0)
    fail_step(kind, "the values are too large to take statistics of; scale them first");
  subtract_.push_back(subtract);
  divide_.push_back(divide);
  add_.push_back(add);
}

void Affine::save(nlohmann::ordered_json& record) const {
  record["subtract"] = subtract_;
  record["divide"] = divide_;
  record["add"] = add_;
}

void Affine::apply(std::size_t first, std::size_t groups, std::span<double> numbers) const {
  if (groups == numbers.size()) {  // one loop that can be vectorised
    for (std::size_t i = 0; i < groups; ++i)
      numbers[i] = (numbers[i] - subtract_[first + i]) / divide_[first + i] + add_[first + i];
    return;
  }
  for_groups(first, groups, numbers, [&](std::size_t entry, std::span<double> group) {
    const double subtract = subtract_[entry];
    const double divide = divide_[entry];
    const double add = add_[entry];
    for (double& x : group) x = (x - subtract) / divide + add;
  });
}

bool Affine::load(const nlohmann::ordered_json& record) {
  subtract_ = recorded<std::vector<double>>(record, "subtract");
  divide_ = recorded<std::vector<double>>(record, "divide");
  add_ = recorded<std::vector<double>>(record, "add");
  return !divide_.empty() && subtract_.size() == divide_.size() && add_.size() == divide_.size() &&
         can_divide(divide_) && are_finite(subtract_) && are_finite(add_);
}

std::unique_ptr<Elementwise> load_affine(const nlohmann::ordered_json& record) {
  auto affine = std::make_unique<Affine>();
  if (!affine->load(record)) return nullptr;
  return affine;
}

}  // namespace convoy
