#pragma once
// A YAML document as a tree that remembers where each value was written, for messages and
// overrides.
#include <string>
#include <string_view>
#include <vector>

namespace convoy::schema {

struct Node {
  enum class Kind { null, scalar, list, map };
  Kind kind = Kind::null;
  std::string text;               ///< scalar
  bool quoted = false;            ///< scalar written in quotes or as a block: text, never a number
  int line = 0;                   ///< from 1; in a map, the line of the key; 0: written nowhere
  int override_index = -1;        ///< which `--set` it came from; -1: the file
  std::vector<std::string> keys;  ///< map: the key of each item
  std::vector<Node> items;        ///< list, map

  Node* find(std::string_view key);
  const Node* find(std::string_view key) const;
  Node& add(std::string key, Node value);
};

/// What is wrong with some text: `line` from 1 (0: nowhere in particular), `key` may be empty.
struct ParseFailure {
  int line = 0;
  std::string key;
  std::string problem;
};

/// The one document of `yaml`; a null node if there is none. Aliases are expanded. Throws
/// ParseFailure for text that is not UTF-8 or not YAML, several documents, duplicate or structured
/// keys, unknown tags, and what is too deep or too large. `noun`: what messages call it ("job").
Node parse_tree(const std::string& yaml, std::string_view noun);

}  // namespace convoy::schema
