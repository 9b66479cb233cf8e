#pragma once
// y = (x - subtract) / divide + add: what several elementwise steps come to.
#include <memory>
#include <nlohmann/json.hpp>
#include <span>
#include <string>
#include <vector>

#include "convoy/data/preprocess/elementwise.hpp"

namespace convoy {

/// An entry a group.
class Affine : public Elementwise {
 public:
  /// Throws InputError in the name of the step `kind` for numbers that cannot be.
  void push(const std::string& kind, double subtract, double divide, double add);

  void save(nlohmann::ordered_json& record) const override;
  std::size_t entries() const override { return divide_.size(); }
  void apply(std::size_t first, std::size_t groups, std::span<double> numbers) const override;

  /// False where the record is damaged.
  bool load(const nlohmann::ordered_json& record);

 private:
  std::vector<double> subtract_;
  std::vector<double> divide_;
  std::vector<double> add_;
};

/// Null where the record is damaged.
std::unique_ptr<Elementwise> load_affine(const nlohmann::ordered_json& record);

/// Of a distance to divide by.
inline double or_one(double x) {
  return x == 0 ? 1 : x;
}

}  // namespace convoy
