// Declared in convoy/job/job.hpp.
// The keys of a job.
#include "convoy/data/images/augment.hpp"
#include "convoy/data/preprocess/step.hpp"
#include "convoy/job/job.hpp"

namespace convoy::schema {

void describe(Visitor& v, Job& o) {
  v.key("name", o.name, any(), "names the run");
  v.key("seed", o.seed, any(),
        "decides everything random: splits, order, initial weights, dropout");
  v.section("data", o.data, "", "where the samples come from");
  chosen_items(
      v, preprocess_steps(), "preprocess", o.preprocess, any(),
      "steps applied in order to the features; their statistics come from the training split and "
      "go with the model");
  chosen_items(
      v, augmentations(), "augment", o.augment, any(),
      "random changes, in order, of each training image, anew each time it is used; before "
      "`preprocess`");
  v.section("partition", o.partition, "by",
            "how samples are divided over lanes (docs/partitioning.md)");
  v.section("model", o.model, "kind", "the network");
  v.section("loss", o.loss, "kind", "what is minimised");
  v.section("train", o.train, "", "how the weights are learned");
  v.section("strategy", o.strategy, "kind", "how the work is shared");
  v.section("evaluate", o.evaluate, "", "when and how the model is measured");
  v.section("report", o.report, "", "what is recorded");
}

}  // namespace convoy::schema
