#include <gmock/gmock.h>

#include "convoy/data/load.hpp"
#include "convoy/data/text/tokenizer.hpp"
#include "convoy/model/layer_options.hpp"
#include "convoy/model/model.hpp"
#include "data/text/words.hpp"
#include "data_support.hpp"

namespace convoy {
namespace data_text_test {

using test::error_of;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::vector<std::string> words(std::string_view text) {
  std::vector<std::string> out;
  while (!text.empty()) {
    out.emplace_back(text.substr(0, word_length(text)));
    text.remove_prefix(out.back().size());
  }
  return out;
}

TEST(DataWords, ABlankBelongsToTheWordAfterIt) {
  EXPECT_THAT(words("In the beginning, 42 men!"),
              ElementsAre("In", " the", " beginning", ",", " 42", " men", "!"));
  EXPECT_THAT(words("a  b\n\n  c "), ElementsAre("a", " ", " b", "\n\n ", " c", " "));
  EXPECT_THAT(words("\xc3\xa4ther x1"), ElementsAre("\xc3\xa4ther", " x", "1"));
  EXPECT_EQ(words(std::string(200, 'x')).size(), 4U);
}

TEST(DataWords, CutsBetweenWordsWhereverThatIs) {
  std::string text;
  for (int i = 0; i < 300; ++i) text += i % 7 == 0 ? "line\nnext" : " word, and  more";
  const std::vector<std::string> whole = words(text);
  for (const std::size_t parts : {1, 2, 3, 7, 50}) {
    std::vector<std::string> joined;
    for (const std::string_view piece : cut_between_words(text, parts)) {
      for (const std::string& word : words(piece)) joined.push_back(word);
    }
    EXPECT_EQ(joined, whole) << parts;
  }
  EXPECT_EQ(cut_between_words(std::string(100, 'x'), 4).size(), 1U);
}

TEST(DataTokenizer, LearnsTheCommonestPairsFirst) {
  // "low" 5, "lower" 2, "newest" 6, "widest" 3: the example of Sennrich et al. 2016.
  std::string text;
  for (const auto& [word, times] : std::vector<std::pair<std::string, int>>{
           {"low", 5}, {"lower", 2}, {"newest", 6}, {"widest", 3}}) {
    for (int i = 0; i < times; ++i) text += word + "\n";
  }
  const Tokenizer tokenizer = Tokenizer::train(text, 256 + 4, 1);
  ASSERT_EQ(tokenizer.size(), 260);
  // Of the pairs "es", "st" (9 times each) the one with the smaller numbers, then with what is
  // left.
  EXPECT_EQ(tokenizer.bytes(256), "es");
  EXPECT_EQ(tokenizer.bytes(257), "est");
  EXPECT_EQ(tokenizer.bytes(258), "lo");
  EXPECT_EQ(tokenizer.bytes(259), "low");
  EXPECT_THAT(tokenizer.encode("lowest"), ElementsAre(259, 257));
  EXPECT_EQ(tokenizer.decode(tokenizer.encode("slowest, \xff\n")), "slowest, \xff\n");
}

TEST(DataTokenizer, IsTheSameForAnyNumberOfThreads) {
  std::string text;
  for (int i = 0; i < 2000; ++i) text += "word" + std::to_string(i * i % 97) + (i % 5 ? " " : "\n");
  const Tokenizer one = Tokenizer::train(text, 400, 1);
  EXPECT_GT(one.size(), 300);
  for (const int threads : {2, 3, 8}) {
    EXPECT_EQ(Tokenizer::train(text, 400, threads).to_json(), one.to_json());
    EXPECT_EQ(one.encode(text, threads), one.encode(text));
  }
  EXPECT_EQ(one.decode(one.encode(text)), text);
  EXPECT_LT(one.encode(text).size(), text.size() / 2);
}

TEST(DataTokenizer, ReadsBackAndRefusesDamage) {
  const Tokenizer tokenizer = Tokenizer::train("abababab cdcdcd abab", 300, 1);
  const auto json = nlohmann::ordered_json::parse(tokenizer.to_json().dump());
  EXPECT_EQ(Tokenizer::from_json(json).encode("ababcd"), tokenizer.encode("ababcd"));
  auto damaged = json;
  damaged["merges"][0][1] = 300;
  EXPECT_EQ(error_of([&] { Tokenizer::from_json(damaged); }), "the tokenizer is damaged");
  damaged["merges"][0][1] = -1;
  EXPECT_EQ(error_of([&] { Tokenizer::from_json(damaged); }), "the tokenizer is damaged");
  EXPECT_THAT(error_of([&] { Tokenizer::train("x", 10, 1); }), HasSubstr("not from 256 to 65536"));
  EXPECT_THAT(error_of([&] { (void)tokenizer.decode(std::vector<std::int32_t>{5000}); }),
              HasSubstr("no token 5000"));
}

TEST(DataTokenizer, NamesAreReadable) {
  const Tokenizer tokenizer;
  EXPECT_EQ(tokenizer.name('a'), "a");
  EXPECT_EQ(tokenizer.name('\n'), "\\n");
  EXPECT_EQ(tokenizer.name('\\'), "\\\\");
  EXPECT_EQ(tokenizer.name(0xe2), "\\xe2");
  EXPECT_EQ(tokenizer.name(0), "\\x00");
}

class DataText : public ::testing::Test {
 protected:
  DataText() {
    data_.train.file = "book.txt";
    data_.format = "text";
    data_.text.length = 4;
    std::string text;
    for (int i = 0; i < 60; ++i) text += "the cat sat on mat " + std::to_string(i) + "\n";
    directory_.write("book.txt", text);
  }
  Splits load() const { return load_splits({data_, {}, 1, directory_.path()}); }

