#include "convoy/job/job.hpp"

#include <fmt/format.h>

#include "convoy/core/error.hpp"
#include "convoy/core/file.hpp"
#include "job/reader.hpp"
#include "job/tree.hpp"

namespace convoy {
namespace {

schema::Node parse_root(const std::string& yaml, const std::string& name) {
  const auto fail = [&](int line, std::string_view problem) {
    const std::string where = line > 0 ? fmt::format("{}:{}", name, line) : name;
    throw InputError(schema::one_line(fmt::format("{}: {}", where, problem)));
  };
  try {
    schema::Node root = schema::parse_tree(yaml);
    if (root.kind == schema::Node::Kind::null) fail(0, "is empty; a job names at least data.train");
    if (root.kind != schema::Node::Kind::map)
      fail(root.line, "a job is keys and values, such as 'name: mnist'");
    return root;
  } catch (const schema::ParseFailure& failure) {
    fail(failure.line, failure.key.empty() ? failure.problem
                                           : fmt::format("{}: {}", failure.key, failure.problem));
    throw;
  }
}

// Where a step makes the tokens, the job says how many there are at most.
void fill_in_values(Job& job) {
  for (const PreprocessStep& step : job.preprocess) {
    if (step.kind != "tokens") continue;
    for (LayerOptions& layer : job.model.layers) {
      if (layer.kind == "embedding" && layer.values == 0)
        layer.values = step.tokenizer == "byte" ? 256 : step.vocabulary;
    }
  }
}

}  // namespace

Job load_job(const std::filesystem::path& file, const std::vector<std::string>& overrides) {
  const MappedFile content(file);
  Job job = parse_job(std::string(content.text()), file.string(), overrides);
  job.directory = file.has_parent_path() ? file.parent_path() : ".";
  return job;
}

Job parse_job(const std::string& yaml, const std::string& name,
              const std::vector<std::string>& overrides) {
  schema::Document document{name, overrides, parse_root(yaml, name)};
  schema::expand_short_forms(document.root);
  for (std::size_t i = 0; i < overrides.size(); ++i) {
    schema::apply_override(document, static_cast<int>(i));
    schema::expand_short_forms(document.root);
  }
  Job job = schema::read_job(document);
  schema::check_combinations(job, document);
  fill_in_values(job);
  return job;
}

}  // namespace convoy
