#include "cli/model_options.hpp"

#include "cli/verbs.hpp"
#include "convoy/comm/group.hpp"
#include "convoy/core/error.hpp"
#include "convoy/job/trained_model.hpp"

namespace convoy::cli {

void add_model_options(CLI::App& verb, ModelOptionsOfVerb& options) {
  verb.add_option("model", options.model, "a run's folder, a model.pt or a checkpoint")
      ->required()
      ->type_name("RUN");
  verb.add_option("--checkpoint", options.checkpoint, "which weights of a run's folder")
      ->check(CLI::IsMember({"final", "best"}))
      ->capture_default_str();
  verb.add_option("--split", options.split, "which samples of the job")
      ->check(CLI::IsMember({"train", "validation", "test"}))
      ->capture_default_str();
  verb.add_option(
      "--input", options.files.file,
      "new samples instead: a table with the training data's columns, or LIBSVM; as all "
      "files here also an address (https, s3), a database (sqlite:, postgresql:) or -");
  verb.add_option("--query", options.files.query,
                  "the SQL query whose rows of a database are meant")
      ->type_name("SQL");
  verb.add_option("--features", options.files.features, "new samples instead: a file of features");
  verb.add_option("--labels", options.files.labels, "their labels, if there are any");
  verb.add_option("--set", options.set, "override a job key, e.g. data.test.features=FILE")
      ->type_name("KEY=VALUE")
      ->expected(1)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  verb.add_option("--replicas", options.replicas,
                  "threads that share the work (default: the cores)")
      ->check(CLI::Range(1, 4096));
}

Opened open(const ModelOptionsOfVerb& options) {
  if (const auto place = worker_place(); place && place->workers > 1)
    throw InputError("evaluate and predict run in one process; use --replicas for more threads");
  Opened opened;
  opened.model = open_trained_model(options.model, options.checkpoint, options.set);
  opened.dataset = open_dataset(opened.model, options.files, options.split);
  opened.predictor = make_predictor(opened.model, opened.dataset->spec(),
                                    options.replicas > 0 ? options.replicas : default_replicas());
  return opened;
}

}  // namespace convoy::cli
