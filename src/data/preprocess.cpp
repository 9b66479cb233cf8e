#include "data/preprocess.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "convoy/core/error.hpp"

namespace convoy {
namespace {

void check_options(const PreprocessStep& step) {
  const auto fail = [&](const std::string& problem) {
    throw InputError(fmt::format("preprocess: {}: {}", step.kind, problem));
  };
  if (step.kind == "scale" && !(std::isfinite(step.by) && step.by != 0)) {
    fail(fmt::format("by: {} is not a number to divide by", step.by));
  }
  if (step.kind == "min_max" || step.kind == "clip") {
    if (!std::isfinite(step.low) || !std::isfinite(step.high) || step.low >= step.high) {
      fail(fmt::format("low ({}) must be less than high ({})", step.low, step.high));
    }
  }
}

}  // namespace

nlohmann::ordered_json to_json(const FittedStep& step) {
  nlohmann::ordered_json json{{"kind", step.kind}};
  if (!step.columns.empty()) json["columns"] = step.columns;
  if (!step.divide.empty()) {
    json["subtract"] = step.subtract;
    json["divide"] = step.divide;
    json["add"] = step.add;
  }
  if (step.kind == "clip") {
    json["low"] = step.low;
    json["high"] = step.high;
  }
  if (step.kind == "impute") {
    json["numbers"] = step.numbers;
    json["texts"] = step.texts;
  }
  if (step.kind == "one_hot") json["categories"] = step.categories;
  return json;
}

FittedStep fitted_step(const nlohmann::ordered_json& json) {
  FittedStep step;
  step.kind = json.at("kind").get<std::string>();
  step.columns = json.value("columns", step.columns);
  step.subtract = json.value("subtract", step.subtract);
  step.divide = json.value("divide", step.divide);
  step.add = json.value("add", step.add);
  step.low = json.value("low", step.low);
  step.high = json.value("high", step.high);
  step.numbers = json.value("numbers", step.numbers);
  step.texts = json.value("texts", step.texts);
  step.categories = json.value("categories", step.categories);
  const std::size_t columns = step.columns.size();
  const auto fits = [columns](std::size_t entries) { return columns == 0 || entries == columns; };
  const bool affine = step.kind == "scale" || step.kind == "standardise" || step.kind == "min_max";
  const bool sound = affine ? step.divide.size() == step.subtract.size() &&
                                  step.divide.size() == step.add.size() && !step.divide.empty() &&
                                  fits(step.divide.size()) &&
                                  std::none_of(step.divide.begin(), step.divide.end(),
                                               [](double x) { return x == 0; })
                     : step.kind == "impute"  ? fits(step.numbers.size()) && fits(step.texts.size())
                     : step.kind == "one_hot" ? fits(step.categories.size())
                                              : step.kind == "clip" || step.kind == "drop_missing";
  if (!sound) throw InputError(fmt::format("the fitted step '{}' is damaged", step.kind));
  return step;
}

bool is_elementwise(const PreprocessStep& step) {
  return step.kind == "scale" || step.kind == "clip" || needs_statistics(step);
}

bool needs_statistics(const PreprocessStep& step) {
  return step.kind == "standardise" || step.kind == "min_max";
}

bool needs_squares(const PreprocessStep& step) {
  return step.kind == "standardise";
}

FittedStep fit_elementwise(const PreprocessStep& step, std::span<const Statistics> groups) {
  check_options(step);
  FittedStep fitted;
  fitted.kind = step.kind;
  if (step.kind == "clip") {
    fitted.low = step.low;
    fitted.high = step.high;
    return fitted;
  }
  for (const Statistics& group : groups) {
    double subtract = 0;
    double divide = step.by;
    double add = 0;
    if (step.kind == "standardise") {
      subtract = group.mean();
      divide = group.deviation() == 0 ? 1 : group.deviation();
    } else if (step.kind == "min_max") {
      const double range = group.max - group.min;
      subtract = group.min;
      divide = (range == 0 ? 1 : range) / (step.high - step.low);
      add = step.low;
    }
    if (!std::isfinite(subtract) || !std::isfinite(divide) || divide == 0) {
      throw InputError(fmt::format(
          "preprocess: {}: the values are too large to take statistics of; scale them first",
          step.kind));
    }
    fitted.subtract.push_back(subtract);
    fitted.divide.push_back(divide);
    fitted.add.push_back(add);
  }
  return fitted;
}

}  // namespace convoy
