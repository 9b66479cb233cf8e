// Principal components (K. Pearson 1901; H. Hotelling 1933) in place of columns, or of the elements
// of samples of arrays.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <utility>

#include "convoy/data/peers/segments.hpp"
#include "convoy/data/preprocess/columns.hpp"
#include "data/preprocess/eigen.hpp"
#include "data/preprocess/record.hpp"

namespace convoy {

void describe(schema::Visitor& v, PcaOptions& o) {
  v.key("components", o.components, schema::between(0, 1000),
        "how many, those of most variance; 0: all");
  v.key("whiten", o.whiten, schema::any(), "divide each by its standard deviation");
  describe_columns(v, o.columns);
}

}  // namespace convoy

namespace convoy::steps {
namespace {

/// Gives `see` the training rows at these positions, front to back.
using SeeRow = std::function<void(std::span<const double> row)>;
using FeedRows = std::function<void(Range positions, const SeeRow& see)>;

/// y = loadings * (x - subtract) / divide.
struct Components {
  std::vector<double> subtract;               // of each number that is taken
  std::vector<double> divide;                 // of each that is made
  std::vector<std::vector<double>> loadings;  // rows

  /// A row's components; the row is its differences from the means afterwards.
  void take(std::span<double> row, std::span<double> components) const {
    for (std::size_t j = 0; j < row.size(); ++j) row[j] -= subtract[j];
    constexpr std::size_t block = 8;  // sums side by side: one alone waits for each addition
    for (std::size_t first = 0; first < components.size(); first += block) {
      const std::size_t count = std::min(block, components.size() - first);
      std::array<const double*, block> rows{};
      for (std::size_t k = 0; k < block; ++k)
        rows[k] = loadings[first + std::min(k, count - 1)].data();
      std::array<double, block> sums{};
      for (std::size_t j = 0; j < row.size(); ++j) {
        for (std::size_t k = 0; k < block; ++k) sums[k] += rows[k][j] * row[j];
      }
      for (std::size_t k = 0; k < count; ++k) components[first + k] = sums[k] / divide[first + k];
    }
  }
};

class Pca final : public FittedStep {
 public:
  Pca(std::vector<std::string> columns, Components components)
      : FittedStep("pca", std::move(columns)), components_(std::move(components)) {}

  void save(nlohmann::ordered_json& record) const override {
    record["subtract"] = components_.subtract;
    record["divide"] = components_.divide;
    record["components"] = components_.loadings;
  }

  void apply(Frame& frame) const override {
    std::vector<const Column*> from;
    for (const std::string& name : columns()) {
      from.push_back(&require_column(frame, kind(), name));
      require_numbers(kind(), *from.back(), frame);
      require_no_missing(kind(), *from.back(), frame);
    }
    std::vector<Column> made(components_.loadings.size());
    for (std::size_t i = 0; i < made.size(); ++i) {
      made[i].name = fmt::format("pc{}", i + 1);
      made[i].numbers.resize(frame.numbers.size());
    }
    std::vector<double> row(from.size());
    std::vector<double> components(made.size());
    for (std::size_t at = 0; at < frame.numbers.size(); ++at) {
      for (std::size_t j = 0; j < row.size(); ++j) row[j] = from[j]->numbers[at];
      components_.take(row, components);
      for (std::size_t i = 0; i < made.size(); ++i) made[i].numbers[at] = components[i];
    }
    // They take the place of the first.
    bool placed = false;
    replace_columns(*this, frame, [&](std::size_t, const Column&) -> std::vector<Column> {
      return std::exchange(placed, true) ? std::vector<Column>() : std::move(made);
    });
  }

  std::optional<std::vector<std::int64_t>> shape_after(
      const std::vector<std::int64_t>& shape) const override {
    std::size_t elements = 1;
    for (const std::int64_t size : shape) elements *= static_cast<std::size_t>(size);
    if (components_.subtract.size() != elements) return std::nullopt;
    return std::vector<std::int64_t>{static_cast<std::int64_t>(components_.loadings.size())};
  }

