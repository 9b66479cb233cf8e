#pragma once
// Preprocessing steps and augmentations for tests that make many kinds: options by their names, as
// a job gives them.
#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include "convoy/data/images/augment.hpp"
#include "convoy/data/preprocess/step.hpp"

namespace convoy::test {

/// Sets the option of that name, and throws where there is none.
template <class T>
class SetOption final : public schema::Visitor {
 public:
  SetOption(std::string_view name, const T& value) : name_(name), value_(value) {}
  void visit(const schema::Key& key) override {
    if (key.name == name_) std::visit([this](auto* member) { set(*member); }, key.value);
  }
  void visit(const schema::Section&) override {}
  void visit(schema::Items&) override {}
  void require_done() const {
    if (!done_) throw std::logic_error("no option " + std::string(name_) + " of this type");
  }

 private:
  template <class M>
  void set(M& member) {
    if constexpr (std::is_arithmetic_v<M> == std::is_arithmetic_v<T> &&
                  std::is_constructible_v<M, const T&>) {
      member = static_cast<M>(value_);
      done_ = true;
    }
  }

  std::string_view name_;
  const T& value_;
  bool done_ = false;
};

template <class T>
void set(schema::OneOf& step, std::string_view name, const T& value) {
  if (step.own.empty()) {
    const schema::Registration* kind = preprocess_steps().lookup(step.kind);
    step.own = kind != nullptr ? kind->options : augmentations().get(step.kind).options;
  }
  SetOption<T> setter(name, value);
  step.own.describe(setter);
  setter.require_done();
}

inline PreprocessStep step_of(const std::string& kind,
                              const std::vector<std::string>& columns = {}) {
  PreprocessStep made{kind};
  if (!columns.empty()) set(made, "columns", columns);
  return made;
}

inline PreprocessStep step_per(const std::string& kind, const std::string& per) {
  PreprocessStep made{kind};
  if (per != "feature") set(made, "per", per);
  return made;
}

inline PreprocessStep impute_with(const std::string& with,
                                  const std::vector<std::string>& columns = {}) {
  PreprocessStep made = step_of("impute", columns);
  set(made, "with", with);
  return made;
}

}  // namespace convoy::test
