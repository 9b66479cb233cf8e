// The keys of a job.
#include "convoy/job/job.hpp"
#include "convoy/schema/items.hpp"

namespace convoy::schema {
namespace {

constexpr double max_lanes = 4096;  // no real job reaches it

}  // namespace

void describe(Visitor& v, CheckpointOptions& o) {
  v.key("every", o.every, at_least(0), "steps between checkpoints; 0: at the end of each epoch");
  v.key("keep", o.keep, at_least(1), "the newest so many are kept, and the best");
  v.key("keep_every", o.keep_every, at_least(0),
        "checkpoints of steps that are multiples of it are kept too, forever; 0: none");
}

void describe(Visitor& v, TrainOptions& o) {
  v.key("epochs", o.epochs, between(0, many),
        "passes over the training samples; may be a fraction");
  v.key("steps", o.steps, between(0, 1e15),
        "steps (batches), instead of `epochs`; 0: from `epochs`");
  v.key("batch", o.batch, between(1, many).or_word("full", 0),
        "samples a step, over all lanes; full: the whole training split");
  v.key("lanes", o.lanes, between(1, max_lanes).or_word("auto", 0),
        "slices of each batch; the results depend on it, and not on who computes them. auto: 8, or "
        "`batch` if smaller");
  v.key("last_batch", o.last_batch, choice({"keep", "drop"}),
        "the short batch at the end of an epoch");
  v.section("optimizer", o.optimizer, "kind", "how gradients change the weights");
  v.section("schedule", o.schedule, "kind", "how the learning rate changes over time");
  v.section("clip", o.clip, "norm", "limits on the gradient");
  v.key("on_nonfinite", o.on_nonfinite, choice({"stop", "skip"}),
        "when a loss or gradient is NaN or infinite: stop with a message, or leave that step out");
  v.section("checkpoint", o.checkpoint, "every", "when state is saved");
  v.key("verify_every", o.verify_every, at_least(0),
        "steps after each of which the workers compare their weights: one that differs from the "
        "majority gets theirs; 0: at the end only");
}

void describe(Visitor& v, OuterOptions& o) {
  v.key("rate", o.rate, above(0), "1, without momentum: the plain mean");
  v.key("momentum", o.momentum, between(0, 1), "0.9 with Nesterov and rate 0.7: as DiLoCo");
  v.key("nesterov", o.nesterov, any(), "look ahead by the momentum");
}

void describe(Visitor& v, StrategyOptions& o) {
  v.key("kind", o.kind,
        choice({"synchronous", "parameter_server", "local_sgd", "elastic_averaging", "gossip"}),
        "how workers share what they learn (docs/strategies.md)");
  v.key("transport", o.transport, choice({"auto", "shm", "tcp", "mpi"}).replaces("gloo", "tcp"),
        "how workers talk; auto: shared memory on one host, tcp (under mpirun: MPI) between hosts");
  v.key("bucket", o.bucket, any(),
        "gradients that leave together while backward still runs, in MiB; off: all at its end; "
        "auto: the fastest of a few sizes, found in the first steps; never changes the result");
  v.key("timeout", o.timeout, between(1, 86400),
        "seconds that one worker may keep the others waiting before it counts as lost");
  v.key(
      "balance", o.balance, any(),
      "lanes move to the faster replicas and workers while the job runs; never changes the result");
  v.section("compression", o.compression, "kind",
            "fewer bytes between workers; changes the result");
  v.key("consistency", o.consistency, choice({"bsp", "ssp", "async"}),
        "parameter_server: bsp: all workers take each step together; ssp: none is more than "
        "`staleness` steps ahead; async: each at its own pace");
  v.key("staleness", o.staleness, between(0, many),
        "parameter_server, ssp: steps that a worker may be ahead of the slowest");
  v.key("servers", o.servers, between(1, 256), "parameter_server: servers that share the weights");
  v.key("backups", o.backups, between(0, 1),
        "parameter_server: 1: each range of the weights has a second server, which takes over when "
        "the first is lost");
  v.key("compensation", o.compensation, choice({"none", "dc_asgd", "staleness"}),
        "parameter_server, ssp and async: of the delay of a gradient: dc_asgd corrects it by the "
        "weights' change meanwhile (Zheng et al. 2017); staleness divides the rate by the delay");
  v.key("compensation_strength", o.compensation_strength, above(0), "dc_asgd: lambda");
  v.key("prefetch", o.prefetch, any(),
        "parameter_server, async: a worker pulls the weights for its next task while it computes; "
        "they lack the update of the task in between");
  v.key(
      "average_every", o.average_every, at_least(1),
      "local_sgd, elastic_averaging, gossip: steps that each worker takes alone between exchanges");
  v.section("outer", o.outer, "rate",
            "local_sgd: the optimizer that applies the workers' mean change");
  v.key("elasticity", o.elasticity, between(0, 1),
        "elastic_averaging: how far workers and their centre move towards each other");
  v.key("neighbours", o.neighbours, choice({"ring", "random"}),
        "gossip: with whom a worker averages: the next ones in turn, or one by chance");
}

void describe(Visitor& v, EvaluateOptions& o) {
  v.key("every", o.every, above(0),
        "epochs between evaluations on the validation split (the test split if there is none)");
  v.key("batch", o.batch, between(1, many), "samples a forward pass");
  v.key("best", o.best, choice({"auto", "loss", "accuracy", "f1", "roc_auc", "rmse", "mae", "r2"}),
        "the metric that decides which checkpoint is the best; auto: accuracy, or rmse for "
        "regression");
}

void describe(Visitor& v, ReportOptions& o) {
  v.key("every", o.every, at_least(1), "steps between `step` lines in metrics.jsonl");
  v.key("html", o.html, any(), "whether report.html is written");
  v.key("samples", o.samples, between(0, 1000), "sample predictions shown in the report");
}

void describe(Visitor& v, Job& o) {
  v.key("name", o.name, any(), "names the run");
  v.key("seed", o.seed, any(),
        "decides everything random: splits, order, initial weights, dropout");
  v.section("data", o.data, "", "where the samples come from");
  items(v, "preprocess", o.preprocess, preprocess_kinds(), any(),
        "steps applied in order to the features; their statistics come from the training split and "
        "go with the model");
  items(v, "augment", o.augment, augment_kinds(), any(),
        "random changes, in order, of each training image, anew each time it is used; before "
        "`preprocess`");
  v.section("partition", o.partition, "by",
            "how samples are divided over lanes (docs/partitioning.md)");
  v.section("model", o.model, "kind", "the network");
  v.key("loss", o.loss, choice({"auto", "cross_entropy", "log_loss", "squared_error"}),
        "what is minimised; auto: cross_entropy for classification, log_loss for binary, "
        "squared_error for regression");
  v.section("train", o.train, "", "how the weights are learned");
  v.section("strategy", o.strategy, "kind", "how the work is shared");
  v.section("evaluate", o.evaluate, "", "when and how the model is measured");
  v.section("report", o.report, "", "what is recorded");
}

}  // namespace convoy::schema
