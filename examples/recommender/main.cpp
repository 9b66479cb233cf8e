// A recommender of your own, trained by a job file: matrix factorization with biases (Koren, Bell
// and Volinsky 2009). User and item each have a vector; how well the two fit says how likely they
// are a pair. The data are Debian's packages and what they depend on (make_data.py).
//
//   /usr/bin/python3 make_data.py data
//   recommender JOB.yaml [--set KEY=VALUE]... [--out DIR] [--overwrite] [--replicas N]
//   convoy launch --workers 4 -- ./recommender JOB.yaml
//   convoy launch --workers 4 --servers 2 -- ./recommender JOB.yaml --set
//   strategy.kind=parameter_server
//
// With strategy.kind: synchronous the printed weights_sha256 is the same for any number of workers
// and replicas.
#include <torch/torch.h>

#include <convoy/comm/group.hpp>
#include <convoy/core/error.hpp>
#include <convoy/core/file.hpp>
#include <convoy/data/load.hpp>
#include <convoy/job/job.hpp>
#include <convoy/report/html.hpp>
#include <convoy/report/progress.hpp>
#include <convoy/server/server_group.hpp>
#include <convoy/strategies/registry.hpp>
#include <convoy/train/run_folder.hpp>
#include <convoy/train/trainer.hpp>
#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <numeric>

namespace {

constexpr std::int64_t factors = 8;

// A sample is (user, item), as float32; what comes out is the logit of "they are a pair".
struct Recommender : torch::nn::Module {
  Recommender(std::int64_t user_count, std::int64_t item_count) {
    users = register_module("users", torch::nn::Embedding(user_count, factors));
    items = register_module("items", torch::nn::Embedding(item_count, factors));
    item_bias = register_module("item_bias", torch::nn::Embedding(item_count, 1));
    const torch::NoGradGuard no_grad;
    users->weight.mul_(0.3);
    items->weight.mul_(0.3);
    item_bias->weight.zero_();
  }

  torch::Tensor forward(const torch::Tensor& pairs) {
    const torch::Tensor ids = pairs.to(torch::kLong);
    const torch::Tensor user = ids.select(1, 0);
    const torch::Tensor item = ids.select(1, 1);
    const torch::Tensor fit = (users(user) * items(item)).sum(1, /*keepdim=*/true);
    return fit + item_bias(item);
  }

  torch::nn::Embedding users{nullptr}, items{nullptr}, item_bias{nullptr};
};

struct Options {
  std::string job;
  std::vector<std::string> set;
  std::string out;
  bool overwrite = false;
  int replicas = 1;
};

Options read_options(int argc, char** argv) {
  Options options;
  for (int i = 1; i < argc; ++i) {
    const std::string word = argv[i];
    const bool has_value = i + 1 < argc;
    if (word == "--set" && has_value) {
      options.set.push_back(argv[++i]);
    } else if (word == "--out" && has_value) {
      options.out = argv[++i];
    } else if (word == "--replicas" && has_value) {
      options.replicas = std::atoi(argv[++i]);
    } else if (word == "--overwrite") {
      options.overwrite = true;
    } else if (options.job.empty() && !word.starts_with("-")) {
      options.job = word;
    } else {
      throw convoy::InputError("I do not understand " + word);
    }
  }
  if (options.job.empty()) throw convoy::InputError("say which job: recommender JOB.yaml");
  return options;
}

// How many users and items there are: the largest numbers in the training split and the others.
std::pair<std::int64_t, std::int64_t> count_ids(const convoy::Splits& splits) {
  torch::Tensor largest = torch::zeros({2});
  for (const auto& split : {splits.train, splits.validation, splits.test}) {
    if (!split || split->size() == 0) continue;
    if (split->spec().feature_shape != std::vector<std::int64_t>{2})
      throw convoy::InputError("data: a sample of the recommender is two numbers, user and item");
    std::vector<std::int64_t> all(static_cast<std::size_t>(split->size()));
    std::iota(all.begin(), all.end(), 0);
    largest = torch::maximum(largest, std::get<0>(split->read(all).features.max(0)));
  }
  return {largest[0].item<std::int64_t>() + 1, largest[1].item<std::int64_t>() + 1};
}

// This process' place among those that convoy launch, mpirun or srun started; alone without them.
void join_others(const convoy::Job& job, convoy::RunOptions& run) {
  const convoy::StrategyTraits traits = convoy::strategy_traits(job.strategy);
  const bool served = traits.servers;
  const auto timeout = std::chrono::milliseconds(std::llround(job.strategy.timeout * 1000));
  const auto place = convoy::worker_place();
  const bool several = place && place->workers > 1;
  run.servers = convoy::ServerGroup::from_environment(timeout, traits.backups);
  if (!served && run.servers)
    throw convoy::InputError("launch --servers: the job's strategy takes no servers");
  if (served && several && !run.servers)
    throw convoy::InputError("the job's strategy needs convoy launch --servers S");
  if (!served && several) run.group = convoy::join_group(*place, {job.strategy.transport, timeout});
  if (std::getenv("CONVOY_WORKER") != nullptr)
    throw convoy::InputError("launch --workers MIN:MAX: the recommender takes a fixed number");
}

void train(const Options& options) {
  const convoy::Job job = convoy::load_job(options.job, options.set);
  convoy::RunOptions run;
  join_others(job, run);
  // Whoever comes in place of a lost worker finds the run begun.
  const bool first = run.servers ? run.servers->rank() == 0 && !run.servers->begun()
                                 : !run.group || run.group->rank() == 0;
  convoy::Splits splits = convoy::load_splits(convoy::load_options(job), run.group.get());
  const auto [users, items] = count_ids(splits);

  run.replicas = options.replicas;
  run.out = options.out.empty() ? convoy::default_run_folder(job.name)
                                : std::filesystem::path(options.out);
  run.data_fingerprint = splits.fingerprint;
  std::optional<convoy::RunFolder> folder;
  if (first) {
    folder.emplace(
        run.out, options.overwrite ? convoy::ExistingRun::overwrite : convoy::ExistingRun::refuse);
    convoy::write_file_atomically(run.out / "job.yaml", convoy::print_job(job));
  }
  const auto bar = convoy::progress(stderr);
  convoy::HtmlReport report;
  run.observers = {&report};
  if (first || run.servers) run.observers.push_back(bar.get());

  convoy::Trainer trainer(
      convoy::trainer_options(job), convoy::model_factory<Recommender>(users, items),
      convoy::make_loss(job.loss, splits.train->spec()),
      {splits.train, splits.validation, splits.test, std::move(splits.values)}, run);
  const convoy::RunSummary summary = trainer.run();
  if (!summary.json.contains("final")) return;  // another worker tells it
  std::cout << users << " users, " << items << " items\n"
            << "test_accuracy  " << summary.json["final"]["test_accuracy"] << "\n"
            << "test_loss      " << summary.json["final"]["test_loss"] << "\n"
            << "weights_sha256 " << summary.weights_sha256 << "\n";
}

int complain(const std::exception& error, int status) {
  std::cerr << "recommender: " << error.what() << "\n";
  return status;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    train(read_options(argc, argv));
    return 0;
  } catch (const convoy::InputError& error) {
    return complain(error, 2);
  } catch (const convoy::PeerError& error) {
    return complain(error, 75);  // by which convoy launch looks for the cause at another worker
  } catch (const std::exception& error) {
    return complain(error, 1);
  }
}
