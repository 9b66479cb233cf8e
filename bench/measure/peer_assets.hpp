#pragma once
// gloo_peer.py, built into the program by cmake/embed.cmake.
#include <string_view>

namespace convoy::bench {

extern const std::string_view gloo_peer_script;

}  // namespace convoy::bench
