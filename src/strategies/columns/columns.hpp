#pragma once
// Synchronous steps with features that are partitioned by column: each worker has some features of
// all samples, and their columns of the first layer (docs/design/columns.md).
#include <memory>

#include "strategies/columns/column_step.hpp"
#include "strategies/synchronous.hpp"

namespace convoy {

/// A decorator: the strategy within trains the rest of the model and knows nothing of columns.
class Columns final : public Strategy, private StepExtension {
 public:
  /// Throws InputError where the partition does not fit the group or the data.
  explicit Columns(StrategySetup setup);
  ~Columns() override;

  const StrategyTraits& traits() const override;
  void enter(Communicator* group, const std::vector<Range>& lanes) override;
  void leave() override;
  StepOutcome step(std::int64_t n) override { return rest_->step(n); }
  bool has_parts() const override { return rest_->has_parts(); }
  void save(StateWriter& writer) override;
  void load(StateReader* reader) override;
  void copy_from(int source, const std::vector<int>& takers) override;
  void forget() override;
  StepCounts counts() const override { return rest_->counts(); }
  void set_counts(const StepCounts& counts) override { rest_->set_counts(counts); }
  std::string digest() const override { return rest_->digest(); }
  Inference infer(const Dataset& dataset, std::int64_t batch) override;
  StrategyResult result() override;
  nlohmann::ordered_json report() const override;
  Engine& engine() override { return rest_->engine(); }
  std::int64_t parameters() const override;

 private:
  void before_compute(const std::vector<Range>& lanes) override;
  std::uint64_t after_reduce() override;
  double squared_norm() override;
  void update(const Optimizer& optimizer, const UpdateContext& context) override;

  bool is_first() const { return group_ == nullptr || group_->rank() == 0; }
  std::vector<torch::Tensor> take_out_columns(StateReader& reader) const;
  std::shared_ptr<torch::nn::Module> whole_model();

  std::shared_ptr<const ColumnModel> model_;
  ModelFactory whole_;
  Communicator* group_ = nullptr;
  ColumnStep* step_ = nullptr;  // the engine's
  std::unique_ptr<Synchronous> rest_;
};

}  // namespace convoy
