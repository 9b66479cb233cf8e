#include <fmt/format.h>

#include "cli/model_options.hpp"
#include "cli/verbs.hpp"
#include "convoy/core/error.hpp"
#include "convoy/infer/output.hpp"
#include "convoy/metric/metrics.hpp"

namespace convoy::cli {
namespace {

namespace fs = std::filesystem;

struct PredictArguments : ModelOptionsOfVerb {
  fs::path output = "predictions.csv";
};

std::string format_of(const fs::path& output) {
  if (output.extension() == ".csv") return "csv";
  if (output.extension() == ".npy") return "npy";
  if (output.extension() == ".parquet") return "parquet";
  throw InputError(
      fmt::format("--output: {} ends in none of .csv, .npy and .parquet", output.string()));
}

void run(const PredictArguments& options) {
  const std::string format = format_of(options.output);
  const Opened opened = open(options);
  const Inference inference = opened.predictor->run(*opened.dataset);
  const DataSpec& spec = opened.dataset->spec();
  write_predictions(options.output, format, spec, inference.samples,
                    to_predictions(spec, inference.outputs), inference.target);
  fmt::print("{} predictions in {}\n", inference.samples.size(), options.output.string());
}

}  // namespace

void add_predict(CLI::App& app) {
  const auto options = std::make_shared<PredictArguments>();
  CLI::App* verb = app.add_subcommand(
      "predict", "write a trained model's predictions, in the order of the samples");
  add_model_options(*verb, *options);
  verb->add_option("--output", options->output,
                   "a .csv or .parquet file (with class names and probabilities), or .npy")
      ->capture_default_str();
  verb->callback([options] { run(*options); });
}

}  // namespace convoy::cli
