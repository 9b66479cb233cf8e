// Declared in train/trainer_impl.hpp.
// Whether all workers still have the same weights, and what to do when they don't: memory and
// processors fail silently, now and then.
#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "convoy/core/error.hpp"
#include "core/fault.hpp"
#include "train/run_identity.hpp"
#include "train/trainer_impl.hpp"

namespace convoy {

bool Trainer::Impl::check_due() const {
  const std::int64_t every = wanted_.train.verify_every;
  const bool last = finished() && session_->is_elastic();
  if (!last && (every <= 0 || (step_ % every != 0 && !finished()))) return false;
  return session_->group() != nullptr && !strategy_->digest().empty();
}

// False when the run was taken back to an earlier step.
bool Trainer::Impl::check_weights() {
  const std::vector<std::string> all = all_gather(strategy_->digest());
  std::map<std::string, int> votes;
  for (const std::string& digest : all) ++votes[digest];
  if (votes.size() == 1) {
    checked_ = step_;
    return true;
  }
  const auto most = std::max_element(
      votes.begin(), votes.end(), [](const auto& a, const auto& b) { return a.second < b.second; });
  if (2 * most->second <= session_->size()) {
    roll_back();
    return false;
  }
  const auto source =
      static_cast<int>(std::find(all.begin(), all.end(), most->first) - all.begin());
  std::vector<int> takers;
  for (std::size_t w = 0; w < all.size(); ++w) {
    if (all[w] != most->first) takers.push_back(static_cast<int>(w));
  }
  // Should this be interrupted, a wrong state is nobody's source.
  has_state_ = all[static_cast<std::size_t>(session_->rank())] == most->first;
  strategy_->copy_from(source, takers);
  has_state_ = true;
  for (const int w : takers) {
    recorder_->repaired(step_, "weights", session_->number_of(w),
                        fmt::format("differed from those of {} of {} workers (a memory or "
                                    "processor fault); restored from worker {}",
                                    most->second, session_->size(), session_->number_of(source)));
  }
  checked_ = step_;
  return true;
}

// There is no telling who is right: all go back to the last state on which they agreed.
void Trainer::Impl::roll_back() {
  const std::int64_t from = step_;
  std::optional<CheckpointManager::Found> found;
  Progress progress;
  if (session_->records() && checkpoint_manager_)
    found = checkpoint_manager_->read_newest(checked_);
  if (found) progress = progress_of(found->reader.state, found->reader.file);
  const Json own = {{"back", found.has_value()},
                    {"step", progress.step},
                    {"updates", progress.updates},
                    {"skipped", progress.skipped}};
  const Json first = Json::parse(all_gather(own.dump())[0]);
  if (!first["back"]) {
    throw Error(fmt::format(
        "the weights of the {} workers differ after step {} (a memory or processor fault), no "
        "majority says who is right, and there is no checkpoint on which they agreed: start again, "
        "with three workers or more, or with train.checkpoint.every",
        session_->size(), from));
  }
  step_ = first["step"];
  strategy_->set_counts({first["updates"], first["skipped"]});
  strategy_->load(found ? &found->reader : nullptr);
  strategy_->start_at(step_, step_);
  if (recorder_->is_open()) recorder_->open(step_);  // without what came after
  recorder_->repaired(step_, "weights", -1,
                      fmt::format("of the workers differed after step {} (a memory or processor "
                                  "fault), with no majority; all go on from the checkpoint of "
                                  "step {}",
                                  from, step_));
}

// A fault on purpose: one bit of the weights that this worker has now.
void Trainer::Impl::flip_if_planned() {
  const auto fault = fault_at(FaultPoint::weights, {}, step_);
  if (!fault) return;
  FlatParameters& weights = strategy_->engine().weights();
  const auto bits = static_cast<std::uint64_t>(weights.size()) * 32;
  const std::uint64_t bit = fault->at.value_or(bits / 2) % bits;
  auto* bytes = reinterpret_cast<unsigned char*>(weights.data());
  bytes[bit / 8] ^= static_cast<unsigned char>(1U << (bit % 8));
}

}  // namespace convoy