  std::optional<Refusal> apply_to_sample(std::span<double>& sample) const override {
    std::vector<double> made(components_.loadings.size());
    components_.take(sample, made);
    sample = sample.first(made.size());
    std::copy(made.begin(), made.end(), sample.begin());
    return std::nullopt;
  }

 private:
  Components components_;
};

/// The covariance (divided by rows - 1), as its lower triangle row after row.
std::vector<double> covariance(std::int64_t rows, const std::vector<double>& means,
                               const FeedRows& feed, Peers* peers) {
  const std::size_t size = means.size();
  const auto take = [&](Range positions, std::span<double> partial) {
    std::fill(partial.begin(), partial.end(), 0.0);
    std::vector<double> centred(size);
    feed(positions, [&](std::span<const double> row) {
      for (std::size_t i = 0; i < size; ++i) centred[i] = row[i] - means[i];
      double* out = partial.data();
      for (std::size_t i = 0; i < size; ++i, out += i) {
        const double x = centred[i];
        for (std::size_t j = 0; j <= i; ++j) out[j] += x * centred[j];
      }
    });
  };
  const auto add = [](std::span<double> left, std::span<const double> right) {
    for (std::size_t i = 0; i < left.size(); ++i) left[i] += right[i];
  };
  std::vector<double> sums = reduce_rows(rows, {size * (size + 1) / 2, take, add}, peers);
  for (double& x : sums) x /= static_cast<double>(rows - 1);
  return sums;
}

std::vector<double> square_matrix(const std::vector<double>& triangle, std::size_t size) {
  std::vector<double> matrix(size * size);
  auto from = triangle.begin();
  for (std::size_t i = 0; i < size; ++i) {
    for (std::size_t j = 0; j <= i; ++j) matrix[i * size + j] = matrix[j * size + i] = *from++;
  }
  return matrix;
}

/// How many components are made of rows of `width` numbers; `what` are these, for messages:
/// "columns".
std::size_t component_count(const PcaOptions& chosen, std::size_t width, std::int64_t rows,
                            const std::string& what) {
  constexpr std::size_t most = 1000;  // Jacobi rotations take minutes beyond this
  if (width > most) {
    fail_step("pca", fmt::format("{} {} are too many, {} are possible{}", width, what, most,
                                 what == "columns" ? "; name some in `columns`" : ""));
  }
  if (rows < 2) fail_step("pca", "one row of training data has no covariance");
  const std::size_t limit = std::min(width, static_cast<std::size_t>(rows));
  if (chosen.components < 0 || static_cast<std::size_t>(chosen.components) > limit) {
    fail_step("pca", fmt::format("components: {}: there are at most {} of {} {} and {} rows",
                                 chosen.components, limit, width, what, rows));
  }
  return chosen.components == 0 ? limit : static_cast<std::size_t>(chosen.components);
}

/// From each number's mean and all rows. Collective: one all_gather. Each worker is asked for the
/// rows of its own segments, so the result has the same bits for any number of workers.
Components learn_components(bool whiten, std::int64_t rows, std::vector<double> means,
                            std::size_t count, const FeedRows& feed, Peers* peers) {
  Components learnt;
  const std::size_t width = means.size();
  const std::vector<double> triangle = covariance(rows, means, feed, peers);
  if (!are_finite(triangle))
    fail_step("pca", "the values are too large to take a covariance of; scale them first");
  const EigenPairs eigen = eigen_symmetric(square_matrix(triangle, width), width);
  // What is smaller is rounding: no direction to stretch.
  const double least =
      eigen.values[0] * static_cast<double>(width) * std::numeric_limits<double>::epsilon();
  for (std::size_t i = 0; i < count; ++i) {
    const double variance = eigen.values[i];
    learnt.loadings.push_back(eigen.vectors[i]);
    learnt.divide.push_back(whiten && variance > least ? std::sqrt(variance) : 1);
  }
  learnt.subtract = std::move(means);
  return learnt;
}

std::unique_ptr<FittedStep> fit_pca(const schema::AnyOptions& options, TrainingRows& rows,
                                    Peers* peers) {
  const auto chosen = options.as<PcaOptions>();
  std::vector<std::string> names = columns_of("pca", chosen.columns, rows.head(), Holds::numbers);
  if (names.empty()) fail_step("pca", "there is no column of numbers at this step");
  const std::size_t count = component_count(chosen, names.size(), rows.size(), "columns");
  require_no_missing("pca", names, rows);
  std::vector<double> means;
  for (const Statistics& statistics : column_statistics(names, rows, false, false, peers))
    means.push_back(statistics.mean());
  const auto feed = [&](Range positions, const SeeRow& see) {
    std::vector<double> row(names.size());
    rows.read(positions, [&](const Frame& frame, Range part) {
      const std::vector<const Column*> columns = find_columns(frame, names);
      for (auto at = static_cast<std::size_t>(part.begin); at < static_cast<std::size_t>(part.end);
           ++at) {
        for (std::size_t i = 0; i < row.size(); ++i) row[i] = columns[i]->numbers[at];
        see(row);
      }
    });
  };
  Components learnt =
      learn_components(chosen.whiten, rows.size(), std::move(means), count, feed, peers);
  return std::make_unique<Pca>(std::move(names), std::move(learnt));
}

std::unique_ptr<FittedStep> fit_pca_of_samples(const schema::AnyOptions& options,
                                               const TrainingSamples& samples, Peers* peers) {
  const auto chosen = options.as<PcaOptions>();
  const std::size_t width = samples.elements();
  const std::size_t count = component_count(chosen, width, samples.size(), "elements of a sample");
  const auto feed_elements = [&](Range positions, StatisticsPass& pass) {
    samples.read(positions, [&](std::span<const double> sample) {
      for (std::size_t i = 0; i < sample.size(); ++i) pass.add(i, sample.subspan(i, 1));
    });
  };
  std::vector<double> means;
  for (const Statistics& element :
       fit_statistics(samples.size(), width, false, feed_elements, peers))
    means.push_back(element.mean());
  const auto feed = [&](Range positions, const SeeRow& see) { samples.read(positions, see); };
  return std::make_unique<Pca>(
      std::vector<std::string>(),
      learn_components(chosen.whiten, samples.size(), std::move(means), count, feed, peers));
}

std::unique_ptr<FittedStep> load_pca(const nlohmann::ordered_json& record) {
  std::vector<std::string> names = recorded_columns(record);
  Components loaded{recorded<std::vector<double>>(record, "subtract"),
                    recorded<std::vector<double>>(record, "divide"),
                    recorded<std::vector<std::vector<double>>>(record, "components")};
  const std::size_t width = names.empty() ? loaded.subtract.size() : names.size();
  const auto usable = [&](const std::vector<double>& loadings) {
    return loadings.size() == width && are_finite(loadings);
  };
  if (loaded.loadings.empty() || loaded.loadings.size() > width ||
      loaded.subtract.size() != width || !are_finite(loaded.subtract) ||
      loaded.divide.size() != loaded.loadings.size() || !can_divide(loaded.divide) ||
      !std::ranges::all_of(loaded.loadings, usable))
    return nullptr;
  return std::make_unique<Pca>(std::move(names), std::move(loaded));
}

const schema::Registered pca_step(
    preprocess_steps(),
    StepKind{{.name = "pca",
              .doc = "replaces columns of a table by their principal components pc1, pc2, ..., or "
                     "the samples of arrays by vectors of theirs; scale the columns alike before",
              .bare = "components",
              .options = PcaOptions{},
              .guarantees = {.columns = false}},
             fit_pca,
             load_pca,
             fit_pca_of_samples,
             nullptr,
             nullptr,
             nullptr,
             "components"});

}  // namespace
}  // namespace convoy::steps
