#include "data/formats/pickle.hpp"

#include <fmt/format.h>

#include <charconv>
#include <string_view>
#include <unordered_map>

#include "convoy/core/error.hpp"

namespace convoy {
namespace {

using PickleRef = PickleValue::Ref;
using PickleKind = PickleValue::Kind;

constexpr std::size_t most_pickle_values = 2'000'000;

class PickleReader {
 public:
  PickleReader(std::span<const std::byte> bytes, const std::string& name)
      : text_(reinterpret_cast<const char*>(bytes.data()), bytes.size()), name_(name) {
    none_ = add({});
    true_ = add_integer(1);
    false_ = add_integer(0);
  }

  Pickle read() {
    while (true) {
      begin_ = at_;
      const char operation = take(1)[0];
      if (operation == '.') break;
      if (!read_constant(operation) && !read_container(operation) && !read_memo(operation) &&
          !read_call(operation)) {
        fail(fmt::format("operation {:#04x} is not known", static_cast<unsigned char>(operation)));
      }
    }
    pickle_.root = pop();
    return std::move(pickle_);
  }

 private:
  [[noreturn]] void fail(const std::string& problem) const {
    throw DataError(fmt::format("{}, byte {}", name_, begin_),
                    "damaged or not a pickle: " + problem);
  }

  std::string_view take(std::size_t size) {
    if (size > text_.size() - at_) fail("it ends too early");
    at_ += size;
    return text_.substr(at_ - size, size);
  }
  /// A little-endian number of so many bytes.
  std::uint64_t number(std::size_t size) {
    const std::string_view raw = take(size);
    std::uint64_t value = 0;
    for (std::size_t i = size; i-- > 0;) value = value << 8 | static_cast<unsigned char>(raw[i]);
    return value;
  }
  std::string_view line() {
    const std::size_t end = text_.find('\n', at_);
    if (end == std::string_view::npos) fail("it ends too early");
    const std::string_view value = take(end - at_);
    ++at_;
    return value;
  }

  PickleRef add(PickleValue value) {
    if (pickle_.values.size() == most_pickle_values)
      fail(fmt::format("more than {} values", most_pickle_values));
    pickle_.values.push_back(std::move(value));
    return static_cast<PickleRef>(pickle_.values.size() - 1);
  }
  PickleRef add_integer(std::int64_t value) {
    PickleValue integer;
    integer.kind = PickleKind::integer;
    integer.integer = value;
    return add(std::move(integer));
  }
  bool push(PickleRef ref) {
    stack_.push_back(ref);
    return true;
  }
  bool push_text(PickleKind kind, std::string_view text) {
    PickleValue value;
    value.kind = kind;
    value.text = text;
    return push(add(std::move(value)));
  }
  bool push_items(PickleKind kind, std::vector<PickleRef> items) {
    PickleValue value;
    value.kind = kind;
    value.items = std::move(items);
    return push(add(std::move(value)));
  }

  void require(std::size_t size) const {
    if (stack_.size() - (marks_.empty() ? 0 : marks_.back()) < size) fail("values are missing");
  }
  PickleRef pop() {
    require(1);
    const PickleRef ref = stack_.back();
    stack_.pop_back();
    return ref;
  }
  std::vector<PickleRef> pop(std::size_t size) {
    require(size);
    const std::vector<PickleRef> refs(stack_.end() - static_cast<std::ptrdiff_t>(size),
                                      stack_.end());
    stack_.resize(stack_.size() - size);
    return refs;
  }
  std::vector<PickleRef> pop_to_mark() {
    if (marks_.empty()) fail("a mark is missing");
    std::vector<PickleRef> refs = pop(stack_.size() - marks_.back());
    marks_.pop_back();
    return refs;
  }
  /// The container on top of the stack.
  PickleValue& top(bool holds_pairs) {
    require(1);
    PickleValue& value = pickle_.values[stack_.back()];
    if (value.kind != PickleKind::object &&
        value.kind != (holds_pairs ? PickleKind::dict : PickleKind::sequence))
      fail("items for something that holds none");
    return value;
  }

  bool read_constant(char operation) {
    switch (operation) {
      case '\x80':  // PROTO
        if (number(1) > 5) fail("its protocol is newer than 5");
        return true;
      case '\x95':  // FRAME
        take(8);
        return true;
      case 'N':
        return push(none_);
      case '\x88':
        return push(true_);
      case '\x89':
        return push(false_);
      case 'K':
        return push(add_integer(static_cast<std::int64_t>(number(1))));
      case 'M':
        return push(add_integer(static_cast<std::int64_t>(number(2))));
      case 'J':
        return push(add_integer(static_cast<std::int32_t>(number(4))));
      case '\x8a':
        return push_long(number(1));
      case '\x8b':
        return push_long(number(4));
      case 'G':
        take(8);
        return push_text(PickleKind::real, "");
      case 'I':
        return push_decimal(line());
      case 'X':
      case 'T':
        return push_text(PickleKind::text, take(number(4)));
      case '\x8c':
      case 'U':
        return push_text(PickleKind::text, take(number(1)));
      case '\x8d':
        return push_text(PickleKind::text, take(number(8)));
      case 'B':
        return push_text(PickleKind::bytes, take(number(4)));
      case 'C':
        return push_text(PickleKind::bytes, take(number(1)));
      case '\x8e':
        return push_text(PickleKind::bytes, take(number(8)));
      default:
        return false;
    }
  }

