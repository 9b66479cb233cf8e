#include "schema/tree.hpp"

#include <fmt/format.h>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <array>
#include <map>
#include <sstream>
#include <utility>

#include "schema/quote.hpp"

namespace convoy::schema {
namespace {

constexpr std::size_t max_bytes = 1 << 20;
constexpr std::size_t max_depth = 32;
constexpr std::size_t max_keys = 1000;
constexpr std::size_t max_nodes = 100'000;  // also bounds what aliases of aliases can blow up to

/// Builds the tree from yaml-cpp's events. YAML::Node would hide duplicate keys and has no limits.
class Builder : public YAML::EventHandler {
 public:
  Node take_root() { return std::move(root_); }

  void OnDocumentStart(const YAML::Mark&) override {}
  void OnDocumentEnd() override {}

  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    place(leaf(Node::Kind::null, mark), anchor);
  }

  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override {
    if (value.find('\0') != std::string::npos) fail(mark, "holds a zero byte");
    if (expects_key()) {
      open_.back().key = value;
      open_.back().key_line = mark.line + 1;
      check_key(value, mark);
      return;
    }
    Node node = leaf(Node::Kind::scalar, mark);
    node.text = value;
    node.quoted = is_text(tag, mark);
    place(std::move(node), anchor);
  }

  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    const auto found = anchors_.find(anchor);
    if (found == anchors_.end()) fail(mark, "an alias stands inside the value it refers to");
    if (expects_key()) fail(mark, "a key must be plain text, not an alias");
    count(size_of(found->second), mark);
    place(found->second, YAML::NullAnchor);
  }

  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    open(Node::Kind::list, mark, tag, anchor);
  }
  void OnSequenceEnd() override { close(); }

  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    open(Node::Kind::map, mark, tag, anchor);
  }
  void OnMapEnd() override { close(); }

 private:
  struct Open {
    Node node;
    YAML::anchor_t anchor = YAML::NullAnchor;
    std::string key;  // of the value that comes next
    int key_line = 0;
  };

  [[noreturn]] void fail(const YAML::Mark& mark, std::string problem) const {
    throw ParseFailure{mark.line + 1, path(), std::move(problem)};
  }

  void check_key(const std::string& key, const YAML::Mark& mark) const {
    const Node& map = open_.back().node;
    if (map.keys.size() >= max_keys)
      fail(mark, fmt::format("more than {} keys side by side", max_keys));
    if (const Node* first = map.find(key)) {
      fail(mark,
           fmt::format("is given twice (first on line {}); remove one of the two", first->line));
    }
  }

  std::string path() const {
    std::string path;
    for (const Open& level : open_) {
      const bool list = level.node.kind == Node::Kind::list;
      if (!list && level.key_line == 0) break;
      if (!path.empty()) path += '.';
      path += list ? std::to_string(level.node.items.size()) : quote(level.key).substr(1);
      if (!list) path.pop_back();
    }
    return path;
  }

  /// Whether the tag says that the scalar is text ("!" is what yaml-cpp calls a quoted one).
  bool is_text(const std::string& tag, const YAML::Mark& mark) const {
    if (tag == "!" || tag == "tag:yaml.org,2002:str") return true;
    if (!tag.empty() && tag != "?")
      fail(mark, fmt::format("the tag {} has no meaning here", quote(tag)));
    return false;
  }

  bool expects_key() const {
    return !open_.empty() && open_.back().node.kind == Node::Kind::map &&
           open_.back().key_line == 0;
  }

  void count(std::size_t nodes, const YAML::Mark& mark) {
    nodes_ += nodes;
    if (nodes_ > max_nodes)
      fail(mark, fmt::format("more than {} values, aliases expanded", max_nodes));
  }

  static std::size_t size_of(const Node& node) {
    std::size_t size = 1;
    for (const Node& item : node.items) size += size_of(item);
    return size;
  }

  Node leaf(Node::Kind kind, const YAML::Mark& mark) {
    count(1, mark);
    Node node;
    node.kind = kind;
    node.line = mark.line + 1;
    return node;
  }

  void open(Node::Kind kind, const YAML::Mark& mark, const std::string& tag,
            YAML::anchor_t anchor) {
    if (expects_key())
      fail(mark, "a list or a map in place of a key, or a bracket that is not closed");
    if (open_.size() >= max_depth)
      fail(mark, fmt::format("nested more than {} levels deep", max_depth));
    if (!tag.empty() && tag != "?" && tag != "!") {
      fail(mark, fmt::format("the tag {} has no meaning here", quote(tag)));
    }
    open_.push_back({leaf(kind, mark), anchor, {}, 0});
  }

  void close() {
    Open closed = std::move(open_.back());
    open_.pop_back();
    place(std::move(closed.node), closed.anchor);
  }

  void place(Node node, YAML::anchor_t anchor) {
    if (expects_key()) throw ParseFailure{node.line, path(), "a key is empty"};
    if (anchor != YAML::NullAnchor) anchors_[anchor] = node;
    if (open_.empty()) {
      root_ = std::move(node);
    } else if (Open& parent = open_.back(); parent.node.kind == Node::Kind::list) {
      parent.node.items.push_back(std::move(node));
    } else {
      node.line = std::exchange(parent.key_line, 0);
      parent.node.add(std::move(parent.key), std::move(node));
    }
  }

  Node root_;
  std::vector<Open> open_;
  std::map<YAML::anchor_t, Node> anchors_;
  std::size_t nodes_ = 0;
};

