#include "data/formats/libsvm.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstring>
#include <limits>

#include "convoy/core/error.hpp"
#include "convoy/data/formats/format.hpp"
#include "data/formats/array.hpp"
#include "data/formats/column_builder.hpp"
#include "data/formats/csv_lexer.hpp"

namespace convoy {
namespace {

constexpr std::int64_t most_features = 1'000'000;

/// What is wrong with a line; a DataError once it is known which line.
struct LineProblem {
  std::string text;
};

std::string quoted(std::string_view token) {
  return is_utf8(token) ? in_quotes(token) : "text that is not UTF-8";
}

/// Takes the next word off the line; empty at its end or at a comment.
std::string_view next_word(std::string_view& line) {
  constexpr const char* blanks = " \t\r\v\f";
  const std::size_t first = std::min(line.find_first_not_of(blanks), line.size());
  line.remove_prefix(first);
  if (line.starts_with('#')) line = {};
  const std::string_view word = line.substr(0, line.find_first_of(" \t\r\v\f#"));
  line.remove_prefix(word.size());
  return word;
}

std::int64_t parse_index(std::string_view text, std::string_view word) {
  std::int64_t index = 0;
  const char* const end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, index);
  if (stop != end || text.empty() || text[0] == '-' || error == std::errc::invalid_argument)
    throw LineProblem{fmt::format("{} is not index:value", quoted(word))};
  if (error == std::errc::result_out_of_range) return std::numeric_limits<std::int64_t>::max();
  if (index == 0) throw LineProblem{"index 0, but the first feature has index 1"};
  return index;
}

float parse_value(std::string_view text, std::string_view word) {
  const ParsedField field = parse_number(text);
  if (field.kind == FieldKind::text)
    throw LineProblem{fmt::format("{} is not index:value", quoted(word))};
  const auto value = static_cast<float>(field.value);
  if (!std::isfinite(value)) {
    throw LineProblem{fmt::format("{}: the value is not a finite 32-bit number", quoted(word))};
  }
  return value;
}

/// The samples as the file has them: without the zeros.
class SparseSamples {
 public:
  explicit SparseSamples(const LibsvmOptions& options) : options_(options) {}

  /// Adds the line's sample, if there is one on it. Throws LineProblem, having added nothing.
  bool add(std::string_view line) {
    std::string_view word = next_word(line);
    if (word.empty()) return false;
    double label = std::numeric_limits<double>::quiet_NaN();
    const bool labelled = !options_.label_optional || word.find(':') == word.npos;
    if (labelled) {
      label = parse_label(word);
      word = next_word(line);
    }
    if (word.starts_with("qid:")) word = next_word(line);
    const std::size_t before = indices_.size();
    try {
      for (std::int64_t last = 0; !word.empty(); word = next_word(line))
        last = add_pair(word, last);
    } catch (const LineProblem&) {
      indices_.resize(before);
      values_.resize(before);
      throw;
    }
    if (indices_.size() > before) width_ = std::max<std::int64_t>(width_, indices_.back() + 1);
    labels_.push_back(label);
    ends_.push_back(indices_.size());
    return true;
  }

  /// A sample that cannot be read.
  void add_bad() {
    labels_.push_back(std::numeric_limits<double>::quiet_NaN());
    ends_.push_back(indices_.size());
  }

  std::int64_t size() const { return static_cast<std::int64_t>(ends_.size()); }
  std::int64_t width() const {
    if (!options_.columns.empty()) return options_.columns.size();
    return options_.width > 0 ? options_.width : width_;
  }
  std::vector<double> take_labels() { return std::move(labels_); }

  /// Row by row, zeros included.
  Array dense(const std::string& name) const {
    Array array;
    array.shape = {size(), width()};
    array.type = ElementType::f32;
    const auto elements = element_count(array.shape, array.type);
    if (!elements || *elements > options_.most_bytes / sizeof(float)) {
      throw DataError(name, fmt::format("{} samples of {} features take more than {} bytes with "
                                        "their zeros",
                                        size(), width(), options_.most_bytes));
    }
    std::vector<std::byte> bytes(*elements * sizeof(float));
    std::size_t pair = 0;
    std::byte* row = bytes.data();
    for (const std::size_t end : ends_) {
      for (; pair < end; ++pair)
        std::memcpy(row + indices_[pair] * sizeof(float), &values_[pair], sizeof(float));
      row += static_cast<std::size_t>(width()) * sizeof(float);
    }
    const auto owner = own(std::move(bytes));
    array.bytes = *owner;
    array.owner = owner;
    return array;
  }

