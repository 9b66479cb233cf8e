#pragma once
// The kinds of sessions.
#include <memory>
#include <string>

#include "session/session.hpp"

namespace convoy {

std::unique_ptr<Session> make_fixed_session(SessionOptions options);
std::unique_ptr<Session> make_elastic_session(SessionOptions options);
std::unique_ptr<Session> make_served_session(SessionOptions options);

/// Where workers come one by one: they are to compute as whoever came first. Throws RefusedError.
void compare_with_first(const std::string& first, const std::string& own, bool alike);

}  // namespace convoy
