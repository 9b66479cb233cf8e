#include "convoy/data/dataset/spec.hpp"

namespace convoy {

std::string_view name_of(Task task) {
  switch (task) {
    case Task::classification:
      return "classification";
    case Task::binary:
      return "binary";
    case Task::regression:
      break;
  }
  return "regression";
}

}  // namespace convoy
