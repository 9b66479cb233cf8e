#pragma once
// Python's pickles as what they are made of. Nothing is executed: a function that a pickle calls
// stays a name with arguments. The operations of protocols 0 to 5 that PyTorch and libtorch write:
// https://github.com/python/cpython/blob/main/Lib/pickletools.py
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace convoy {

struct PickleValue {
  using Ref = std::uint32_t;  ///< an index into Pickle::values
  enum class Kind {
    none,
    integer,  ///< True and False too
    real,
    text,
    bytes,
    sequence,  ///< a list or a tuple: `items`
    dict,      ///< `pairs`
    global,    ///< a name of a module: `text` is "module.name"
    object,    ///< what calling items[0] with items[1] gives; `pairs` and `state` were put into it
    persistent,  ///< something outside of the pickle, named by items[0]
  };
  Kind kind = Kind::none;
  std::int64_t integer = 0;
  std::string text;
  std::vector<Ref> items;
  std::vector<std::pair<Ref, Ref>> pairs;
  Ref state = 0;  ///< of an object; 0: none
};

/// Values refer to each other by number, so that a deep or circular pickle harms nobody; value 0 is
/// None.
struct Pickle {
  std::vector<PickleValue> values;
  PickleValue::Ref root = 0;
  const PickleValue& at(PickleValue::Ref ref) const { return values[ref]; }
};

/// Throws DataError naming the byte for what is damaged or an operation that is not known.
Pickle parse_pickle(std::span<const std::byte> bytes, const std::string& name);

}  // namespace convoy
