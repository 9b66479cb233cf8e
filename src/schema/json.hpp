#pragma once
// What is described, as JSON: how servers, checkpoints and run identities hold options. Whoever
// describes a member has said it for all of them.
#include <nlohmann/json.hpp>

#include "convoy/schema/schema.hpp"

namespace convoy::schema {

/// Every key by its name, in order; sections as objects, lists as arrays of {kind: members}.
nlohmann::ordered_json to_json(const Describe& root);
/// The reverse. All keys must be there, and no others. Throws nlohmann::json::exception.
void from_json(const nlohmann::ordered_json& json, const Describe& root);

/// Puts them into `into`, sections as keys with dots: "strategy.outer.rate". `path`: with a dot at
/// its end.
void add_flat(nlohmann::ordered_json& into, const std::string& path,
              const nlohmann::ordered_json& options);

template <class T>
nlohmann::ordered_json json_of(const T& options) {
  T copy = options;  // descriptions point at members that may be written to
  return to_json([&](Visitor& visitor) { describe(visitor, copy); });
}

template <class T>
T options_of(const nlohmann::ordered_json& json) {
  T options;
  from_json(json, [&](Visitor& visitor) { describe(visitor, options); });
  return options;
}

}  // namespace convoy::schema