  /// LONG: two's complement, little-endian. Sizes of tensors fit 64 bits; what does not is kept as
  /// bytes.
  bool push_long(std::uint64_t size) {
    const std::string_view raw = take(size);
    if (size > 8) return push_text(PickleKind::bytes, raw);
    std::uint64_t value = 0;
    const bool negative = size > 0 && (static_cast<unsigned char>(raw.back()) & 0x80) != 0;
    for (std::size_t i = 8; i-- > 0;)
      value =
          value << 8 | (i < size ? static_cast<unsigned char>(raw[i]) : (negative ? 0xffU : 0U));
    return push(add_integer(static_cast<std::int64_t>(value)));
  }

  bool push_decimal(std::string_view digits) {
    std::int64_t value = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
    if (error != std::errc{} || end != digits.data() + digits.size()) fail("a number is expected");
    return push(add_integer(value));
  }

  bool read_container(char operation) {
    switch (operation) {
      case '(':
        marks_.push_back(stack_.size());
        return true;
      case ')':
      case ']':
        return push_items(PickleKind::sequence, {});
      case '}':
        return push_items(PickleKind::dict, {});
      case 't':
      case 'l':
        return push_items(PickleKind::sequence, pop_to_mark());
      case '\x85':
      case '\x86':
      case '\x87':
        return push_items(PickleKind::sequence, pop(static_cast<unsigned char>(operation) - 0x84));
      case 'a':
        return append(pop(1));
      case 'e':
        return append(pop_to_mark());
      case 's':
        return set_items(pop(2));
      case 'u':
        return set_items(pop_to_mark());
      default:
        return false;
    }
  }
  bool append(const std::vector<PickleRef>& refs) {
    PickleValue& list = top(false);
    // An object's own items are what it was made from.
    if (list.kind == PickleKind::sequence)
      list.items.insert(list.items.end(), refs.begin(), refs.end());
    return true;
  }
  bool set_items(const std::vector<PickleRef>& refs) {
    if (refs.size() % 2 != 0) fail("a key without a value");
    PickleValue& dict = top(true);
    for (std::size_t i = 0; i < refs.size(); i += 2) dict.pairs.emplace_back(refs[i], refs[i + 1]);
    return true;
  }

  bool read_memo(char operation) {
    switch (operation) {
      case 'q':
        return remember(number(1));
      case 'r':
        return remember(number(4));
      case '\x94':
        return remember(memo_.size());
      case 'h':
        return recall(number(1));
      case 'j':
        return recall(number(4));
      case '0':
        pop();
        return true;
      case '2':
        require(1);
        return push(stack_.back());
      default:
        return false;
    }
  }
  bool remember(std::uint64_t key) {
    require(1);
    memo_[key] = stack_.back();
    return true;
  }
  bool recall(std::uint64_t key) {
    const auto known = memo_.find(key);
    if (known == memo_.end()) fail("it refers to a value that it does not have");
    return push(known->second);
  }

  bool read_call(char operation) {
    switch (operation) {
      case 'c': {
        const std::string module(line());
        return push_text(PickleKind::global, fmt::format("{}.{}", module, line()));
      }
      case '\x93': {
        const std::vector<PickleRef> names = pop(2);
        const PickleValue& module = pickle_.at(names[0]);
        const PickleValue& member = pickle_.at(names[1]);
        if (module.kind != PickleKind::text || member.kind != PickleKind::text)
          fail("a name is expected");
        return push_text(PickleKind::global, fmt::format("{}.{}", module.text, member.text));
      }
      case 'R':     // REDUCE
      case '\x81':  // NEWOBJ
        return push_items(PickleKind::object, pop(2));
      case '\x92': {  // NEWOBJ_EX
        std::vector<PickleRef> parts = pop(3);
        parts.pop_back();
        return push_items(PickleKind::object, std::move(parts));
      }
      case 'b': {  // BUILD
        const PickleRef state = pop();
        require(1);
        PickleValue& object = pickle_.values[stack_.back()];
        if (object.kind == PickleKind::object) object.state = state;
        return true;
      }
      case 'Q':  // BINPERSID
        return push_items(PickleKind::persistent, pop(1));
      default:
        return false;
    }
  }

  std::string_view text_;
  const std::string& name_;
  std::size_t at_ = 0;
  std::size_t begin_ = 0;
  Pickle pickle_;
  PickleRef none_ = 0;
  PickleRef true_ = 0;
  PickleRef false_ = 0;
  std::vector<PickleRef> stack_;
  std::vector<std::size_t> marks_;
  std::unordered_map<std::uint64_t, PickleRef> memo_;
};

}  // namespace

Pickle parse_pickle(std::span<const std::byte> bytes, const std::string& name) {
  return PickleReader(bytes, name).read();
}

}  // namespace convoy
