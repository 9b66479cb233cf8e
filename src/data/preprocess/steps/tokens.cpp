// tokens: a text as the numbers of its words or of parts of them.
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <thread>
#include <unordered_map>

#include "convoy/core/error.hpp"
#include "convoy/data/preprocess/column_counts.hpp"
#include "convoy/data/preprocess/columns.hpp"
#include "convoy/data/text/tokenizer.hpp"
#include "data/formats/csv_lexer.hpp"
#include "data/preprocess/record.hpp"
#include "data/text/words.hpp"

namespace convoy {

void describe(schema::Visitor& v, TokensOptions& o) {
  v.key("tokenizer", o.tokenizer, schema::choice({"word", "byte", "bpe"}),
        "word: the most frequent words, figures and marks, and 0 for all others; byte: the 256 "
        "bytes; bpe: byte-pair encoding learnt from the training split");
  v.key("vocabulary", o.vocabulary, schema::between(2, 1 << 24),
        "word, bpe: different tokens at most");
  v.key("length", o.length, schema::between(1, 65'536), "what is beyond so many tokens is cut off");
  describe_columns(v, o.columns);
}

}  // namespace convoy

namespace convoy::steps {
namespace {

constexpr std::int32_t unknown_word = 0;
constexpr double padding = -1;
constexpr std::int64_t most_tokens = 65'536;  // each a column of the matrix
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

/// What makes tokens of a text.
struct Encoder {
  std::string name;                             // word | byte | bpe
  std::vector<std::string> words;               // word: ascending
  std::shared_ptr<const Tokenizer> pairs = {};  // byte, bpe

  /// At most `most` of them.
  Tokens encode(std::string_view text, std::int64_t most) const {
    Tokens tokens;
    if (pairs) {
      tokens = pairs->encode(text);
    } else {
      for_each_word(text, [&](std::string_view word) {
        const auto at = std::lower_bound(words.begin(), words.end(), word);
        const bool known = at != words.end() && *at == word;
        tokens.push_back(known ? static_cast<std::int32_t>(at - words.begin()) + 1 : unknown_word);
      });
    }
    if (std::ssize(tokens) > most) tokens.resize(static_cast<std::size_t>(most));
    return tokens;
  }
};

/// The column becomes `width` ones: the numbers of a text's tokens, then -1.
class TokensStep final : public FittedStep {
 public:
  TokensStep(std::vector<std::string> columns, Encoder encoder, std::int64_t width)
      : FittedStep("tokens", std::move(columns)), encoder_(std::move(encoder)), width_(width) {}

  void save(nlohmann::ordered_json& record) const override {
    record["output"] = encoder_.name;
    if (encoder_.name == "word")
      record["categories"] = nlohmann::ordered_json::array({encoder_.words});
    if (encoder_.name == "bpe") record["tokenizer"] = encoder_.pairs->to_json();
    record["width"] = width_;
  }

  void apply(Frame& frame) const override {
    require_text(kind(), require_column(frame, kind(), columns().at(0)), frame);
    replace_columns(*this, frame,
                    [&](std::size_t, const Column& column) { return token_columns(column); });
  }

 private:
  std::vector<Column> token_columns(const Column& column) const {
    std::unordered_map<std::int32_t, Tokens> encoded;  // those that the rows have
    std::vector<Column> out(static_cast<std::size_t>(width_));
    for (std::size_t i = 0; i < out.size(); ++i) {
      out[i].name = fmt::format("{}@{}", column.name, i);
      out[i].numbers.assign(column.codes.size(), padding);
    }
    for (std::size_t row = 0; row < column.codes.size(); ++row) {
      if (column.codes[row] < 0) continue;
      const auto [entry, added] = encoded.try_emplace(column.codes[row]);
      Tokens& tokens = entry->second;
      if (added) {
        const auto code = static_cast<std::size_t>(entry->first);
        tokens = encoder_.encode(column.categories[code], width_);
      }
      for (std::size_t i = 0; i < tokens.size(); ++i) out[i].numbers[row] = tokens[i];
    }
    return out;
  }

  Encoder encoder_;
  std::int64_t width_;
};

Encoder learnt_encoder(const TokensOptions& chosen, const Texts& texts) {
  Encoder encoder{chosen.tokenizer, {}, nullptr};
  if (chosen.tokenizer == "word") {
    encoder.words = frequent_words(texts, chosen.vocabulary - 1);
  } else {
    encoder.pairs = std::make_shared<const Tokenizer>(
        chosen.tokenizer == "bpe" ? learnt_tokenizer(texts, chosen.vocabulary) : Tokenizer());
  }
  return encoder;
}

std::unique_ptr<FittedStep> fit_tokens(const schema::AnyOptions& options, TrainingRows& rows,
                                       Peers* peers) {
  const auto chosen = options.as<TokensOptions>();
  std::vector<std::string> columns = columns_of("tokens", chosen.columns, rows.head(), Holds::text);
  const std::vector<std::string> names = feature_names(rows.head());
  if (columns.size() != 1 || names.size() != 1) {
    fail_step("tokens",
              fmt::format("makes the whole sample of one column of text, but there are {}; leave "
                          "the others out with data.csv.ignore",
                          name_list(names)));
  }
  const Texts texts = count_values(columns, rows, peers)[0].texts;
  Encoder encoder = learnt_encoder(chosen, texts);
  std::size_t longest = 1;
  for (const auto& [text, times] : texts)
    longest = std::max(longest, encoder.encode(text, chosen.length).size());
  return std::make_unique<TokensStep>(std::move(columns), std::move(encoder),
                                      static_cast<std::int64_t>(longest));
}

std::unique_ptr<FittedStep> load_tokens(const nlohmann::ordered_json& record) {
  std::vector<std::string> columns = recorded_columns(record);
  const std::int64_t width = record.value("width", std::int64_t{0});
  Encoder encoder{recorded<std::string>(record, "output"), {}, nullptr};
  if (columns.size() != 1 || width < 1 || width > most_tokens) return nullptr;
  if (encoder.name == "word") {
    auto words = recorded<std::vector<std::vector<std::string>>>(record, "categories");
    if (words.size() != 1 || !ascend(words, true)) return nullptr;
    encoder.words = std::move(words[0]);
  } else if (encoder.name == "bpe") {
    encoder.pairs = std::make_shared<const Tokenizer>(Tokenizer::from_json(record.at("tokenizer")));
  } else if (encoder.name == "byte") {
    encoder.pairs = std::make_shared<const Tokenizer>();
  } else {
    return nullptr;
  }
  return std::make_unique<TokensStep>(std::move(columns), std::move(encoder), width);
}

std::int64_t different_tokens(const schema::AnyOptions& options) {
  const auto chosen = options.as<TokensOptions>();
  return chosen.tokenizer == "byte" ? 256 : chosen.vocabulary;
}

const schema::Registered tokens_step(
    preprocess_steps(),
    StepKind{{.name = "tokens",
              .doc = "text as numbers: each row becomes the numbers of its tokens, then -1 up to "
                     "the longest one's length. It is for the only feature column, and for layers "
                     "on sequences ([text](text.md))",
              .bare = "tokenizer",
              .options = TokensOptions{},
              .guarantees = {.columns = false}},
             fit_tokens,
             load_tokens,
             nullptr,
             [](const schema::AnyOptions&, std::span<const std::int64_t>) {
               return std::string("makes the whole sample");
             },
             nullptr,
             different_tokens});

}  // namespace
}  // namespace convoy::steps
