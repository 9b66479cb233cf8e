#pragma once
// What evaluate and predict have in common: which model, which samples.
#include <CLI/CLI.hpp>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "convoy/infer/trained_model.hpp"

namespace convoy::cli {

struct ModelOptionsOfVerb {
  std::filesystem::path model;
  std::string checkpoint = "final";
  std::string split = "test";
  DataFiles files;
  std::vector<std::string> set;
  int replicas = 0;
};

struct Opened {
  TrainedModel model;
  std::shared_ptr<const Dataset> dataset;
  std::unique_ptr<Predictor> predictor;
};

void add_model_options(CLI::App& verb, ModelOptionsOfVerb& options);
Opened open(const ModelOptionsOfVerb& options);

}  // namespace convoy::cli
