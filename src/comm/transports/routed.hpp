#pragma once
// One transport for the ranks of this host, another one for those of other hosts.
#include "convoy/comm/transport.hpp"

namespace convoy {

/// `local` (shared memory) knows the ranks of this host, numbered from 0; `first_local` is the rank
/// in the group that is its 0. It may be null when `locals` is 0: a rank alone on its host in a
/// group where others are not. `remote` knows all ranks.
std::unique_ptr<Transport> routed_transport(std::unique_ptr<Transport> local, int first_local,
                                            int locals, std::unique_ptr<Transport> remote);

}  // namespace convoy
