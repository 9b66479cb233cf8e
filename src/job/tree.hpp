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
/// keys, unknown tags, and what is too deep or too large.
Node parse_tree(const std::string& yaml);

/// The tree of a job with the names of its sources.
struct Document {
  std::string name;
  std::vector<std::string> overrides;
  Node root;

  /// The node at "a.b.0.c", or null.
  const Node* find(std::string_view path) const;
  /// "job.yaml:12", "job.yaml" or "--set train.batch=3".
  std::string where(const Node& node) const;
  /// Throws InputError "WHERE: KEY: PROBLEM".
  [[noreturn]] void fail(const Node& at, std::string_view key, std::string_view problem) const;
};

/// Sets a key of the tree as `--set` text number `index` says ("train.batch=128"). Throws
/// InputError.
void apply_override(Document& document, int index);

/// Control characters escaped.
std::string one_line(std::string_view text);

/// A value as it may stand in a one-line message: in single quotes, control characters escaped, at
/// most 60 bytes.
std::string quote(std::string_view text);

}  // namespace convoy::schema
