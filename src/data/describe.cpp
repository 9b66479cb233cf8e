// Declared in convoy/data/options.hpp.
// The keys of a job that are about data, of which formats and sources say a part.
#include <fmt/format.h>

#include "convoy/data/formats/format.hpp"
#include "convoy/data/options.hpp"
#include "convoy/schema/schema.hpp"
#include "data/sources/address.hpp"

namespace convoy::schema {
namespace {

template <class Wanted>
std::string titles_of(const Wanted& wanted) {
  std::vector<std::string> titles;
  for (const auto& [name, kind] : formats().all()) {
    if (wanted(kind)) titles.push_back(kind.title);
  }
  return alternatives(titles);
}

std::string titles_of_holding(Holds holds) {
  return titles_of([holds](const FormatKind& kind) { return kind.holds == holds; });
}

/// What each format is, and by which names it is known.
std::string help_of_formats() {
  std::string text;
  for (const auto& [name, kind] : formats().all()) {
    text += fmt::format("; {}: {}", name, kind.doc);
    if (!kind.endings.empty()) text += fmt::format(" ({})", fmt::join(kind.endings, ", "));
  }
  return text;
}

}  // namespace

void describe(Visitor& v, DataFiles& o) {
  v.key("file", o.file, any(),
        fmt::format("holds features and target: a table ({}), {} or {}, as `format` says. A "
                    "pattern (`data_batch_*.bin`; `*` any text, `?` one character, `[a-z]` one of "
                    "these) is all files that match, in the order of their names' bytes, read as "
                    "one. As all paths here it may be the address of a file elsewhere ({}) or of a "
                    "database, for `query` ({}): [sources](sources.md)",
                    titles_of_holding(Holds::table), titles_of_holding(Holds::samples),
                    titles_of_holding(Holds::folder), alternatives(source_addresses(Gives::files)),
                    alternatives(source_addresses(Gives::rows))));
  v.key("features", o.features, any(),
        fmt::format("an array ({}), a table or a folder of images; goes with `labels`. "
                    "`FILE#NAME` is an array of an archive ({}: `digits.npz#x_train`, "
                    "`d.h5#train/x`), needed where there are several. Patterns as in `file`",
                    titles_of_holding(Holds::array),
                    titles_of([](const FormatKind& kind) { return kind.is_archive(); })));
  v.key("labels", o.labels, any(),
        "the same formats, one row a sample; goes with `features`. `FILE#NAME` and patterns as "
        "there");
  v.key(
      "query", o.query, any(),
      "of a database: the SQL query whose rows are the samples and whose columns are the table's "
      "(numbers, text; NULL is missing). It needs ORDER BY where the order must be the same every "
      "time");
}

void describe(Visitor& v, DataOptions& o) {
  std::vector<std::string_view> known = formats().names();
  known.insert(known.begin(), "auto");
  v.key("fetch", o.fetch, any(),
        fmt::format("a package, {}: relative paths below are inside it; without it they start at "
                    "the job file's folder",
                    alternatives(source_addresses(Gives::package))));
  v.key("format", o.format, choice(std::move(known)),
        fmt::format("of every file, which may be compressed with gzip or zstd; auto: found from "
                    "its name (.gz or .zst may stand after the ending) and content{}",
                    help_of_formats()));
  v.section("train", o.train, "file", "the training samples; needed");
  v.section("validation_files", o.validation_files, "file",
            "validation samples of their own, instead of `validation`");
  v.section("test", o.test, "file", "the test samples, instead of `test_part`");
  v.section("csv", o.csv, "",
            "how CSV and TSV files are read; `missing`, `categorical` and `ignore` hold for all "
            "tables");
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
