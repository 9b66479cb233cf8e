#include "strategies/columns/column_step.hpp"

#include <algorithm>
#include <numeric>

namespace convoy {

ColumnStep::ColumnStep(std::unique_ptr<ColumnLayer> layer, ReplicaShared shared, Options options)
    : layer_(std::move(layer)), shared_(std::move(shared)), options_(std::move(options)) {
  shared_.inputs = nullptr;  // what it reads are features
}

ColumnStep::~ColumnStep() = default;

void ColumnStep::own(std::int64_t step, std::int64_t end) {
  const int replicas = options_.pool->size();
  prefetchers_.clear();
  prefetchers_.resize(static_cast<std::size_t>(replicas));
  for (int r = 0; r < replicas; ++r) {
    const Range lanes = even_part(shared_.lanes, replicas, r);
    if (!lanes.empty())
      prefetchers_[static_cast<std::size_t>(r)] = read_lanes_ahead(shared_, lanes, step, end);
  }
}

// Task by task, those of a replica in order: `read` is called so.
void ColumnStep::multiply_all(const std::vector<int>& owners, bool keep,
                              const std::function<Batch(int replica, std::size_t task)>& read) {
  layer_->begin(owners);
  options_.pool->run([&](int r) {
    TimeUse& time_use = *time_use_[static_cast<std::size_t>(r)];
    const Range tasks =
        even_part(static_cast<std::int64_t>(owners.size()), options_.pool->size(), r);
    for (std::int64_t t = tasks.begin; t < tasks.end; ++t) {
      const auto task = static_cast<std::size_t>(t);
      auto clock = TimeUse::Clock::now();
      Batch batch = read(r, task);
      if (keep) clock = time_use.add(Activity::load, clock);
      layer_->multiply(task, std::move(batch), keep);
      if (keep) time_use.add(Activity::forward, clock);
    }
  });
}

void ColumnStep::forward(const std::vector<Range>& worker_lanes) {
  std::vector<int> owners;
  for (std::size_t w = 0; w < worker_lanes.size(); ++w)
    owners.insert(owners.end(), static_cast<std::size_t>(worker_lanes[w].size()),
                  static_cast<int>(w));
  multiply_all(owners, true, [this](int r, std::size_t) {
    return prefetchers_[static_cast<std::size_t>(r)]->next();
  });
  const auto clock = TimeUse::Clock::now();
  layer_->share_products();
  time_use_[0]->add(Activity::communicate, clock);
}

Batch ColumnStep::input(std::int64_t lane) {
  return layer_->sums_of(static_cast<std::size_t>(lane), true);
}

void ColumnStep::backward() {
  const auto since = TimeUse::Clock::now();
  layer_->share_gradients();
  time_use_[0]->add(Activity::communicate, since);
  options_.pool->run([this](int r) {
    const auto clock = TimeUse::Clock::now();
    layer_->add_gradients(r, options_.pool->size());
    time_use_[static_cast<std::size_t>(r)]->add(Activity::backward, clock);
  });
}

double ColumnStep::squared_norm() {
  const auto clock = TimeUse::Clock::now();
  const double squares = layer_->squared_norm();
  time_use_[0]->add(Activity::communicate, clock);
  return squares;
}

void ColumnStep::update(const Optimizer& optimizer, const UpdateContext& context) {
  options_.pool->run([&](int r) {
    const auto clock = TimeUse::Clock::now();
    layer_->update(r, options_.pool->size(), optimizer, context);
    time_use_[static_cast<std::size_t>(r)]->add(Activity::update, clock);
  });
}

// Passes are shared out as run_inference does. All workers go through them in rounds, in each of
// which everybody has some, so that little is in memory at a time.
Inference ColumnStep::infer(std::span<Network* const> networks, const Dataset& dataset,
                            std::int64_t batch) {
  constexpr std::int64_t at_once = 4;  // of each worker
  const std::int64_t size = dataset.size();
  const std::int64_t passes = (size + batch - 1) / batch;
  std::vector<Range> shares;
  for (int w = 0; w < options_.workers; ++w)
    shares.push_back(even_part(passes, options_.workers, w));
  std::vector<InferredPiece> pieces;
  std::int64_t most = 0;
  for (const Range& share : shares) most = std::max(most, share.size());
  for (std::int64_t round = 0; round * at_once < most; ++round) {
    std::vector<int> owners;
    std::vector<std::int64_t> begins;
    std::vector<std::size_t> mine;  // tasks
    for (int w = 0; w < options_.workers; ++w) {
      const Range share = shares[static_cast<std::size_t>(w)];
      const std::int64_t first = share.begin + round * at_once;
      for (std::int64_t pass = first; pass < std::min(share.end, first + at_once); ++pass) {
        if (w == options_.worker) mine.push_back(owners.size());
        owners.push_back(w);
        begins.push_back(pass * batch);
      }
    }
    multiply_all(owners, false, [&](int, std::size_t task) {
      std::vector<std::int64_t> rows(
          static_cast<std::size_t>(std::min(batch, size - begins[task])));
      std::iota(rows.begin(), rows.end(), begins[task]);
      return dataset.read(rows);
    });
    layer_->share_products();
    const std::size_t before = pieces.size();
    pieces.resize(before + mine.size());
    options_.pool->run([&](int r) {
      const Range own = even_part(static_cast<std::int64_t>(mine.size()), options_.pool->size(), r);
      for (std::int64_t i = own.begin; i < own.end; ++i) {
        const std::size_t task = mine[static_cast<std::size_t>(i)];
        pieces[before + static_cast<std::size_t>(i)] =
            infer_batch(*networks[static_cast<std::size_t>(r)], layer_->sums_of(task, false),
                        begins[task], shared_.seed);
      }
    });
  }
  layer_->take_bytes_sent();  // of no step
  return join_pieces(pieces);
}

}  // namespace convoy
