#include "convoy/comm/transports.hpp"

namespace convoy {

schema::Registry<TransportKind>& transports() {
  static schema::Registry<TransportKind> all("transport", "transports", "strategy.transport");
  return all;
}

}  // namespace convoy
