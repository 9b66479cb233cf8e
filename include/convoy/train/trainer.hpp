#pragma once
// The Trainer: synchronous data-parallel training whose result does not depend on who did the work.
#include <atomic>
#include <filesystem>
#include <functional>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "convoy/comm/communicator.hpp"
#include "convoy/compute/compute.hpp"
#include "convoy/core/tensor.hpp"
#include "convoy/data/dataset/dataset.hpp"
#include "convoy/data/formats/formats.hpp"
#include "convoy/loss/loss.hpp"
#include "convoy/model/columns.hpp"
#include "convoy/model/model.hpp"
#include "convoy/server/server_group.hpp"
#include "convoy/session/membership.hpp"
#include "convoy/train/observer.hpp"
#include "convoy/train/options.hpp"

#pragma GCC visibility push(default)

namespace convoy {

/// The data of a run. `validation` and `test` may be null.
struct TrainingData {
  std::shared_ptr<const Dataset> train;
  std::shared_ptr<const Dataset> validation;
  std::shared_ptr<const Dataset> test;
  /// partition.by: value or size: what each training sample is partitioned by, in the order of
  /// `train`: numbers (size: its tokens), or codes into categories. The trainer lets go of it when
  /// it knows who gets what.
  Column values = {};
};

/// How a run is carried out. Nothing here changes the trained weights by a bit.
struct RunOptions {
  int replicas = 1;  ///< threads, each with a network of its own
  /// Where weights, gradients and optimizer state are. Must outlive the model that run() returns.
  const Compute* device = &host_compute();
  std::filesystem::path out;  ///< the run's folder; empty: nothing is written
  bool resume = false;        ///< go on from the newest whole checkpoint in `out`, if there is one
  std::vector<Observer*> observers;  ///< told every event; must outlive run()
  const std::atomic<bool>* stop =
      nullptr;  ///< set (by a signal handler): checkpoint after this step, throw Interrupted
  /// This worker's end of its group; null: the only worker. With several, `out` is worker 0's to
  /// write (checkpoints are written by all), and observers on other workers are told nothing.
  std::shared_ptr<Communicator> group;
  /// partition.by: column: who has which features, and the model cut in two; else null. Datasets
  /// then have the features of this worker alone, [n, its features]; all workers have the same
  /// samples and targets. The first layer's weight is on its workers; worker 0 gathers it at the
  /// end and when it resumes. The Trainer's `factory` makes the whole model.
  std::shared_ptr<const ColumnModel> columns;
  /// This worker's place in an elastic job: its groups come from there, one after the other, and
  /// `group` is not used. The whole optimizer state is then on every host, shared by the workers of
  /// one or each worker's own, so that any of them can be lost.
  Membership* membership = nullptr;
  /// Elastic, or with parameter servers: set (by a signal handler): this worker leaves the job,
  /// which goes on without it; run() returns an empty summary.
  const std::atomic<bool>* leave = nullptr;
  /// Elastic: called on the worker that writes the run's folder from now on, before it does, with
  /// whether the run goes on (its files are to be kept). With parameter servers: called where
  /// another one wrote it before.
  std::function<void(bool goes_on)> take_over;
  /// Elastic: Splits::fingerprint of what this worker loaded; members with other data are refused.
  std::string data_fingerprint;
  /// Parameter servers in processes of their own; null: they are threads of this one.
  std::shared_ptr<ServerGroup> servers;
  /// With parameter servers: one replica that sleeps so many seconds for each second that it
  /// computes, to see what a slower machine among the workers does; -1: none.
  int slow_replica = -1;
  double slowness = 0;
  std::filesystem::path trace;  ///< a Chrome trace of the run is written there; empty: none
  nlohmann::ordered_json
      model_meta;  ///< stored in model.pt and checkpoints: the fitted preprocessing, the job, and
                   ///< what was done about damaged data ("data", which summary.json repeats)
};

/// What a run came to; also summary.json (docs/run-folder.md lists the keys).
struct RunSummary {
  nlohmann::ordered_json json;
  std::string weights_sha256;
  /// A network with the final weights, in eval mode; by column on worker 0 alone, else null.
  std::shared_ptr<torch::nn::Module> model;
};

/// Trains `factory`'s model on data.train as `wanted` says (of a job: trainer_options).
///
/// The weights after each step are the same bits for any number of workers and replicas, when
/// workers are lost and join while it runs, and when a
/// run is stopped, killed and resumed, on one CPU instruction set and one libtorch build, provided
/// that the dataset and the network's forward are deterministic given libtorch's random numbers.
class Trainer {
 public:
  /// Throws InputError for combinations that cannot work (more lanes than samples in a batch, ...).
  Trainer(TrainerOptions wanted, ModelFactory factory, Loss loss, TrainingData data,
          RunOptions options);
  ~Trainer();

  /// Trains to the end (or resumes to it). Throws NonFiniteError, Interrupted, InputError, IoError,
  /// PeerError when another worker is lost. On workers other than 0 the summary holds
  /// weights_sha256 alone.
  /// Call once.
  RunSummary run();

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

/// Lanes of a run when `train.lanes` is 0: 8, or the batch size if that is smaller.
std::int64_t resolved_lanes(const TrainOptions& train, std::int64_t samples);

}  // namespace convoy

#pragma GCC visibility pop
