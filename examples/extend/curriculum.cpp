// A partitioner: competence-based curriculum learning (Platanios et al. 2019, algorithm 1, with the
// competence of the square root): each batch is drawn from the easiest samples, of a part of them
// that grows until it is all.
#include <algorithm>
#include <cmath>
#include <convoy/data/partition/partitioner.hpp>
#include <convoy/lanes/random.hpp>
#include <convoy/plugin.hpp>
#include <numeric>

CONVOY_PLUGIN("curriculum", "1.0")

namespace {

namespace schema = convoy::schema;

struct CurriculumOptions {
  std::string value;
  double start = 0.1;
  std::int64_t steps = 1000;
};

void describe(schema::Visitor& v, CurriculumOptions& o) {
  v.key("value", o.value, schema::any().required(),
        "the column that says how difficult a sample is: from the easiest, in the order of its "
        "numbers or text; missing: easy. It may be one of `data.csv.ignore`");
  schema::Rule some = schema::between(0, 1);
  some.low_excluded = true;
  v.key("start", o.start, some, "the part of the samples that first batches are from");
  v.key("steps", o.steps, schema::at_least(1), "after so many, batches are from all samples");
}

class Curriculum final : public convoy::SampleSchedule {
 public:
  Curriculum(const convoy::SamplesToPartition& given, const CurriculumOptions& options)
      : SampleSchedule(given.lanes),
        options_(options),
        batch_(given.batch),
        seed_(given.seed),
        steps_per_epoch_(std::max<std::int64_t>(1, given.samples / given.batch)),
        easiest_first_(static_cast<std::size_t>(given.samples)) {
    std::iota(easiest_first_.begin(), easiest_first_.end(), 0);
    const auto& codes = given.values->codes;  // ascending as the values are
    std::stable_sort(easiest_first_.begin(), easiest_first_.end(), [&](auto a, auto b) {
      return codes[static_cast<std::size_t>(a)] < codes[static_cast<std::size_t>(b)];
    });
  }

  std::int64_t steps_per_epoch() const override { return steps_per_epoch_; }

  // Each sample of the batch by its place in it: a lane draws the same ones whoever computes it.
  std::vector<std::int64_t> lane_samples(std::int64_t step, std::int64_t lane) const override {
    const convoy::Range part = convoy::even_part(batch_, lanes(), lane);
    const std::uint64_t easy = easy_samples(step);
    std::vector<std::int64_t> samples;
    for (std::int64_t place = part.begin; place < part.end; ++place) {
      const std::uint64_t drawn =
          convoy::derive_seed(seed_, convoy::RandomPurpose::partition,
                              static_cast<std::uint64_t>(step), static_cast<std::uint64_t>(place));
      samples.push_back(easiest_first_[drawn % easy]);
    }
    return samples;
  }

  std::int64_t lane_size(std::int64_t, std::int64_t lane) const override {
    return convoy::even_part(batch_, lanes(), lane).size();
  }
  bool has_even_lanes() const override { return true; }

 private:
  // Roots are the same bits everywhere, as IEEE 754 has them.
  std::uint64_t easy_samples(std::int64_t step) const {
    const double all = static_cast<double>(easiest_first_.size());
    const double first = options_.start * options_.start;
    const double time = static_cast<double>(step) / static_cast<double>(options_.steps);
    const double competence = std::sqrt(std::min(1.0, time * (1 - first) + first));
    return static_cast<std::uint64_t>(std::clamp(std::ceil(competence * all), 1.0, all));
  }

  CurriculumOptions options_;
  std::int64_t batch_;
  std::uint64_t seed_;
  std::int64_t steps_per_epoch_;
  std::vector<std::int64_t> easiest_first_;
};

std::optional<schema::Problem> not_in_order(const convoy::PartitionOptions& options) {
  if (options.order == "shuffled") return std::nullopt;
  return schema::Problem{"order", "a curriculum draws its batches; write shuffled"};
}

const schema::Registered curriculum(
    convoy::partitioners(),
    convoy::PartitionerKind{
        {.name = "curriculum",
         .doc = "batches are drawn from easy samples first, then from all of them",
         .options = CurriculumOptions{}},
        [](const convoy::SamplesToPartition& given, const schema::AnyOptions& own) {
          return std::make_unique<Curriculum>(given, own.as<CurriculumOptions>());
        },
        convoy::LooksAt::values,
        [](const schema::AnyOptions& own) { return own.as<CurriculumOptions>().value; },
        not_in_order});

}  // namespace
