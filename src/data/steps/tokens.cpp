// tokens: a text as the numbers of its words or of parts of them.
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <thread>

#include "convoy/core/error.hpp"
#include "convoy/data/tokenizer.hpp"
#include "data/csv_lexer.hpp"
#include "data/steps/columns.hpp"
#include "data/steps/steps.hpp"
#include "data/text/words.hpp"

namespace convoy::steps {
namespace {

constexpr std::int32_t unknown_word = 0;
constexpr double padding = -1;
using Tokens = std::vector<std::int32_t>;

/// The words of a text as byte-pair encoding has them, without blanks.
template <typename See>
void for_each_word(std::string_view text, const See& see) {
  while (!text.empty()) {
    std::string_view word = text.substr(0, word_length(text));
    text.remove_prefix(word.size());
    const std::size_t letter = word.find_first_not_of(" \t\n\v\f\r");
    if (letter != std::string_view::npos) see(word.substr(letter));
  }
}

/// How often each text of the column is there.
std::vector<std::int64_t> times_of(const Column& column) {
  std::vector<std::int64_t> times(column.categories.size());
  for (const std::int32_t code : column.codes)
    if (code >= 0) ++times[static_cast<std::size_t>(code)];
  return times;
}

/// The most frequent words (of equally frequent ones those that come first by their bytes),
/// ascending.
std::vector<std::string> frequent_words(const Column& column, std::int64_t most) {
  const std::vector<std::int64_t> times = times_of(column);
  std::map<std::string, std::int64_t, std::less<>> counts;
  for (std::size_t i = 0; i < times.size(); ++i) {
    if (times[i] == 0) continue;
    for_each_word(column.categories[i], [&](std::string_view word) {
      const auto known = counts.find(word);
      (known == counts.end() ? counts.emplace(word, 0).first : known)->second += times[i];
    });
  }
  std::vector<std::pair<std::string, std::int64_t>> by_count(counts.begin(), counts.end());
  std::stable_sort(by_count.begin(), by_count.end(),
                   [](const auto& a, const auto& b) { return a.second > b.second; });
  by_count.resize(std::min(by_count.size(), static_cast<std::size_t>(most)));
  std::vector<std::string> words;
  for (auto& [word, count] : by_count) words.push_back(std::move(word));
  std::sort(words.begin(), words.end());
  return words;
}

/// Learnt from each different text once.
Tokenizer learnt_tokenizer(const Column& column, std::int64_t vocabulary) {
  const std::vector<std::int64_t> times = times_of(column);
  std::string text;
  for (std::size_t i = 0; i < times.size(); ++i)
    if (times[i] > 0) text += column.categories[i] + "\n";
  const auto threads = static_cast<int>(std::max(1U, std::thread::hardware_concurrency()));
  return Tokenizer::train(text, vocabulary, threads);
}

class Encoder {
 public:
  explicit Encoder(const FittedStep& step) : step_(step) {
    if (step.output == "bpe") tokenizer_ = Tokenizer::from_json(step.tokenizer);
  }

  /// At most `step.width` tokens.
  Tokens encode(std::string_view text) const {
    Tokens tokens;
    if (step_.output != "word") {
      tokens = tokenizer_.encode(text);
    } else {
      const std::vector<std::string>& words = step_.categories[0];
      for_each_word(text, [&](std::string_view word) {
        const auto at = std::lower_bound(words.begin(), words.end(), word);
        const bool known = at != words.end() && *at == word;
        tokens.push_back(known ? static_cast<std::int32_t>(at - words.begin()) + 1 : unknown_word);
      });
    }
    if (std::ssize(tokens) > step_.width) tokens.resize(static_cast<std::size_t>(step_.width));
    return tokens;
  }

 private:
  const FittedStep& step_;
  Tokenizer tokenizer_;
};

/// What the column's texts become, those that no row has included.
std::vector<Tokens> encode_texts(const FittedStep& step, const Column& column) {
  const Encoder encoder(step);
  std::vector<Tokens> encoded;
  encoded.reserve(column.categories.size());
  for (const std::string& text : column.categories) encoded.push_back(encoder.encode(text));
  return encoded;
}

/// The longest that a row has.
std::int64_t longest(const std::vector<Tokens>& encoded, const Column& column) {
  std::size_t most = 1;
  for (const std::int32_t code : column.codes)
    if (code >= 0) most = std::max(most, encoded[static_cast<std::size_t>(code)].size());
  return static_cast<std::int64_t>(most);
}

}  // namespace

FittedStep fit_tokens(const PreprocessStep& step, Frame& frame) {
  FittedStep fitted;
  fitted.kind = step.kind;
  fitted.columns = columns_of(step, frame, false, true);
  if (fitted.columns.size() != 1 || frame.features.size() != 1) {
    const std::vector<std::string> names = feature_names(frame);
    fail_step(step.kind,
              fmt::format("makes the whole sample of one column of text, but there are {}; leave "
                          "the others out with data.csv.ignore",
                          name_list(names)));
  }
  const Column& column = frame.features[0];
  fitted.output = step.tokenizer;
  fitted.width = step.length;
  if (step.tokenizer == "word")
    fitted.categories.push_back(frequent_words(column, step.vocabulary - 1));
  if (step.tokenizer == "bpe")
    fitted.tokenizer = learnt_tokenizer(column, step.vocabulary).to_json();
  fitted.width = longest(encode_texts(fitted, column), column);
  return fitted;
}

void apply_tokens(const FittedStep& step, Frame& frame) {
  require_text(step.kind, require_column(frame, step.kind, step.columns.at(0)), frame);
  replace_columns(step, frame, [&](std::size_t, const Column& column) {
    const std::vector<Tokens> encoded = encode_texts(step, column);
    std::vector<Column> out(static_cast<std::size_t>(step.width));
    for (std::size_t i = 0; i < out.size(); ++i) {
      out[i].name = fmt::format("{}@{}", column.name, i);
      out[i].numbers.assign(column.codes.size(), padding);
    }
    for (std::size_t row = 0; row < column.codes.size(); ++row) {
      if (column.codes[row] < 0) continue;
      const Tokens& tokens = encoded[static_cast<std::size_t>(column.codes[row])];
      for (std::size_t i = 0; i < tokens.size(); ++i) out[i].numbers[row] = tokens[i];
    }
    return out;
  });
}

}  // namespace convoy::steps
