#pragma once
// All workers take each step together, with sums of compressed gradients: what a sum leaves out is
// added to the next one (error feedback).
#include <memory>

#include "comm/compression/group_sum.hpp"
#include "strategies/synchronous.hpp"

namespace convoy {

class Compressed final : public Synchronous {
 public:
  explicit Compressed(StrategySetup setup);

  const StrategyTraits& traits() const override;
  void save(StateWriter& writer) override;
  void load(StateReader* reader) override;
  void forget() override;
  Json report() const override;

 protected:
  bool replicated() const override { return true; }
  GroupSum* compressed() const override { return sums_.get(); }
  void committed() override;

 private:
  void forget_residuals();

  std::unique_ptr<GroupSum> sums_;
  std::int64_t steps_ = 0;  // of this process
};

/// What compression did, of `sum`'s steps; null where nobody compresses.
nlohmann::ordered_json compression_report(const CompressionOptions& options, const GroupSum* sum,
                                          std::int64_t steps);

}  // namespace convoy