  test::Directory directory_;
  DataOptions data_;
};

std::string text_of(const Batch& batch, std::int64_t row, const Tokenizer& tokenizer) {
  std::vector<std::int32_t> tokens;
  for (std::int64_t i = 0; i < batch.features.size(1); ++i)
    tokens.push_back(static_cast<std::int32_t>(batch.features[row][i].item<float>()));
  return tokenizer.decode(tokens);
}

TEST_F(DataText, WindowsAndWhatFollowsThem) {
  const Splits splits = load();
  const DataSpec& spec = splits.train->spec();
  EXPECT_THAT(spec.feature_shape, ElementsAre(4));
  EXPECT_EQ(spec.outputs, 256);
  const Batch batch = splits.train->read(std::vector<std::int64_t>{0, 1});
  EXPECT_EQ(text_of(batch, 0, Tokenizer()), "the ");
  EXPECT_EQ(spec.class_names[static_cast<std::size_t>(batch.target[0].item<std::int64_t>())], "c");
  EXPECT_EQ(text_of(batch, 1, Tokenizer()), "he c");
  EXPECT_EQ(spec.class_names[static_cast<std::size_t>(batch.target[1].item<std::int64_t>())], "a");
}

TEST_F(DataText, SplitsAreStretchesThatDoNotOverlap) {
  data_.test_part = 0.25;
  data_.validation = 0.25;
  const Splits splits = load();
  EXPECT_NEAR(static_cast<double>(splits.train->size()), 2.0 * splits.test->size(), 60);
  // Each stretch loses the four tokens before its first target.
  const std::int64_t bytes = 60 * 20 + 10 + 2 * 50;
  EXPECT_EQ(splits.train->size() + splits.validation->size() + splits.test->size(), bytes - 3 * 4);
  data_.limit = 10;
  EXPECT_EQ(load().train->size(), 10);
}

TEST_F(DataText, TheTokenizerGoesWithTheModel) {
  data_.text.tokenizer = "bpe";
  data_.text.vocabulary = 280;
  const Splits splits = load();
  // No pair is left twice before there are 280.
  EXPECT_GT(splits.train->spec().outputs, 260);
  EXPECT_LT(splits.train->spec().outputs, 280);
  const auto fitted = nlohmann::ordered_json::parse(splits.fitted.dump());
  directory_.write("new.txt", "the cat sat on the cat sat");
  DataFiles files;
  files.file = "new.txt";
  const auto fresh = load_for_prediction(data_, files, fitted, directory_.path());
  const Batch batch = fresh->read(std::vector<std::int64_t>{0});
  EXPECT_EQ(text_of(batch, 0, Tokenizer::from_json(fitted["tokenizer"])).substr(0, 8), "the cat ");
  EXPECT_EQ(fresh->spec().class_names, splits.train->spec().class_names);
}

TEST_F(DataText, SaysWhatIsTooShortOrNotItsBusiness) {
  data_.text.length = 5000;
  EXPECT_THAT(error_of([&] { load(); }), HasSubstr("a window of data.text.length 5000"));
  data_.train = {"", "book.txt", "book.txt"};
  EXPECT_THAT(error_of([&] { load(); }), HasSubstr("text is its own target"));
}

TEST_F(DataText, AnEmbeddingTakesItsTokens) {
  const Splits splits = load();
  const ModelOptions options{.kind = "layers",
                             .own = LayersOptions{{{"embedding", EmbeddingOptions{.units = 3}},
                                                   {"flatten"},
                                                   {"linear", LinearOptions{.units = 256}}}}};
  const Network network = build_model(options, splits.train->spec())();
  const Batch batch = splits.train->read(std::vector<std::int64_t>{0, 1, 2});
  EXPECT_THAT(network.forward(batch.features).sizes().vec(), ElementsAre(3, 256));
  EXPECT_ANY_THROW(network.forward(batch.features.add(1000)));
}

}  // namespace data_text_test
}  // namespace convoy
