// Declared in schema/document.hpp.
// `--set key.path=value`: changes the tree before it is read, so that a key is checked the same
// wherever it comes from.
#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "convoy/core/error.hpp"
#include "schema/document.hpp"
#include "schema/quote.hpp"

namespace convoy::schema {
namespace {

void mark_override(Node& node, int index) {
  node.override_index = index;
  node.line = 0;
  for (Node& item : node.items) mark_override(item, index);
}

Node parse_value(const Document& document, const Node& at, const std::string& text) {
  try {
    // Alone it would be a list with nothing in it; as a path it is the standard input.
    return parse_tree(text == "-" ? "'-'" : text, document.kind.noun);
  } catch (const ParseFailure& failure) {
    document.fail(at, failure.key, failure.problem);
  }
}

bool is_number(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
}

Node& list_item(const Document& document, const Node& at, Node& list, std::string_view path,
                std::string_view segment) {
  std::size_t index = list.items.size();
  if (is_number(segment)) std::from_chars(segment.data(), segment.data() + segment.size(), index);
  if (index < list.items.size()) return list.items[index];
  if (list.items.empty()) document.fail(at, path, "the list is empty; set the whole list");
  document.fail(at, path,
                fmt::format("{} is not an item of this list; its items are 0 to {}", quote(segment),
                            list.items.size() - 1));
}

/// The child of `node` that `segment` names, made where a map lacks it. `path` leads to `node`.
Node& child(const Document& document, const Node& at, Node& node, std::string_view path,
            std::string_view segment) {
  if (segment.empty())
    document.fail(at, "",
                  fmt::format("the key has an empty part; write it as in {}", document.kind.key));
  if (node.kind == Node::Kind::list) return list_item(document, at, node, path, segment);
  if (node.kind == Node::Kind::scalar) {
    document.fail(at, path,
                  fmt::format("is {} in the {}, so nothing can be set inside it", quote(node.text),
                              document.kind.noun));
  }
  if (Node* found = node.find(segment)) return *found;
  if (is_number(segment)) {
    document.fail(at, path,
                  fmt::format("is not given in the {}; set the whole list", document.kind.noun));
  }
  if (node.kind == Node::Kind::null) {
    node.kind = Node::Kind::map;
    mark_override(node, at.override_index);
  }
  Node made;
  mark_override(made, at.override_index);
  return node.add(std::string(segment), std::move(made));
}

}  // namespace

void apply_override(Document& document, int index) {
  const std::string& text = document.overrides.at(static_cast<std::size_t>(index));
  Node at;
  at.override_index = index;
  const std::size_t equals = text.find('=');
  if (equals == std::string::npos || equals == 0) {
    document.fail(at, "",
                  fmt::format("is not KEY=VALUE; write it as in {}={}", document.kind.key,
                              document.kind.value));
  }
  Node value = parse_value(document, at, text.substr(equals + 1));
  mark_override(value, index);

  const std::string_view path = std::string_view(text).substr(0, equals);
  Node* node = &document.root;
  for (std::size_t begin = 0; begin <= path.size();) {
    const std::size_t end = std::min(path.find('.', begin), path.size());
    node = &child(document, at, *node, path.substr(0, begin == 0 ? 0 : begin - 1),
                  path.substr(begin, end - begin));
    begin = end + 1;
  }
  *node = std::move(value);
}

}  // namespace convoy::schema
