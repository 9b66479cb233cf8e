#pragma once
// What the tests of the rendezvous share.
#include <gtest/gtest.h>

#include <string>

#include "convoy/comm/secret.hpp"

namespace convoy {

inline const Secret secret("a secret of the test");
inline const Secret other_secret("another secret, wrong");

template <class E, class F>
std::string message_of(F&& action) {
  try {
    action();
  } catch (const E& error) {
    return error.what();
  }
  ADD_FAILURE() << "nothing, or something else, was thrown";
  return {};
}

}  // namespace convoy
