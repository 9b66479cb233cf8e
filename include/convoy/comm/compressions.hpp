#pragma once
// The compressions there are, by the name that `strategy.compression.kind` gives them. One file
// adds one, in Convoy or outside: a Codec (convoy/comm/compression/codec.hpp), and a variable of
// namespace scope:
//
//   const schema::Registered signs(
//       compressions(), CompressionKind{{.name = "signs", .doc = "one bit for each value"},
//                                       [](const schema::AnyOptions&) {
//                                         return std::make_unique<Signs>();
//                                       }});
//
// Not thread-safe: register before threads start. No libtorch in this header.
#include <functional>
#include <memory>

#include "convoy/comm/compression/codec.hpp"
#include "convoy/comm/compression_options.hpp"
#include "convoy/schema/registry.hpp"

#pragma GCC visibility push(default)

namespace convoy {

class GroupSum;
struct SumRequest;

struct CompressionKind : schema::Registration {
  /// What turns values into bytes; null: nothing does. Throws InputError where the options, which
  /// anybody may have sent, cannot work.
  std::function<std::unique_ptr<Codec>(const schema::AnyOptions& own)> codec = nullptr;
  /// Of Convoy's own: how a vector is summed over workers; null: each decodes what others encoded,
  /// or, without a codec, values travel as they are.
  std::function<std::unique_ptr<GroupSum>(const SumRequest&)> sum = nullptr;
};

schema::Registry<CompressionKind>& compressions();

}  // namespace convoy

#pragma GCC visibility pop
