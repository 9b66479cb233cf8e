#include "convoy/job/job.hpp"

#include <algorithm>

#include "convoy/core/error.hpp"
#include "convoy/core/file.hpp"
#include "convoy/data/preprocess/step.hpp"
#include "convoy/model/model_kind.hpp"
#include "convoy/schema/registry.hpp"
#include "job/check.hpp"
#include "schema/document.hpp"
#include "schema/print.hpp"

namespace convoy {
namespace {

schema::DocumentKind job_document() {
  return {.noun = "job",
          .needs = "at least data.train",
          .line = "name: mnist",
          .key = "train.batch",
          .value = "128",
          .others = {{"lr", "rate"}}};
}

// Where a step makes the tokens, the job says how many there are at most.
void fill_in_values(Job& job) {
  for (const PreprocessStep& step : job.preprocess) {
    const StepKind& kind = preprocess_steps().get(step.kind);
    const ModelKind& model = models().get(job.model.kind);
    if (kind.tokens && model.traits.take_tokens) {
      model.traits.take_tokens(job.model.own, kind.tokens(options_of(step)));
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
  if (!schema::registration_problems().empty())
    throw InputError(schema::registration_problems().front());
  Job job;
  const schema::Describe keys = [&](schema::Visitor& v) { describe(v, job); };
  const schema::Document document =
      schema::read_document(yaml, name, overrides, job_document(), keys);
  schema::read_values(document, keys);
  check_combinations(job, document);
  fill_in_values(job);
  return job;
}

LoadOptions load_options(const Job& job) {
  return {job.data, job.preprocess, job.seed, job.directory, job.partition};
}

TrainerOptions trainer_options(const Job& job) {
  return {.seed = job.seed,
          .train = job.train,
          .partition = job.partition,
          .augment = job.augment,
          .strategy = job.strategy,
          .evaluate = job.evaluate,
          .name = job.name,
          .told_every = job.report.every,
          .sample_predictions = job.report.samples};
}

std::string print_job(const Job& job) {
  Job resolved = job;
  // The default of lanes depends on the batch; with the whole split as one batch, on data not read
  // yet.
  if (job.train.lanes == 0 && job.train.batch > 0)
    resolved.train.lanes = std::min<std::int64_t>(8, job.train.batch);
  return schema::print([&](schema::Visitor& v) { describe(v, resolved); });
}

}  // namespace convoy
