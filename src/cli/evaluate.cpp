#include <fmt/format.h>

#include "cli/model_options.hpp"
#include "cli/verbs.hpp"
#include "convoy/core/error.hpp"

namespace convoy::cli {
namespace {

struct EvaluateArguments : ModelOptionsOfVerb {
  bool json = false;
};

void print_table(const nlohmann::ordered_json& metrics) {
  for (const auto& [key, value] : metrics.items()) {
    if (value.is_number()) fmt::print("  {:<12} {:.6g}\n", key, value.get<double>());
  }
  if (!metrics.contains("per_class")) return;
  fmt::print("\n  {:<16} {:>9} {:>9} {:>9} {:>9}\n", "class", "precision", "recall", "f1",
             "support");
  for (const auto& row : metrics["per_class"]) {
    const auto& name = row["class"];
    fmt::print("  {:<16} {:>9.4f} {:>9.4f} {:>9.4f} {:>9}\n",
               name.is_string() ? name.get<std::string>() : name.dump(),
               row["precision"].get<double>(), row["recall"].get<double>(), row["f1"].get<double>(),
               row["support"].get<std::int64_t>());
  }
}

void run(const EvaluateArguments& options) {
  const Opened opened = open(options);
  const Inference inference = opened.predictor->run(*opened.dataset);
  if (!inference.target.defined()) {
    throw InputError("evaluate: these samples have no target to compare with; use predict");
  }
  const auto metrics = evaluate(inference, opened.dataset->spec(),
                                make_loss(opened.model.loss, opened.dataset->spec()));
  if (options.json) {
    fmt::print("{}\n", metrics.dump(2));
    return;
  }
  fmt::print("{}: {} samples\n", opened.model.file.string(), inference.samples.size());
  print_table(metrics);
}

}  // namespace

void add_evaluate(CLI::App& app) {
  const auto options = std::make_shared<EvaluateArguments>();
  CLI::App* verb = app.add_subcommand(
      "evaluate", "measure a trained model on a split of its job or on new files");
  add_model_options(*verb, *options);
  verb->add_flag("--json", options->json, "all metrics as JSON, confusion matrix included");
  verb->callback([options] { run(*options); });
}

}  // namespace convoy::cli
