// Whether all workers still have the same weights, and what to do when they don't: memory and
// processors fail silently, now and then.
#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <map>

#include "convoy/core/checksum.hpp"
#include "convoy/core/error.hpp"
#include "core/fault.hpp"
#include "core/tensor_bytes.hpp"
#include "train/trainer_impl.hpp"

namespace convoy {
namespace {

std::uint64_t digest_of(const torch::Tensor& tensor) {
  const torch::Tensor dense = tensor.contiguous();
  return xxh3(bytes_of(dense));
}

}  // namespace

bool Trainer::Impl::verification_due() const {
  if (step_team() == nullptr) return false;
  const std::int64_t every = job_.train.verify_every;
  const bool last = finished() && options_.membership != nullptr;
  return last || (every > 0 && (progress_.step % every == 0 || finished()));
}

// Weights and buffers; the optimizer's state too where everybody has all of it.
std::string Trainer::Impl::state_digest() const {
  std::vector<std::uint64_t> digests;
  digests.push_back(
      xxh3(std::as_bytes(std::span(weights_->data(), static_cast<std::size_t>(weights_->size())))));
  for (const auto& [name, tensor] : weights_->buffers()) digests.push_back(digest_of(tensor));
  if (replicated()) {
    for (const torch::Tensor& state : states_) digests.push_back(digest_of(state));
  }
  return fmt::format("{:016x}", xxh3(std::as_bytes(std::span(digests))));
}

// False when the run was taken back to an earlier step.
bool Trainer::Impl::verify_weights() {
  const std::vector<std::string> all = options_.group->all_gather(state_digest());
  std::map<std::string, int> votes;
  for (const std::string& digest : all) ++votes[digest];
  if (votes.size() == 1) {
    verified_ = progress_.step;
    return true;
  }
  const auto most = std::max_element(
      votes.begin(), votes.end(), [](const auto& a, const auto& b) { return a.second < b.second; });
  if (2 * most->second <= workers()) {
    take_back();
    return false;
  }
  const auto source =
      static_cast<int>(std::find(all.begin(), all.end(), most->first) - all.begin());
  std::vector<torch::Tensor> none;
  // Should this be interrupted, a wrong state is nobody's source.
  has_state_ = all[static_cast<std::size_t>(worker())] == most->first;
  team_->distribute_from(source, *weights_, replicated() ? states_ : none);
  has_state_ = true;
  for (int w = 0; w < workers(); ++w) {
    if (all[w] == most->first) continue;
    emit_repaired(w, fmt::format("differed from those of {} of {} workers (a memory or processor "
                                 "fault); restored from worker {}",
                                 most->second, workers(), number_of(source)));
  }
  verified_ = progress_.step;
  return true;
}

// There is no telling who is right: all go back to the last state on which they agreed.
void Trainer::Impl::take_back() {
  const std::int64_t from = progress_.step;
  Json back;
  if (is_first() && checkpoints_) back = restore_verified();
  const Json own = {{"back", !back.is_null()},
                    {"step", progress_.step},
                    {"updates", progress_.updates},
                    {"skipped", progress_.skipped}};
  const Json first = Json::parse(options_.group->all_gather(own.dump())[0]);
  if (!first["back"]) {
    throw Error(fmt::format(
        "the weights of the {} workers differ after step {} (a memory or processor fault), no "
        "majority says who is right, and there is no checkpoint on which they agreed: start again, "
        "with three workers or more, or with train.checkpoint.every",
        workers(), from));
  }
  progress_.step = first["step"];
  progress_.updates = first["updates"];
  progress_.skipped = first["skipped"];
  share_restored();
  forget_residuals();
  own_lanes();
  if (log_) {
    log_.reset();
    log_ = open_log();  // without what came after
  }
  emit_repaired(-1,
                fmt::format("of the workers differed after step {} (a memory or processor "
                            "fault), with no majority; all go on from the checkpoint of step {}",
                            from, progress_.step));
}

// The newest checkpoint of a step at which all had the same; later ones are removed.
Trainer::Impl::Json Trainer::Impl::restore_verified() {
  if (writer_) writer_->wait();
  for (const std::filesystem::path& path : checkpoints_->list()) {
    try {
      const bool later = CheckpointStore::load(path, /*with_shards=*/false).step > verified_;
      if (!later) break;
    } catch (const InputError&) {  // damaged: of no use either
    }
    std::error_code ignored;
    std::filesystem::remove(path, ignored);
  }
  const double seconds = progress_.seconds;
  full_states_.clear();
  Json restored = restore_newest();
  progress_.seconds = seconds;
  return restored;
}

int Trainer::Impl::number_of(int rank) const {
  return options_.membership != nullptr ? generation_.members[static_cast<std::size_t>(rank)].worker
                                        : rank;
}

void Trainer::Impl::emit_repaired(int rank, const std::string& text) {
  Json repaired = event("repaired");
  repaired["what"] = "weights";
  if (rank >= 0) repaired["worker"] = number_of(rank);
  repaired["text"] = text;
  emit(repaired);
}

// A fault on purpose: one bit of the weights that this worker has now.
void Trainer::Impl::flip_if_planned() {
  const auto fault = fault_at(FaultPoint::weights, {}, progress_.step);
  if (!fault) return;
  const auto bits = static_cast<std::uint64_t>(weights_->size()) * 32;
  const std::uint64_t bit = fault->at.value_or(bits / 2) % bits;
  auto* bytes = reinterpret_cast<unsigned char*>(weights_->data());
  bytes[bit / 8] ^= static_cast<unsigned char>(1U << (bit % 8));
}

}  // namespace convoy
