#include "schema/document.hpp"

#include <fmt/format.h>

#include <charconv>

#include "convoy/core/error.hpp"
#include "schema/quote.hpp"

namespace convoy::schema {
namespace {

/// The next step of a path: cuts the text up to the first dot off `path`.
std::string_view next_segment(std::string_view& path) {
  const std::size_t dot = path.find('.');
  const std::string_view segment = path.substr(0, dot);
  path = dot == std::string_view::npos ? std::string_view() : path.substr(dot + 1);
  return segment;
}

/// The item of a list that `segment` numbers, or null.
const Node* item_at(const Node& list, std::string_view segment) {
  std::size_t index = 0;
  const char* const end = segment.data() + segment.size();
  const auto [stop, error] = std::from_chars(segment.data(), end, index);
  return error == std::errc() && stop == end && index < list.items.size() ? &list.items[index]
                                                                          : nullptr;
}

Node parse_root(const std::string& yaml, const std::string& name, const DocumentKind& kind) {
  const auto fail = [&](int line, std::string_view problem) {
    const std::string where = line > 0 ? fmt::format("{}:{}", name, line) : name;
    throw InputError(one_line(fmt::format("{}: {}", where, problem)));
  };
  try {
    Node root = parse_tree(yaml, kind.noun);
    if (root.kind == Node::Kind::null)
      fail(0, fmt::format("is empty; a {} names {}", kind.noun, kind.needs));
    if (root.kind != Node::Kind::map)
      fail(root.line, fmt::format("a {} is keys and values, such as '{}'", kind.noun, kind.line));
    return root;
  } catch (const ParseFailure& failure) {
    fail(failure.line, failure.key.empty() ? failure.problem
                                           : fmt::format("{}: {}", failure.key, failure.problem));
    throw;
  }
}

}  // namespace

Document read_document(const std::string& yaml, const std::string& name,
                       const std::vector<std::string>& overrides, const DocumentKind& kind,
                       const Describe& root) {
  Document document{kind, name, overrides, parse_root(yaml, name, kind)};
  expand_short_forms(document.root, root);
  for (std::size_t i = 0; i < overrides.size(); ++i) {
    apply_override(document, static_cast<int>(i));
    expand_short_forms(document.root, root);
  }
  return document;
}

const Node* Document::find(std::string_view path) const {
  const Node* node = &root;
  while (node != nullptr && !path.empty()) {
    const std::string_view segment = next_segment(path);
    node = node->kind == Node::Kind::list ? item_at(*node, segment) : node->find(segment);
  }
  return node;
}

std::string Document::where(const Node& node) const {
  if (node.override_index >= 0) {
    const std::string quoted = quote(overrides.at(static_cast<std::size_t>(node.override_index)));
    return "--set " + quoted.substr(1, quoted.size() - 2);
  }
  return node.line > 0 ? fmt::format("{}:{}", name, node.line) : name;
}

void Document::fail(const Node& at, std::string_view key, std::string_view problem) const {
  // "--set train.batch=x: train.batch: ..." would say the key twice.
  const bool said =
      at.override_index >= 0 &&
      overrides.at(static_cast<std::size_t>(at.override_index)).starts_with(std::string(key) + "=");
  const std::string text =
      key.empty() || said ? std::string(problem) : fmt::format("{}: {}", key, problem);
  throw InputError(one_line(fmt::format("{}: {}", where(at), text)));
}

}  // namespace convoy::schema
