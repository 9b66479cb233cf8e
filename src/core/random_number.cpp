#include "core/random_number.hpp"

#include <sys/random.h>

#include "convoy/core/error.hpp"

namespace convoy {

std::uint64_t random_number() {
  std::uint64_t number = 0;
  if (::getrandom(&number, sizeof number, 0) != sizeof number)
    throw IoError("the system gives no random numbers");
  return number;
}

}  // namespace convoy
