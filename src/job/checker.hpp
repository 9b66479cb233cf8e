#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "convoy/data/dataset/spec.hpp"
#include "convoy/job/job.hpp"
#include "convoy/schema/registry.hpp"
#include "schema/document.hpp"

namespace convoy {

struct FormatKind;

/// Values of a job that are right by themselves and impossible together. Each check throws
/// InputError at the line of the key that is to be changed.
class JobChecker {
 public:
  JobChecker(const Job& job, const schema::Document& document) : job_(job), document_(document) {}

  void check() const;

 private:
  /// Fails at `key`, at the line of the first of `places` (then `key`) that the job gives.
  [[noreturn]] void fail(std::string_view key, std::string_view problem,
                         const std::vector<std::string>& places = {}) const;
  void check_name() const;
  void check_sources() const;
  void check_files(const std::string& key, const DataFiles& files) const;
  void check_sources_of(const std::string& key, const DataFiles& files) const;
  /// What a file is, as far as that is known without opening it; else null.
  const FormatKind* format_of(const std::string& path) const;
  void check_splits() const;
  void check_csv() const;
  void check_task() const;
  /// Loss and metric, where the job says what the task is.
  void check_fits(Task task) const;
  void check_preprocess() const;
  /// Of a list's items: what does not go together in the options of one.
  void check_items(const std::string& list, const schema::AnyRegistry& registry,
                   const std::vector<schema::OneOf>& items) const;
  void check_partition() const;
  /// Of features that are partitioned by column: what needs whole samples.
  void check_columns() const;
  void check_sizes() const;
  /// Of a registry's kind: what does not go together in its options, below `section`.
  void check_kind(const std::string& section, const schema::AnyRegistry& registry,
                  const std::string& kind, const schema::AnyOptions& options,
                  const std::string& kind_key = "kind") const;
  void check_length() const;
  void check_strategy() const;

  const Job& job_;
  const schema::Document& document_;
};

}  // namespace convoy
