#include "convoy/train/options.hpp"

#include "convoy/metric/metric_kind.hpp"
#include "convoy/schema/schema.hpp"

namespace convoy::schema {

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
  describe(v, static_cast<BatchOptions&>(o));
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

void describe(Visitor& v, EvaluateOptions& o) {
  v.key("every", o.every, above(0),
        "epochs between evaluations on the validation split (the test split if there is none)");
  v.key("batch", o.batch, between(1, many), "samples a forward pass");
  std::vector<std::string_view> best = best_metrics();
  best.insert(best.begin(), "auto");
  v.key("best", o.best, choice(std::move(best)),
        "the metric that decides which checkpoint is the best; auto: accuracy, or rmse for "
        "regression");
}

}  // namespace convoy::schema
