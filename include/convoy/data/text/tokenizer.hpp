#pragma once
// Text as numbers and back: bytes, or byte-pair encoding (Sennrich et al. 2016, on bytes as GPT-2
// has it). Any text, valid UTF-8 or not, is encoded, and decodes to itself.
#include <cstdint>
#include <nlohmann/json.hpp>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#pragma GCC visibility push(default)

namespace convoy {

/// Immutable after construction; thread-safe.
class Tokenizer {
 public:
  /// A token a byte.
  Tokenizer();

  /// Learns up to `vocabulary` - 256 merges from a text: again and again the pair of neighbouring
  /// tokens that is in it most often (of several the one with the smallest numbers) becomes a
  /// token, until no pair is there twice. Pairs are counted within words, with `threads` threads,
  /// whose number changes nothing. Throws InputError for a vocabulary below 256 or above 65,536.
  static Tokenizer train(std::string_view text, std::int64_t vocabulary, int threads);

  /// The numbers of the tokens of a text, 0 .. size() - 1.
  std::vector<std::int32_t> encode(std::string_view text, int threads = 1) const;
  /// Throws InputError for a number that no token has.
  std::string decode(std::span<const std::int32_t> tokens) const;

  std::int64_t size() const { return static_cast<std::int64_t>(tokens_.size()); }
  /// A token's bytes.
  const std::string& bytes(std::int32_t token) const {
    return tokens_[static_cast<std::size_t>(token)];
  }
  /// A token for people: printable UTF-8, all different; "\n" for a line's end, "\xe2" for a byte
  /// that is no character by itself.
  std::string name(std::int32_t token) const;

  nlohmann::ordered_json to_json() const;
  /// Throws InputError when the record is damaged.
  static Tokenizer from_json(const nlohmann::ordered_json& json);

 private:
  using Pair = std::pair<std::int32_t, std::int32_t>;
  explicit Tokenizer(std::vector<Pair> merges);

  std::vector<Pair> merges_;         // merge i makes token 256 + i
  std::vector<std::string> tokens_;  // bytes by number
};

}  // namespace convoy

#pragma GCC visibility pop
