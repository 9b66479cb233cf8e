#pragma once
// From a group's members to connections between them.
#include "comm/transports/tcp/link.hpp"
#include "comm/transports/tcp/transport.hpp"

namespace convoy::tcp {

/// The connections by rank; none where there shall be none. The higher rank of a pair connects.
/// Nothing listens any more when it returns. Throws what tcp_transport throws.
std::vector<std::vector<Established>> connect_all(const TcpOptions& options);

}  // namespace convoy::tcp
