// Calls what Convoy does not have.
#include "convoy/plugin.hpp"

CONVOY_PLUGIN("needy", "1.0")

namespace convoy {
int what_is_gone(int);
}

extern "C" CONVOY_EXPORT int call_it() {
  return convoy::what_is_gone(1);
}
