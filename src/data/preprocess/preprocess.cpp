#include "data/preprocess/preprocess.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <functional>

#include "convoy/core/error.hpp"

namespace convoy {
namespace {

bool is_one_of(const std::string& kind, std::initializer_list<std::string_view> kinds) {
  return std::find(kinds.begin(), kinds.end(), kind) != kinds.end();
}

/// Whether the step is y = (x - subtract) / divide + add, perhaps after a power.
bool is_affine(const std::string& kind) {
  return is_one_of(kind, {"scale", "standardise", "min_max", "robust", "box_cox", "yeo_johnson"});
}

bool are_finite(const std::vector<double>& numbers) {
  return std::all_of(numbers.begin(), numbers.end(), [](double x) { return std::isfinite(x); });
}

bool can_divide(const std::vector<double>& numbers) {
  return are_finite(numbers) && std::find(numbers.begin(), numbers.end(), 0.0) == numbers.end();
}

/// Whether each list ascends; `strictly`: without equal neighbours.
template <typename T>
bool ascend(const std::vector<std::vector<T>>& lists, bool strictly) {
  return std::all_of(lists.begin(), lists.end(), [&](const std::vector<T>& list) {
    return strictly
               ? std::adjacent_find(list.begin(), list.end(), std::greater_equal<>()) == list.end()
               : std::is_sorted(list.begin(), list.end());
  });
}

bool is_sound_affine(const FittedStep& step, std::size_t entries) {
  return entries > 0 && step.divide.size() == entries && step.subtract.size() == entries &&
         step.add.size() == entries && can_divide(step.divide) && are_finite(step.subtract) &&
         are_finite(step.add);
}

bool is_sound_quantile(const FittedStep& step, std::size_t entries) {
  const auto usable = [](const std::vector<double>& values) {
    return !values.empty() && are_finite(values);
  };
  return entries > 0 && step.quantiles.size() == entries && ascend(step.quantiles, false) &&
         std::all_of(step.quantiles.begin(), step.quantiles.end(), usable) &&
         is_one_of(step.output, {"uniform", "normal"});
}

bool is_sound_pca(const FittedStep& step) {
  const std::size_t width = step.columns.empty() ? step.subtract.size() : step.columns.size();
  const auto usable = [&](const std::vector<double>& loadings) {
    return loadings.size() == width && are_finite(loadings);
  };
  return !step.components.empty() && step.components.size() <= width &&
         step.subtract.size() == width && are_finite(step.subtract) &&
         step.divide.size() == step.components.size() && can_divide(step.divide) &&
         std::all_of(step.components.begin(), step.components.end(), usable);
}

bool is_sound_tokens(const FittedStep& step) {
  if (step.columns.size() != 1 || step.width < 1 || step.width > most_tokens) return false;
  if (step.output == "word") return step.categories.size() == 1 && ascend(step.categories, true);
  return step.tokenizer != nullptr && is_one_of(step.output, {"byte", "bpe"});
}

bool is_sound_outliers(const FittedStep& step) {
  return step.lower.size() == step.columns.size() && step.upper.size() == step.columns.size() &&
         are_finite(step.lower) && are_finite(step.upper) &&
         std::equal(step.lower.begin(), step.lower.end(), step.upper.begin(),
                    std::less_equal<>()) &&
         is_one_of(step.action, {"clip", "missing", "drop"});
}

bool is_sound_frequency(const FittedStep& step) {
  for (std::size_t i = 0; i < step.parts.size() && i < step.categories.size(); ++i) {
    if (step.parts[i].size() != step.categories[i].size() || !are_finite(step.parts[i]))
      return false;
  }
  return step.parts.size() == step.categories.size();
}

bool is_sound(const FittedStep& step) {
  const std::string& kind = step.kind;
  const std::size_t columns = step.columns.size();
  if (is_affine(kind)) {
    const std::size_t entries = columns == 0 ? step.divide.size() : columns;
    const bool powered = kind == "box_cox" || kind == "yeo_johnson";
    return is_sound_affine(step, entries) &&
           (!powered || (step.lambdas.size() == entries && are_finite(step.lambdas)));
  }
  if (kind == "quantile")
    return is_sound_quantile(step, columns == 0 ? step.quantiles.size() : columns);
  if (kind == "clip") return step.low < step.high && are_finite({step.low, step.high});
  if (kind == "outliers") return is_sound_outliers(step);
  if (kind == "impute") {
    return step.numbers.size() == columns && are_finite(step.numbers) &&
           step.texts.size() == columns;
  }
  if (kind == "one_hot" || kind == "ordinal" || kind == "frequency") {
    return step.categories.size() == columns && ascend(step.categories, true) &&
           (kind != "frequency" || is_sound_frequency(step));
  }
  if (kind == "hashing") return step.width > 0 && step.width <= most_hashed_columns;
  if (kind == "pca") return is_sound_pca(step);
  if (kind == "tokens") return is_sound_tokens(step);
  return is_one_of(
      kind, {"log", "drop_missing", "drop_duplicates", "to_number", "to_text", "clean_text"});
}

}  // namespace

nlohmann::ordered_json to_json(const FittedStep& step) {
  const std::string& kind = step.kind;
  nlohmann::ordered_json json{{"kind", kind}};
  const auto put = [&](const char* name, const auto& member) {
    if (!member.empty()) json[name] = member;
  };
  put("columns", step.columns);
  put("subtract", step.subtract);
  put("divide", step.divide);
  put("add", step.add);
  put("lambdas", step.lambdas);
  put("quantiles", step.quantiles);
  put("output", step.output);
  put("lower", step.lower);
  put("upper", step.upper);
  put("action", step.action);
  put("components", step.components);
  if (kind == "clip") {
    json["low"] = step.low;
    json["high"] = step.high;
  }
  if (kind == "impute") {
    json["numbers"] = step.numbers;
    json["texts"] = step.texts;
  }
  if (kind == "one_hot") json["categories"] = step.categories;
  if (kind != "one_hot") put("categories", step.categories);
  put("parts", step.parts);
  if (step.output == "bpe") json["tokenizer"] = step.tokenizer->to_json();
  if (kind == "hashing" || kind == "tokens") json["width"] = step.width;
  if (kind == "to_number") json["invalid"] = step.invalid;
  return json;
}

FittedStep fitted_step(const nlohmann::ordered_json& json) {
  FittedStep step;
  step.kind = json.at("kind").get<std::string>();
  const auto get = [&](const char* name, auto& member) { member = json.value(name, member); };
  get("columns", step.columns);
  get("subtract", step.subtract);
  get("divide", step.divide);
  get("add", step.add);
  get("low", step.low);
  get("high", step.high);
  get("numbers", step.numbers);
  get("texts", step.texts);
  get("categories", step.categories);
  get("parts", step.parts);
  get("lambdas", step.lambdas);
  get("quantiles", step.quantiles);
  get("output", step.output);
  get("lower", step.lower);
  get("upper", step.upper);
  get("action", step.action);
  get("width", step.width);
  get("invalid", step.invalid);
  get("components", step.components);
  if (step.kind == "tokens" && step.output != "word") {
    step.tokenizer = std::make_shared<const Tokenizer>(
        step.output == "bpe" ? Tokenizer::from_json(json.at("tokenizer")) : Tokenizer());
  }
  if (!is_sound(step)) throw InputError(fmt::format("the fitted step '{}' is damaged", step.kind));
  return step;
}

bool is_elementwise(const std::string& kind) {
  return is_affine(kind) || is_one_of(kind, {"clip", "log", "quantile"});
}

bool needs_statistics(const std::string& kind) {
  return is_one_of(kind, {"standardise", "min_max"});
}

bool needs_squares(const std::string& kind) {
  return kind == "standardise";
}

bool needs_counts(const std::string& kind) {
  return is_one_of(kind, {"robust", "box_cox", "yeo_johnson", "quantile"});
}

}  // namespace convoy
