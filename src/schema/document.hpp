#pragma once
// A YAML document on its way from text to values: its tree, the names of its sources, and messages
// that say where something was written.
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "convoy/schema/schema.hpp"
#include "schema/tree.hpp"

namespace convoy::schema {

/// What messages call documents of one kind, and examples of what they hold.
struct DocumentKind {
  std::string_view noun;   ///< "job"
  std::string_view needs;  ///< what one has at least: "at least data.train"
  std::string_view line;   ///< "name: mnist"
  std::string_view key;    ///< "train.batch"
  std::string_view value;  ///< of `key`: "128"
  std::vector<std::pair<std::string_view, std::string_view>>
      others;  ///< what other libraries call a key, and its name here
};

struct Document {
  DocumentKind kind;
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

/// Parses `yaml`, a map, and applies `overrides` ("train.batch=128") in order. Short forms are
/// written out, so that overrides reach inside. `name` stands for the file in messages. Throws
/// InputError.
Document read_document(const std::string& yaml, const std::string& name,
                       const std::vector<std::string>& overrides, const DocumentKind& kind,
                       const Describe& root);

/// Sets what `root` describes as the document says; what it lacks keeps its value. Throws
/// InputError at the first key that is unknown, has the wrong type, is out of range, or does not go
/// with the `kind` beside it.
void read_values(const Document& document, const Describe& root);

/// Writes the short forms of sections and list items out ("optimizer: adam" as "optimizer: {kind:
/// adam}"), so that overrides can reach inside and the reader meets one form only.
void expand_short_forms(Node& tree, const Describe& root);

/// Sets a key of the tree as `--set` text number `index` says ("train.batch=128"). Throws
/// InputError.
void apply_override(Document& document, int index);

}  // namespace convoy::schema
