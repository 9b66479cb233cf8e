#include "schema/reference.hpp"

#include <string_view>

#include "convoy/job/job.hpp"

namespace convoy {
namespace {

constexpr std::string_view introduction = R"(# The job file

A job is one YAML file that says everything about a run: the data, the model, how it is trained and
measured. `convoy train JOB.yaml` runs it. The same job gives the same weights, bit for bit, with any
number of replicas (on one CPU instruction set and one build of libtorch).

- Only `data.train` is needed (and `data.target` where it is one table); every other key has a
  default. `convoy train --print-job JOB.yaml` prints the job with all of them filled in.
- `--set KEY=VALUE` changes any key from the command line, in order, as often as wanted:
  `--set train.batch=128`; items of a list by number, from 0: `--set model.layers.0.conv.channels=16`;
  a whole section, which replaces all that the file says of it:
  `--set 'train.optimizer={kind: adam, rate: 0.001}'`.
- The file is read strictly. A key that is unknown or does not count, a wrong type, a value out of
  range and an impossible combination each end with status 2 and one line: file, line and key, what
  is wrong, what to write instead.
- A single value may stand for a list of one (`target: species`) and, where it is said below, for a
  whole section (`optimizer: adam`).

## Example

```yaml
name: irises
seed: 1
data:
  train: iris.csv            # next to this file
  target: species
  csv:
    missing: ["", "?"]
  validation: 0.1
  test_part: 0.2
preprocess:
  - impute: median
  - standardise
model:
  kind: mlp
  hidden: [64, 32]
  activation: gelu
  dropout: 0.1
train:
  epochs: 30
  batch: 32
  lanes: 8
  optimizer: {kind: adamw, rate: 0.003, weight_decay: 0.01}
  schedule: {kind: cosine, warmup: 20}
  clip: 1.0
evaluate:
  best: f1
```

A network spelled out, layer by layer:

```yaml
model:
  kind: layers
  layers:
    - conv: {channels: 32, kernel: 5, padding: 2}
    - batch_norm
    - relu
    - max_pool: 2
    - flatten
    - dropout: 0.25
    - linear: 10
```
)";

}  // namespace

std::string job_reference() {
  Job defaults;
  return std::string(introduction) + "\n## Keys\n\n" +
         schema::reference([&](schema::Visitor& v) { describe(v, defaults); });
}

}  // namespace convoy
