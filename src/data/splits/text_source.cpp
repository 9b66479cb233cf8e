// A text as the samples of a split: windows of tokens, and the token that follows each.
#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "convoy/core/error.hpp"
#include "core/machine.hpp"
#include "data/formats/array.hpp"
#include "data/formats/content.hpp"
#include "data/splits/source.hpp"
#include "data/text/words.hpp"

namespace convoy {
namespace {

/// The training, validation and test parts of a text; the latter two are empty where the job has
/// none or the text is no training file.
std::vector<std::string_view> cut_text(std::string_view text, const SourceOptions& options) {
  if (options.roles != nullptr) return {text, {}, {}};
  const auto place = [&](double part) {
    return next_word(text, static_cast<std::size_t>(static_cast<double>(text.size()) * (1 - part)));
  };
  const std::size_t test = options.data.test_part > 0 ? place(options.data.test_part) : text.size();
  const std::size_t validation =
      options.data.validation > 0
          ? std::min(test, place(options.data.validation + options.data.test_part))
          : test;
  return {text.substr(0, validation), text.substr(validation, test - validation),
          text.substr(test)};
}

std::string join_texts(const Located& located) {
  std::string joined;
  for (const Location& location : located.files) {
    const Content content = read_content(location.file);
    if (!joined.empty()) joined += '\n';
    joined += content.text();
  }
  return joined;
}

std::shared_ptr<const Tokenizer> tokenizer_for(std::string_view training_text,
                                               const SourceOptions& options) {
  if (options.roles != nullptr) return options.roles->tokenizer;
  const TextOptions& text = options.data.text;
  if (text.tokenizer == "byte") return std::make_shared<const Tokenizer>();
  return std::make_shared<const Tokenizer>(
      Tokenizer::train(training_text, text.vocabulary, usable_cores()));
}

/// Names of all tokens; of several alike the later ones with their number.
std::vector<std::string> token_names(const Tokenizer& tokenizer) {
  std::vector<std::string> names;
  std::map<std::string, bool> taken;
  for (std::int32_t token = 0; token < tokenizer.size(); ++token) {
    std::string name = tokenizer.name(token);
    if (!taken.emplace(name, true).second) name += fmt::format("\\#{}", token);
    names.push_back(std::move(name));
  }
  return names;
}

/// The smallest type that holds every token.
ElementType token_type(const Tokenizer& tokenizer) {
  return tokenizer.size() <= 256     ? ElementType::u8
         : tokenizer.size() <= 32768 ? ElementType::i16
                                     : ElementType::i32;
}

void append_token(std::vector<std::byte>& out, ElementType type, std::int32_t token) {
  const auto append = [&out](auto value) {
    const auto bytes = std::as_bytes(std::span(&value, 1));
    out.insert(out.end(), bytes.begin(), bytes.end());
  };
  if (type == ElementType::u8)
    append(static_cast<std::uint8_t>(token));
  else if (type == ElementType::i16)
    append(static_cast<std::int16_t>(token));
  else
    append(token);
}

/// The windows of one part of a text.
class WindowBuilder {
 public:
  WindowBuilder(std::int64_t length, std::int64_t stride, ElementType type)
      : length_(static_cast<std::size_t>(length)),
        stride_(static_cast<std::size_t>(stride)),
        type_(type) {}

  /// Appends; returns how many.
  std::int64_t add(const std::vector<std::int32_t>& tokens) {
    std::int64_t count = 0;
    for (std::size_t begin = 0; begin + length_ < tokens.size(); begin += stride_, ++count) {
      for (std::size_t i = 0; i < length_; ++i) append_token(features_, type_, tokens[begin + i]);
      targets_.push_back(tokens[begin + length_]);
    }
    return count;
  }
  std::vector<std::byte> take_features() { return std::move(features_); }
  std::vector<std::int32_t> take_targets() { return std::move(targets_); }

 private:
  std::size_t length_;
  std::size_t stride_;
  ElementType type_;
  std::vector<std::byte> features_;
  std::vector<std::int32_t> targets_;
};

void require_windows(std::int64_t windows, const char* part, std::size_t tokens,
                     std::int64_t length, const std::string& file) {
  if (windows > 0) return;
  throw DataError(file, fmt::format("{}has {} tokens, and a window of data.text.length {} and the "
                                    "token after it need {}",
                                    part, tokens, length, length + 1));
}

/// Fills in the array, the target, the tokenizer and, for the training file, where its splits are:
/// the file's end is the test split (data.test_part of its bytes), what comes before that the
/// validation split, and no window reaches from one into another. The tokenizer is learnt from the
/// training split alone, or is the one of `options.roles`. Several files are one text, with a
/// line's end between them.
void read_text(SourceRequest& request) {
  Source& source = request.source;
  const Located& located = request.located;
  const SourceOptions& options = request.options;
  source.file = located.name;
  std::string joined;
  const Content first = read_content(located.files[0].file);
  if (located.files.size() > 1) joined = join_texts(located);
  const std::string_view text = located.files.size() > 1 ? joined : first.text();
  const std::vector<std::string_view> parts = cut_text(text, options);
  source.tokenizer = tokenizer_for(parts[0], options);
  if (!source.tokenizer)
    throw DataError(located.name, "is text where the training data was something else");
  const ElementType type = token_type(*source.tokenizer);
  const std::int64_t length =
      options.roles != nullptr ? options.roles->width : options.data.text.length;
  WindowBuilder windows(length, options.data.text.stride, type);
  static constexpr const char* names[] = {"", "its validation part ", "its test part "};
  for (std::size_t i = 0; i < parts.size(); ++i) {
    const std::vector<std::int32_t> tokens = source.tokenizer->encode(parts[i], usable_cores());
    source.parts[i] = windows.add(tokens);
    if (i == 0 || !parts[i].empty())
      require_windows(source.parts[i], names[i], tokens.size(), length, located.name);
    source.rows += source.parts[i];
  }
  source.array.emplace();
  source.array->shape = {source.rows, length};
  source.array->type = type;
  const auto buffer = own(windows.take_features());
  source.array->bytes = *buffer;
  source.array->owner = buffer;
  source.target.emplace();
  source.target->file = Origin(located.name);
  Column& next = source.target->columns.emplace_back();
  next.name = "next";
  next.categorical = true;
  next.codes = windows.take_targets();
  next.categories = token_names(*source.tokenizer);
}

FormatKind text_kind() {
  FormatKind kind;
  kind.name = "text";
  kind.doc = "a text, of which each token is to be predicted from those before it (data.text)";
  kind.title = "text";
  kind.guarantees = {.columns = false};
  kind.holds = Holds::samples;
  kind.whole = read_text;
  kind.units = "tokens";
  return kind;
}

const schema::Registered text_format(formats(), text_kind());

}  // namespace
}  // namespace convoy
