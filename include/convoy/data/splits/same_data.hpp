#pragma once
// Whether all workers loaded the same data.
#include <cstddef>
#include <span>
#include <string>

#pragma GCC visibility push(default)

namespace convoy {

/// For workers that loaded their data alone. Throws InputError when one has other data than the
/// first of the list, the same whoever calls it: "worker 2 (host b) has other data than worker 0
/// (host a): train: samples: 59000 where worker 0 has 60000". `workers` are their numbers; left
/// out: 0, 1, 2 ... `load_splits` with peers has done this already.
void require_same_data(std::span<const std::string> fingerprints,
                       std::span<const std::size_t> workers = {});

}  // namespace convoy

#pragma GCC visibility pop