 private:
  static double parse_label(std::string_view word) {
    const ParsedField field = parse_number(word);
    if (field.kind == FieldKind::text) {
      throw LineProblem{
          fmt::format("the label {} is not a number{}", quoted(word),
                      word.find(':') != word.npos ? "; a line begins with its label" : "")};
    }
    if (field.kind == FieldKind::nonfinite)
      throw LineProblem{fmt::format("the label {} is not a finite number", quoted(word))};
    return field.value;
  }

  /// Returns the pair's index.
  std::int64_t add_pair(std::string_view word, std::int64_t last) {
    const std::size_t colon = std::min(word.find(':'), word.size());
    const std::int64_t index = parse_index(word.substr(0, colon), word);
    const float value = parse_value(word.substr(std::min(colon + 1, word.size())), word);
    if (index <= last)
      throw LineProblem{fmt::format("index {} after index {}; they must ascend", index, last)};
    if (options_.width > 0 && index > options_.width) {
      throw LineProblem{fmt::format("index {}, but a sample has {} features (data.width)", index,
                                    options_.width)};
    }
    if (index > most_features)
      throw LineProblem{fmt::format("index {} is above {}", index, most_features)};
    const Range& columns = options_.columns;
    if (columns.empty() || (columns.begin < index && index <= columns.end)) {
      indices_.push_back(static_cast<std::uint32_t>(index - 1 - columns.begin));
      values_.push_back(value);
    }
    return index;
  }

  const LibsvmOptions& options_;
  std::vector<double> labels_;
  std::vector<std::size_t> ends_;  // of each sample's pairs
  std::vector<std::uint32_t> indices_;
  std::vector<float> values_;
  std::int64_t width_ = 0;
};

}  // namespace

bool is_libsvm(std::string_view text) {
  constexpr std::size_t enough = 4096;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (line.size() > enough) line = line.substr(0, line.find_last_of(" \t", enough));
    try {
      const LibsvmOptions options;
      SparseSamples samples(options);
      if (samples.add(line)) return samples.width() > 0;
    } catch (const LineProblem&) {
      return false;
    }
  }
  return false;
}

LibsvmSamples parse_libsvm(std::string_view text, const std::string& name,
                           const LibsvmOptions& options) {
  LibsvmSamples out;
  SparseSamples samples(options);
  for (std::int64_t line = 1; !text.empty(); ++line) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    try {
      samples.add(text.substr(0, end));
    } catch (const LineProblem& problem) {
      const DataError error(fmt::format("{}:{}", name, line), problem.text);
      if (!options.tolerant) throw error;
      note_bad_row(out.bad, samples.size(), error.what());
      samples.add_bad();
    }
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  if (samples.size() == 0) throw DataError(fmt::format("{}:1", name), "is empty");
  if (samples.width() == 0)
    throw DataError(name, "has no features: there is no index:value on any line");
  out.features = samples.dense(name);
  out.labels = samples.take_labels();
  return out;
}

namespace {

FormatKind libsvm_kind() {
  FormatKind kind;
  kind.name = "libsvm";
  kind.doc =
      "LIBSVM: `label index:value ...` a line; indices ascend from 1, what is not there is 0, "
      "`qid:` counts for nothing";
  kind.title = "LIBSVM";
  kind.holds = Holds::samples;
  kind.endings = {".libsvm", ".svm", ".svmlight"};
  kind.text_likeness = [](const Content& file) {
    return is_libsvm(file.text()) ? Likeness::text : Likeness::none;
  };
  kind.samples = [](const Content& file, const SampleOptions& wanted) {
    LibsvmSamples read = parse_libsvm(file.text(), file.name,
                                      {.width = wanted.width,
                                       .label_optional = wanted.label_optional,
                                       .tolerant = wanted.tolerant,
                                       .columns = wanted.columns});
    return Samples{std::move(read.features), std::move(read.labels), std::move(read.bad)};
  };
  kind.sparse = true;
  return kind;
}

const schema::Registered libsvm_format(formats(), libsvm_kind());

}  // namespace

}  // namespace convoy
