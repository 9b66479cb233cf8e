#pragma once
#include <string>
#include <string_view>

#include "convoy/comm/secret.hpp"
#include "core/hmac.hpp"

namespace convoy {

/// The key of a purpose (Store::derived_key). No purpose is the beginning of another MAC's text.
inline std::string derive_key(const Secret& secret, std::string_view purpose) {
  return hmac(secret.text(), {"convoy derives a key: ", purpose});
}

}  // namespace convoy
