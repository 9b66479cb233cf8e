// K. Weinberger et al., Feature Hashing for Large Scale Multitask Learning (2009): some columns in
// place of one of categories. The hash's remainder says which column, its highest bit the sign.
#include <fmt/format.h>
#include <xxhash.h>

#include "data/preprocess/categories.hpp"

namespace convoy {

void describe(schema::Visitor& v, HashingOptions& o) {
  v.key("width", o.width, schema::between(1, 10'000).required(), "columns that come out");
  describe_columns(v, o.columns);
}

}  // namespace convoy

namespace convoy::steps {
namespace {

// A column of the matrix each: more than this is a mistake.
constexpr std::int64_t most_hashed_columns = 10'000;

class HashingStep final : public FittedStep {
 public:
  HashingStep(std::vector<std::string> columns, std::int64_t width)
      : FittedStep("hashing", std::move(columns)), width_(width) {}

  void save(nlohmann::ordered_json& record) const override { record["width"] = width_; }

  void apply(Frame& frame) const override {
    require_texts(*this, frame);
    replace_columns(*this, frame,
                    [&](std::size_t, const Column& column) { return hashed(column); });
  }

 private:
  std::vector<Column> hashed(const Column& column) const {
    std::vector<Column> out(static_cast<std::size_t>(width_));
    for (std::size_t i = 0; i < out.size(); ++i) {
      out[i].name = fmt::format("{}#{}", column.name, i);
      out[i].numbers.resize(column.codes.size());
    }
    std::vector<std::uint64_t> hashes;
    for (const std::string& category : column.categories) {
      const std::string text = fmt::format("{}={}", column.name, category);
      hashes.push_back(XXH64(text.data(), text.size(), 0));
    }
    for (std::size_t row = 0; row < column.codes.size(); ++row) {
      if (column.codes[row] < 0) continue;
      const std::uint64_t hash = hashes[static_cast<std::size_t>(column.codes[row])];
      out[hash % out.size()].numbers[row] = hash >> 63 ? -1 : 1;
    }
    return out;
  }

  std::int64_t width_;
};

std::unique_ptr<FittedStep> fit_hashing(const schema::AnyOptions& options, TrainingRows& rows,
                                        Peers*) {
  const auto chosen = options.as<HashingOptions>();
  std::vector<std::string> names = columns_of("hashing", chosen.columns, rows.head(), Holds::text);
  if (chosen.width < 1 || chosen.width > most_hashed_columns) {
    fail_step("hashing", fmt::format("width: {}: write a whole number from 1 to {}", chosen.width,
                                     most_hashed_columns));
  }
  return std::make_unique<HashingStep>(std::move(names), chosen.width);
}

std::unique_ptr<FittedStep> load_hashing(const nlohmann::ordered_json& record) {
  const std::int64_t width = record.value("width", std::int64_t{0});
  if (width < 1 || width > most_hashed_columns) return nullptr;
  return std::make_unique<HashingStep>(recorded_columns(record), width);
}

const schema::Registered hashing_step(
    preprocess_steps(),
    StepKind{{.name = "hashing",
              .doc = "replaces a categorical column by `width` columns, one of which is 1 or -1: "
                     "which one is the category's hash. For many categories, seen in training or "
                     "not",
              .bare = "width",
              .options = HashingOptions{}},
             fit_hashing,
             load_hashing});

}  // namespace
}  // namespace convoy::steps
