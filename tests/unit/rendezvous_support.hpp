#pragma once
// What the tests of the rendezvous share.
#include <gtest/gtest.h>
#include <stdlib.h>

#include <optional>
#include <string>

#include "convoy/comm/secret.hpp"

namespace convoy {

inline const Secret secret("a secret of the test");
inline const Secret other_secret("another secret, wrong");

/// A value of an environment variable while it lives.
class Variable {
 public:
  Variable(const char* name, const std::string& value) : name_(name) {
    if (const char* before = ::getenv(name)) before_ = before;
    ::setenv(name, value.c_str(), 1);
  }
  ~Variable() {
    if (before_)
      ::setenv(name_, before_->c_str(), 1);
    else
      ::unsetenv(name_);
  }
  Variable(const Variable&) = delete;
  Variable& operator=(const Variable&) = delete;

 private:
  const char* name_;
  std::optional<std::string> before_;
};

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
