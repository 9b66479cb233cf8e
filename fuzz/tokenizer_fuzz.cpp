// Any bytes are encoded, by a tokenizer learnt from any bytes, to tokens that decode to them, with
// any number of threads.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "convoy/data/text/tokenizer.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  const std::string_view learnt = text.substr(0, text.size() * data[0] / 255);
  const convoy::Tokenizer tokenizer = convoy::Tokenizer::train(learnt, 300, 1 + data[0] % 3);
  const auto tokens = tokenizer.encode(text);
  if (tokenizer.decode(tokens) != text) std::abort();
  if (tokenizer.encode(text, 3) != tokens) std::abort();
  if (convoy::Tokenizer::train(learnt, 300, 1).to_json() != tokenizer.to_json()) std::abort();
  if (convoy::Tokenizer::from_json(tokenizer.to_json()).encode(text) != tokens) std::abort();
  return 0;
}
