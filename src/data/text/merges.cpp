#include "data/text/merges.hpp"

#include <algorithm>
#include <map>
#include <queue>
#include <string>
#include <thread>
#include <unordered_map>

#include "data/text/words.hpp"

namespace convoy {
namespace {

using TokenPair = std::pair<std::int32_t, std::int32_t>;
using WordCounts = std::unordered_map<std::string_view, std::int64_t>;

/// How often each word is in a text.
WordCounts count_words(std::string_view text, int threads) {
  const std::vector<std::string_view> pieces =
      cut_between_words(text, static_cast<std::size_t>(threads));
  std::vector<WordCounts> counts(pieces.size());
  {
    std::vector<std::jthread> workers;
    for (std::size_t i = 0; i < pieces.size(); ++i) {
      workers.emplace_back([&counts, piece = pieces[i], i]() mutable {
        for (; !piece.empty();) {
          const std::size_t length = word_length(piece);
          ++counts[i][piece.substr(0, length)];
          piece.remove_prefix(length);
        }
      });
    }
  }
  WordCounts all;
  for (const WordCounts& part : counts) {
    for (const auto& [word, count] : part) all[word] += count;
  }
  return all;
}

/// The different words of a text as tokens, and the pairs of neighbours in them.
class PairTable {
 public:
  explicit PairTable(const WordCounts& counts) {
    // In an order of their own: that of a hash table differs from run to run.
    const std::map<std::string_view, std::int64_t> sorted(counts.begin(), counts.end());
    for (const auto& [word, count] : sorted) {
      Word& added = words_.emplace_back();
      added.count = count;
      for (const char c : word) added.tokens.push_back(static_cast<unsigned char>(c));
      const std::size_t number = words_.size() - 1;
      for_pairs(added.tokens,
                [&, times = count](const TokenPair& pair) { change(pair, times, number); });
    }
    for (const auto& [pair, entry] : pairs_) queue_.push({entry.count, pair});
  }

  /// The commonest pair that is there at least twice; count 0 if there is none.
  std::pair<std::int64_t, TokenPair> commonest() {
    while (!queue_.empty()) {
      const Candidate best = queue_.top();
      const std::int64_t now = pairs_[best.pair].count;
      if (now == best.count && now >= 2) return {now, best.pair};
      queue_.pop();
      if (now >= 2) queue_.push({now, best.pair});
    }
    return {0, {}};
  }

  /// Makes every `pair` one token.
  void merge(const TokenPair& pair, std::int32_t token) {
    std::vector<std::size_t> places = std::move(pairs_[pair].words);
    std::sort(places.begin(), places.end());
    places.erase(std::unique(places.begin(), places.end()), places.end());
    std::map<TokenPair, bool> grown;
    for (const std::size_t number : places) {
      Word& word = words_[number];
      for_pairs(word.tokens, [&](const TokenPair& old) { change(old, -word.count, number); });
      join(word.tokens, pair, token);
      for_pairs(word.tokens, [&](const TokenPair& fresh) {
        change(fresh, word.count, number);
        grown[fresh] = true;
      });
    }
    pairs_.erase(pair);
    for (const auto& [fresh, yes] : grown) queue_.push({pairs_[fresh].count, fresh});
  }

 private:
  struct Word {
    std::vector<std::int32_t> tokens;
    std::int64_t count = 0;
  };
  struct Entry {
    std::int64_t count = 0;
    std::vector<std::size_t> words;  // that have it, or had it once
  };
  struct Candidate {
    std::int64_t count;
    TokenPair pair;
    bool operator<(const Candidate& other) const {
      return count != other.count ? count < other.count : pair > other.pair;
    }
  };

  template <typename Action>
  static void for_pairs(const std::vector<std::int32_t>& tokens, Action action) {
    for (std::size_t i = 1; i < tokens.size(); ++i) action(TokenPair{tokens[i - 1], tokens[i]});
  }

  void change(const TokenPair& pair, std::int64_t by, std::size_t word) {
    Entry& entry = pairs_[pair];
    entry.count += by;
    if (by > 0 && (entry.words.empty() || entry.words.back() != word)) entry.words.push_back(word);
  }

  static void join(std::vector<std::int32_t>& tokens, const TokenPair& pair, std::int32_t token) {
    std::size_t out = 0;
    for (std::size_t i = 0; i < tokens.size(); ++i, ++out) {
      const bool here =
          i + 1 < tokens.size() && tokens[i] == pair.first && tokens[i + 1] == pair.second;
      tokens[out] = here ? token : tokens[i];
      if (here) ++i;
    }
    tokens.resize(out);
  }

  std::vector<Word> words_;
  std::map<TokenPair, Entry> pairs_;
  std::priority_queue<Candidate> queue_;  // counts may have fallen since
};

}  // namespace

std::vector<TokenPair> learn_merges(std::string_view text, std::size_t most, int threads) {
  PairTable table(count_words(text, std::max(1, threads)));
  std::vector<TokenPair> merges;
  while (merges.size() < most) {
    const auto [count, pair] = table.commonest();
    if (count == 0) break;
    table.merge(pair, static_cast<std::int32_t>(256 + merges.size()));
    merges.push_back(pair);
  }
  return merges;
}

}  // namespace convoy
