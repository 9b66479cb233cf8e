// Workers of a host that share the update of an elastic group's weights (train/shared_update).
#include <set>

#include "core/fault.hpp"
#include "train/trainer_impl.hpp"

namespace convoy {

// Where workers compare their weights now and then, each makes its own: an update that is shared
// would give all of them what a faulty one has made.
bool Trainer::Impl::may_share_update() const {
  if (!team_ || compressed() || own_steps() || job_.train.verify_every > 0) return false;
  const std::vector<int>& hosts = options_.group->hosts();
  return std::set<int>(hosts.begin(), hosts.end()).size() < hosts.size();
}

// With the members of a new generation, who all have one state.
void Trainer::Impl::share_update() {
  if (!may_share_update() || finished()) return;
  SharedUpdate::Options options{
      reduction_->blocks(), weights_->size(), team_->holders(), pool_.size(), {}};
  options.at = [this](SharedUpdate::Moment) {
    if (fault_at(FaultPoint::update, {}, progress_.step + 1)) crash();
  };
  sharing_ = SharedUpdate::make(*options_.group, std::move(options), states_);
  if (!sharing_) return;
  states_.clear();
  team_->use_host_sums(sharing_->sums());
}

// The state is this worker's own again. When the group goes on, all its workers do this.
void Trainer::Impl::stop_sharing() {
  if (!sharing_) return;
  states_ = sharing_->states();
  if (team_) team_->use_host_sums(nullptr);
  sharing_.reset();
}

// Whatever becomes of the others, the step is complete afterwards.
void Trainer::Impl::update_together(const UpdateContext& context) {
  auto clock = TimeUse::Clock::now();
  bool together = sharing_->begin();
  clock = replicas_[0]->time_use().add(Activity::communicate, clock);
  if (together) {
    pool_.run([&](int r) {
      const auto begin = TimeUse::Clock::now();
      sharing_->update(r, weights_->data(), *optimizer_, context);
      replicas_[r]->time_use().add(Activity::update, begin);
    });
    clock = TimeUse::Clock::now();
    together = sharing_->end(weights_->data());
    clock = replicas_[0]->time_use().add(Activity::communicate, clock);
  }
  if (together) return;
  sharing_->finish_alone(weights_->data(), *optimizer_, context);
  broken_ = sharing_->failure();
  replicas_[0]->time_use().add(Activity::update, clock);
}

void Trainer::Impl::throw_if_broken() {
  if (broken_) std::rethrow_exception(std::exchange(broken_, nullptr));
}

}  // namespace convoy
