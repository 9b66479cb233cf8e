#pragma once
// Options of one kind of something, as its registration declares them: a value of any struct that
// has a `describe` (convoy/schema/schema.hpp).
#include <memory>
#include <string>
#include <type_traits>
#include <typeinfo>
#include <utility>

#include "convoy/core/error.hpp"
#include "convoy/schema/schema.hpp"

#pragma GCC visibility push(default)

namespace convoy::schema {

/// `describe(Visitor&, T&)`, where a member of that name would be found in its place.
template <class T>
void describe_value(Visitor& visitor, T& value) {
  describe(visitor, value);
}

/// A value: copies have options of their own. Empty where a kind's defaults are meant.
class AnyOptions {
 public:
  AnyOptions() = default;
  /// `T`: a struct with defaults, that can be copied, and `describe(Visitor&, T&)` beside it or in
  /// this namespace.
  template <class T>
  requires(!std::is_same_v<std::remove_cvref_t<T>, AnyOptions>)
      AnyOptions(T value)  // NOLINT: {.kind = "sgd", .own = SgdOptions{.momentum = 0.9}}
      : held_(std::make_unique<Held<T>>(std::move(value))) {}
  AnyOptions(const AnyOptions& other) : held_(other.held_ ? other.held_->copy() : nullptr) {}
  AnyOptions(AnyOptions&&) noexcept = default;
  AnyOptions& operator=(AnyOptions other) noexcept {
    held_ = std::move(other.held_);
    return *this;
  }
  ~AnyOptions() = default;

  bool empty() const { return held_ == nullptr; }
  bool has_type_of(const AnyOptions& other) const {
    return held_ && other.held_ && held_->type() == other.held_->type();
  }

  /// Of an empty one the defaults of T. Throws InputError where these are another kind's.
  template <class T>
  T as() const {
    if (!held_) return T{};
    return held_as<T>();
  }
  /// Those that there are, or T's defaults from now on.
  template <class T>
  T& edit() {
    if (!held_) held_ = std::make_unique<Held<T>>(T{});
    return held_as<T>();
  }

  void describe(Visitor& visitor) const {
    if (held_) held_->describe(visitor);
  }

 private:
  struct Base {
    virtual ~Base() = default;
    virtual std::unique_ptr<Base> copy() const = 0;
    virtual void describe(Visitor& visitor) = 0;
    virtual const std::type_info& type() const = 0;
  };

  template <class T>
  struct Held final : Base {
    explicit Held(T given) : value(std::move(given)) {}
    std::unique_ptr<Base> copy() const override { return std::make_unique<Held>(value); }
    void describe(Visitor& visitor) override { describe_value(visitor, value); }
    const std::type_info& type() const override { return typeid(T); }
    T value;
  };

  template <class T>
  T& held_as() const {
    if (held_->type() != typeid(T)) throw InputError("options of another kind than the one named");
    return static_cast<Held<T>&>(*held_).value;
  }

  std::unique_ptr<Base> held_;
};

/// One of a registry's kinds, with its options.
struct OneOf {
  std::string kind;
  AnyOptions own = {};  ///< empty: the defaults of that kind
};

/// A kind without options.
struct NoOptions {};
inline void describe(Visitor&, NoOptions&) {}

}  // namespace convoy::schema

#pragma GCC visibility pop