/// Bytes of the UTF-8 character at the start of `text`; 0 if there is none (RFC 3629: no
/// surrogates, nothing overlong).
std::size_t utf8_length(std::string_view text) {
  const auto byte = [&](std::size_t i) {
    return i < text.size() ? static_cast<unsigned char>(text[i]) : 0U;
  };
  const std::size_t length = byte(0) < 0x80   ? 1
                             : byte(0) < 0xc2 ? 0
                             : byte(0) < 0xe0 ? 2
                             : byte(0) < 0xf0 ? 3
                                              : 4;
  if (length < 2) return length;
  for (std::size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xc0U) != 0x80) return 0;
  }
  const unsigned start = byte(0) << 8 | byte(1);
  const bool outside =
      length == 3 ? start < 0xe0a0 : length == 4 && (start < 0xf090 || start >= 0xf490);
  const bool surrogate = start >= 0xeda0 && start < 0xee00;
  return outside || surrogate ? 0 : length;
}

void require_utf8(std::string_view text) {
  int line = 1;
  while (!text.empty()) {
    const std::size_t length = utf8_length(text);
    if (length == 0) throw ParseFailure{line, "", "is not UTF-8 text; save the file as UTF-8"};
    if (text[0] == '\n') ++line;
    text.remove_prefix(length);
  }
}

/// What a person can do about a message of yaml-cpp, where the message says what its scanner
/// missed.
std::string_view explain(std::string_view message) {
  const std::array<std::pair<std::string_view, std::string_view>, 6> explanations = {{
      {YAML::ErrorMsg::END_OF_MAP_FLOW, "a '{' is not closed, or a comma is missing"},
      {YAML::ErrorMsg::END_OF_SEQ_FLOW, "a '[' is not closed, or a comma is missing"},
      {YAML::ErrorMsg::END_OF_MAP, "wrong indentation, or a key without a colon"},
      {YAML::ErrorMsg::END_OF_SEQ, "wrong indentation, or an item without '- '"},
      {YAML::ErrorMsg::MAP_VALUE, "a second ': ' (put the value in quotes), or wrong indentation"},
      {YAML::ErrorMsg::UNKNOWN_TOKEN,
       "a character that cannot begin a value; put the value in quotes"},
  }};
  const auto* const found =
      std::ranges::find(explanations, message, [](const auto& entry) { return entry.first; });
  return found == explanations.end() ? message : found->second;
}

ParseFailure syntax_failure(const YAML::Exception& error, std::string_view yaml) {
  if (error.mark.is_null()) return {0, "", "not valid YAML: " + error.msg};
  for (int line = 0; line < error.mark.line; ++line)
    yaml.remove_prefix(std::min(yaml.find('\n'), yaml.size() - 1) + 1);
  const std::size_t indent = std::min(yaml.find_first_not_of(" \t"), yaml.size());
  const bool tab = yaml.substr(0, indent).find('\t') != std::string_view::npos;
  return {error.mark.line + 1, "",
          fmt::format("not valid YAML: {}",
                      tab ? "a tab in the indentation; use spaces" : explain(error.msg))};
}

}  // namespace

Node* Node::find(std::string_view key) {
  return const_cast<Node*>(std::as_const(*this).find(key));
}

const Node* Node::find(std::string_view key) const {
  for (std::size_t i = 0; i < keys.size(); ++i) {
    if (keys[i] == key) return &items[i];
  }
  return nullptr;
}

Node& Node::add(std::string key, Node value) {
  keys.push_back(std::move(key));
  return items.emplace_back(std::move(value));
}

Node parse_tree(const std::string& yaml, std::string_view noun) {
  if (yaml.size() > max_bytes) {
    throw ParseFailure{0, "",
                       fmt::format("is larger than {} bytes, which no {} needs", max_bytes, noun)};
  }
  require_utf8(yaml);
  try {
    std::istringstream stream(yaml);
    YAML::Parser parser(stream);
    Builder first;
    parser.HandleNextDocument(first);
    Builder second;
    if (parser.HandleNextDocument(second)) {
      throw ParseFailure{second.take_root().line, "",
                         fmt::format("a second document begins; a {} is one document", noun)};
    }
    return first.take_root();
  } catch (const YAML::Exception& error) {
    throw syntax_failure(error, yaml);
  }
}

}  // namespace convoy::schema
