// Declared in data/preprocess/steps/steps.hpp.
// tokens: a text as the numbers of its words or of parts of them.
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <thread>
#include <unordered_map>

#include "convoy/core/error.hpp"
#include "convoy/data/text/tokenizer.hpp"
#include "data/formats/csv_lexer.hpp"
#include "data/preprocess/column_counts.hpp"
#include "data/preprocess/steps/columns.hpp"
#include "data/preprocess/steps/steps.hpp"
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

using Texts = std::map<std::string, std::int64_t>;  // how often each is there

/// The most frequent words (of equally frequent ones those that come first by their bytes),
/// ascending.
std::vector<std::string> frequent_words(const Texts& texts, std::int64_t most) {
  std::map<std::string, std::int64_t, std::less<>> counts;
  for (const auto& [text, times] : texts) {
    for_each_word(text, [&, n = times](std::string_view word) {
      const auto known = counts.find(word);
      (known == counts.end() ? counts.emplace(word, 0).first : known)->second += n;
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
Tokenizer learnt_tokenizer(const Texts& texts, std::int64_t vocabulary) {
  std::string text;
  for (const auto& [one, times] : texts) text += one + "\n";
  const auto threads = static_cast<int>(std::max(1U, std::thread::hardware_concurrency()));
  return Tokenizer::train(text, vocabulary, threads);
}

/// At most `step.width` tokens.
Tokens encode(const FittedStep& step, std::string_view text) {
  Tokens tokens;
  if (step.tokenizer) {
    tokens = step.tokenizer->encode(text);
  } else {
    const std::vector<std::string>& words = step.categories[0];
    for_each_word(text, [&](std::string_view word) {
      const auto at = std::lower_bound(words.begin(), words.end(), word);
      const bool known = at != words.end() && *at == word;
      tokens.push_back(known ? static_cast<std::int32_t>(at - words.begin()) + 1 : unknown_word);
    });
  }
  if (std::ssize(tokens) > step.width) tokens.resize(static_cast<std::size_t>(step.width));
  return tokens;
}

}  // namespace

FittedStep fit_tokens(const PreprocessStep& step, TrainingRows& rows, Peers* peers) {
  FittedStep fitted;
  fitted.kind = step.kind;
  fitted.columns = columns_of(step, rows.head(), false, true);
  const std::vector<std::string> names = feature_names(rows.head());
  if (fitted.columns.size() != 1 || names.size() != 1) {
    fail_step(step.kind,
              fmt::format("makes the whole sample of one column of text, but there are {}; leave "
                          "the others out with data.csv.ignore",
                          name_list(names)));
  }
  const Texts texts = count_values(fitted.columns, rows, peers)[0].texts;
  fitted.output = step.tokenizer;
  fitted.width = step.length;
  if (step.tokenizer == "word")
    fitted.categories.push_back(frequent_words(texts, step.vocabulary - 1));
  else
    fitted.tokenizer = std::make_shared<const Tokenizer>(
        step.tokenizer == "bpe" ? learnt_tokenizer(texts, step.vocabulary) : Tokenizer());
  std::size_t longest = 1;
  for (const auto& [text, times] : texts) longest = std::max(longest, encode(fitted, text).size());
  fitted.width = static_cast<std::int64_t>(longest);
  return fitted;
}

void apply_tokens(const FittedStep& step, Frame& frame) {
  require_text(step.kind, require_column(frame, step.kind, step.columns.at(0)), frame);
  replace_columns(step, frame, [&](std::size_t, const Column& column) {
    std::unordered_map<std::int32_t, Tokens> encoded;  // those that the rows have
    std::vector<Column> out(static_cast<std::size_t>(step.width));
    for (std::size_t i = 0; i < out.size(); ++i) {
      out[i].name = fmt::format("{}@{}", column.name, i);
      out[i].numbers.assign(column.codes.size(), padding);
    }
    for (std::size_t row = 0; row < column.codes.size(); ++row) {
      if (column.codes[row] < 0) continue;
      const auto [entry, added] = encoded.try_emplace(column.codes[row]);
      Tokens& tokens = entry->second;
      if (added) tokens = encode(step, column.categories[static_cast<std::size_t>(entry->first)]);
      for (std::size_t i = 0; i < tokens.size(); ++i) out[i].numbers[row] = tokens[i];
    }
    return out;
  });
}

}  // namespace convoy::steps
