#include "convoy/data/text/tokenizer.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <thread>
#include <unordered_map>

#include "convoy/core/error.hpp"
#include "data/formats/csv_lexer.hpp"
#include "data/text/merges.hpp"
#include "data/text/words.hpp"

namespace convoy {
namespace {

constexpr std::int64_t byte_tokens = 256;
constexpr std::int64_t most_vocabulary = 65'536;

/// Encodes words, each different one once.
class WordEncoder {
 public:
  explicit WordEncoder(const std::vector<std::pair<std::int32_t, std::int32_t>>& merges) {
    for (std::size_t i = 0; i < merges.size(); ++i)
      ranks_.emplace(key(merges[i].first, merges[i].second), static_cast<std::int32_t>(i));
  }

  void encode(std::string_view text, std::vector<std::int32_t>& out) {
    while (!text.empty()) {
      const std::string_view word = text.substr(0, word_length(text));
      text.remove_prefix(word.size());
      auto known = words_.find(word);
      if (known == words_.end()) known = words_.emplace(word, merged(word)).first;
      out.insert(out.end(), known->second.begin(), known->second.end());
    }
  }

 private:
  static std::uint64_t key(std::int32_t left, std::int32_t right) {
    return static_cast<std::uint64_t>(left) << 32 | static_cast<std::uint32_t>(right);
  }

  /// The earliest learnt merge first, until none applies.
  std::vector<std::int32_t> merged(std::string_view word) const {
    std::vector<std::int32_t> tokens;
    for (const char c : word) tokens.push_back(static_cast<unsigned char>(c));
    while (true) {
      std::int32_t best = std::numeric_limits<std::int32_t>::max();
      for (std::size_t i = 1; i < tokens.size(); ++i) {
        const auto found = ranks_.find(key(tokens[i - 1], tokens[i]));
        if (found != ranks_.end()) best = std::min(best, found->second);
      }
      if (best == std::numeric_limits<std::int32_t>::max()) return tokens;
      std::size_t out = 0;
      for (std::size_t i = 0; i < tokens.size(); ++i, ++out) {
        const auto found =
            i + 1 < tokens.size() ? ranks_.find(key(tokens[i], tokens[i + 1])) : ranks_.end();
        const bool here = found != ranks_.end() && found->second == best;
        tokens[out] = here ? static_cast<std::int32_t>(byte_tokens) + best : tokens[i];
        if (here) ++i;
      }
      tokens.resize(out);
    }
  }

  std::unordered_map<std::uint64_t, std::int32_t> ranks_;
  std::unordered_map<std::string_view, std::vector<std::int32_t>> words_;
};

std::vector<std::string> token_bytes(
    const std::vector<std::pair<std::int32_t, std::int32_t>>& merges) {
  std::vector<std::string> tokens;
  for (std::int64_t c = 0; c < byte_tokens; ++c)
    tokens.emplace_back(1, static_cast<char>(static_cast<unsigned char>(c)));
  for (const auto& [left, right] : merges)
    tokens.push_back(tokens[static_cast<std::size_t>(left)] +
                     tokens[static_cast<std::size_t>(right)]);
  return tokens;
}

}  // namespace

Tokenizer::Tokenizer() : Tokenizer(std::vector<Pair>{}) {}

Tokenizer::Tokenizer(std::vector<Pair> merges)
    : merges_(std::move(merges)), tokens_(token_bytes(merges_)) {}

Tokenizer Tokenizer::train(std::string_view text, std::int64_t vocabulary, int threads) {
  if (vocabulary < byte_tokens || vocabulary > most_vocabulary) {
    throw InputError(fmt::format("data.text.vocabulary: {} is not from {} to {}", vocabulary,
                                 byte_tokens, most_vocabulary));
  }
  return Tokenizer(learn_merges(text, static_cast<std::size_t>(vocabulary - byte_tokens), threads));
}

std::vector<std::int32_t> Tokenizer::encode(std::string_view text, int threads) const {
  const std::vector<std::string_view> pieces =
      cut_between_words(text, static_cast<std::size_t>(std::max(1, threads)));
  std::vector<std::vector<std::int32_t>> parts(pieces.size());
  {
    std::vector<std::jthread> workers;
    for (std::size_t i = 0; i < pieces.size(); ++i) {
      const auto encode = [this, &out = parts[i], piece = pieces[i]] {
        WordEncoder(merges_).encode(piece, out);
      };
      if (pieces.size() == 1)
        encode();
      else
        workers.emplace_back(encode);
    }
  }
  std::vector<std::int32_t> tokens;
  for (const std::vector<std::int32_t>& part : parts)
    tokens.insert(tokens.end(), part.begin(), part.end());
  return tokens;
}

std::string Tokenizer::decode(std::span<const std::int32_t> tokens) const {
  std::string text;
  for (const std::int32_t token : tokens) {
    if (token < 0 || token >= size())
      throw InputError(fmt::format("there is no token {}; there are {}", token, size()));
    text += bytes(token);
  }
  return text;
}

std::string Tokenizer::name(std::int32_t token) const {
  const std::string& raw = bytes(token);
  const bool readable = is_utf8(raw);
  std::string out;
  for (const char c : raw) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '\n')
      out += "\\n";
    else if (c == '\t')
      out += "\\t";
    else if (c == '\\')
      out += "\\\\";
    else if (byte < 0x20 || byte == 0x7f || (byte >= 0x80 && !readable))
      out += fmt::format("\\x{:02x}", byte);
    else
      out += c;
  }
  return out;
}

nlohmann::ordered_json Tokenizer::to_json() const {
  nlohmann::ordered_json json{{"merges", nlohmann::ordered_json::array()}};
  for (const auto& [left, right] : merges_) json["merges"].push_back({left, right});
  return json;
}

Tokenizer Tokenizer::from_json(const nlohmann::ordered_json& json) {
  std::vector<Pair> merges;
  std::vector<std::size_t> lengths(byte_tokens, 1);
  for (const auto& merge : json.at("merges")) {
    const auto left = merge.at(0).get<std::int64_t>();
    const auto right = merge.at(1).get<std::int64_t>();
    const auto known = static_cast<std::int64_t>(lengths.size());
    const bool sound =
        left >= 0 && left < known && right >= 0 && right < known && known < most_vocabulary &&
        lengths[static_cast<std::size_t>(left)] + lengths[static_cast<std::size_t>(right)] <=
            longest_word;
    if (!sound) throw InputError("the tokenizer is damaged");
    lengths.push_back(lengths[static_cast<std::size_t>(left)] +
                      lengths[static_cast<std::size_t>(right)]);
    merges.emplace_back(static_cast<std::int32_t>(left), static_cast<std::int32_t>(right));
  }
  return Tokenizer(std::move(merges));
}

}  // namespace convoy
