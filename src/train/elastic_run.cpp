// A run whose workers come and go (docs/design.md, "Workers that come and go"). A step is committed
// where it has been updated; what is under way when the group breaks is thrown away and run again
// by the next one, which starts from the state of a member that came furthest.
#include <fmt/format.h>

#include <algorithm>
#include <tuple>

#include "convoy/core/error.hpp"
#include "convoy/data/load.hpp"
#include "core/kernel_card.hpp"
#include "train/trainer_impl.hpp"

namespace convoy {
namespace {

using Json = nlohmann::ordered_json;

// A line for each damaged file of a package that this worker fetched again.
Json repaired_data(const Json& model_meta) {
  if (!model_meta.contains("data")) return Json::array();
  return model_meta["data"].value("repaired", Json::array());
}

const char* event_of(const MemberChange& change) {
  return change.kind == MemberChange::Kind::joined ? "joined" : "lost";
}

}  // namespace

RunSummary Trainer::Impl::run_elastic() {
  const std::string card = kernel_card(options_.membership->worker());
  compare_kernels_with(options_.membership->agree("kernels", card), card);
  while (true) {
    try {
      enter(options_.membership->join(options_.stop));
      if (!options_.group) return {};  // it has left
      while (!finished() && !change_agreed_) {
        step();
        if (finished()) stop_sharing();
        keep_folder();
        between_steps();
        tended_ = progress_.step;
      }
      if (finished()) return finish_together();
      leave();
    } catch (const FencedError&) {
      throw;
    } catch (const PeerError& error) {
      if (!failed_at_) failed_at_ = TimeUse::Clock::now();
      if (dynamic_cast<const DamagedMessageError*>(&error) != nullptr)
        damaged_message_ = error.what();
      leave();
      options_.membership->report(error);
    }
  }
}

// The end of the run. Nobody goes before all that it leaves is written.
RunSummary Trainer::Impl::finish_together() {
  keep_folder();
  RunSummary result = finish();
  if (is_first()) options_.membership->job_done();
  options_.group->barrier();
  return result;
}

// Who cannot reach the store may have been given up, and another one may write there now.
void Trainer::Impl::keep_folder() {
  if (!is_first() || options_.membership->in_touch()) return;
  options_.membership->confirm();
  if (options_.take_over) options_.take_over(/*goes_on=*/true);
}

void Trainer::Impl::enter(Membership::Group joined) {
  generation_ = std::move(joined.generation);
  options_.group = std::move(joined.communicator);
  if (!options_.group) return;
  change_agreed_ = false;
  make_reduction();
  synchronise();
  share_update();
  own_lanes();
  if (exchange_due())
    meet();
  else if (own_steps() && finished())
    agree_on_result();
  if (progress_.step > 0 && tended_ < progress_.step) between_steps();
  tended_ = progress_.step;
}

void Trainer::Impl::leave() {
  if (options_.group) options_.group->abort();
  team_.reset();  // before the group that it uses
  stop_sharing();
  options_.group.reset();
}

void Trainer::Impl::tell_progress(WorkerActivity activity) const {
  if (options_.membership == nullptr) return;
  options_.membership->set_progress(progress_.step, activity);
  if (options_.leave != nullptr && options_.leave->load()) options_.membership->ask_to_leave();
}

Json Trainer::Impl::describe_self() const {
  return {{"worker", options_.membership->worker()},
          {"step", has_state_ ? progress_.step : -1},
          {"met", met_},
          {"tended", tended_},
          {"first", was_first_},
          {"updates", progress_.updates},
          {"skipped", progress_.skipped},
          {"seconds", progress_.seconds + meter_.seconds},
          {"loss", last_loss_},
          {"rate", last_rate_},
          {"norm", last_norm_},
          {"damaged", damaged_message_},
          {"repaired", has_state_ ? Json::array() : repaired_data(options_.model_meta)},
          {"identity", identity_},
          {"data", options_.data_fingerprint}};
}

// All members have one state afterwards: that of the step that one of them came to.
void Trainer::Impl::synchronise() {
  std::vector<Json> members;
  for (const std::string& text : options_.group->all_gather(describe_self().dump()))
    members.push_back(Json::parse(text));
  require_same_job(members);
  const auto furthest =
      std::max_element(members.begin(), members.end(), [](const Json& a, const Json& b) {
        return std::tie(a["step"], a["met"]) < std::tie(b["step"], b["met"]);
      });
  const auto source = static_cast<int>(furthest - members.begin());
  std::string from = fmt::format("worker {}", (*furthest)["worker"].get<int>());
  if (furthest->at("step") < 0) {
    begin_run();
    from = progress_.step > 0 ? "a checkpoint" : "the beginning";
  } else {
    catch_up(members, source);
  }
  emit_changes(members, from);
  was_first_ = is_first();
  failed_at_.reset();
  damaged_message_.clear();
}

void Trainer::Impl::require_same_job(const std::vector<Json>& members) const {
  std::vector<std::string> data;
  std::vector<std::size_t> numbers;
  for (const Json& member : members) {
    data.push_back(member["data"]);
    numbers.push_back(member["worker"]);
    if (member["identity"] != members[0]["identity"]) {
      throw InputError(
          fmt::format("workers {} and {} run different jobs; give all launchers the "
                      "same job file and options",
                      members[0]["worker"].get<int>(), member["worker"].get<int>()));
    }
  }
  if (!data[0].empty()) require_same_data(data, numbers);
}

// Nobody has a state: at the start, or after all workers were lost.
void Trainer::Impl::begin_run() {
  const bool goes_on = options_.resume || generation_.number > 1;
  forget_state();  // a part of another worker's may have been received
  Json resumed;
  if (is_first()) {
    if (options_.take_over) options_.take_over(goes_on);
    if (goes_on && checkpoints_) resumed = restore_newest();
    if (own_steps() && !resumed.is_null()) restore_for_all();
  }
  const Json own = {{"resumed", !resumed.is_null()},
                    {"step", progress_.step},
                    {"updates", progress_.updates},
                    {"skipped", progress_.skipped},
                    {"seconds", progress_.seconds}};
  const Json first = Json::parse(options_.group->all_gather(own.dump())[0]);
  progress_ = {first["step"], first["updates"], first["skipped"], first["seconds"]};
  met_ = progress_.step;
  if (first["resumed"]) share_beginning();
  full_states_.clear();
  has_state_ = true;
  tended_ = progress_.step;
  if (!is_first()) return;
  log_ = open_log();
  note_earlier_log();
  emit_start();
  if (!resumed.is_null()) emit(resumed);
}

// What worker 0 has read, to all.
void Trainer::Impl::share_beginning() {
  if (!team_) return;
  team_->distribute_from(0, *weights_, states_);
  if (!own_steps()) return;
  std::vector<int> others;
  for (int w = 1; w < workers(); ++w) others.push_back(w);
  copy_own_state(0, others);
}

// What `from` told of itself, by whoever has its state now.
void Trainer::Impl::take_told(const Json& from) {
  progress_.seconds = from["seconds"].get<double>() - meter_.seconds;
  last_loss_ = from["loss"];
  last_rate_ = from["rate"];
  last_norm_ = from["norm"];
  has_state_ = true;
}

// With steps of each worker's own: who took part in the last exchange, or has given all that it had
// to those who did, keeps what it has. The others begin as a copy of who came furthest.
void Trainer::Impl::catch_up_own(const std::vector<Json>& members, int source) {
  const Json& from = members[static_cast<std::size_t>(source)];
  std::vector<int> takers;
  for (int w = 0; w < workers(); ++w) {
    const Json& member = members[static_cast<std::size_t>(w)];
    // In gossip pairs meet, and what one missed the others have not either.
    const bool keeps =
        member["step"] >= 0 && (member["met"] == from["met"] || job_.strategy.kind == "gossip");
    if (!keeps) takers.push_back(w);
  }
  copy_own_state(source, takers);
  progress_.step = from["step"];
  met_ = from["met"];
  if (!has_state_) take_told(from);
}

void Trainer::Impl::catch_up(const std::vector<Json>& members, int source) {
  const Json& from = members[static_cast<std::size_t>(source)];
  const std::int64_t step = from["step"];
  const bool all_there = std::all_of(members.begin(), members.end(),
                                     [&](const Json& member) { return member["step"] == step; });
  if (own_steps()) {
    catch_up_own(members, source);
  } else if (!all_there && team_) {
    // Half a state is none, should this be interrupted.
    if (progress_.step != step) has_state_ = false;
    team_->distribute_from(source, *weights_, states_);
    progress_ = {step, from["updates"], from["skipped"]};
    take_told(from);
  }
  // The first may be a step behind: then nobody has told the others' last one.
  bool tend_again = !members[0]["first"].get<bool>() || members[0]["tended"] < step;
  for (const Json& member : members)
    tend_again = tend_again || (member["step"] == step && member["tended"] < step);
  tended_ = tend_again ? step - 1 : step;
  if (is_first()) take_over_folder(/*goes_on=*/true, tend_again);
}

void Trainer::Impl::take_over_folder(bool goes_on, bool tend_again) {
  if (!was_first_ && options_.take_over) options_.take_over(goes_on);
  if (!options_.out.empty() && (!was_first_ || tend_again)) {
    log_.reset();
    log_ = continue_json_lines_log(options_.out / "metrics.jsonl",
                                   progress_.step + (tend_again ? 0 : 1));
  }
  if (!was_first_) emit_start();
}

void Trainer::Impl::emit_repairs(const Json& member) {
  const auto tell = [&](const char* what, const std::string& text) {
    Json repaired = event("repaired");
    repaired["what"] = what;
    repaired["worker"] = member["worker"];
    repaired["text"] = text;
    emit(repaired);
  };
  for (const Json& line : member["repaired"]) tell("data", line);
  if (const std::string damaged = member["damaged"]; !damaged.empty())
    tell("message", damaged + "; the step is run again");
}

// The log that is gone on with may be an earlier job's, whose workers had the same numbers. Before
// the first line of this one.
void Trainer::Impl::note_earlier_log() {
  const auto earlier =
      options_.out.empty() ? std::nullopt : told_so_far(options_.out / "metrics.jsonl");
  options_.membership->agree("earlier_log", fmt::format("{}", earlier ? earlier->time : 0.0));
}

// Each once: who told the last ones may have been lost, or have left, before it noted that it did,
// but then the log has them.
std::vector<MemberChange> Trainer::Impl::untold_changes() {
  std::vector<MemberChange> changes = options_.membership->untold_changes();
  if (changes.empty() || options_.out.empty()) return changes;
  const double earlier = std::stod(options_.membership->agree("earlier_log", "0"));
  const auto told = told_changes(options_.out / "metrics.jsonl", earlier);
  std::erase_if(changes, [&](const MemberChange& change) {
    return told.contains({event_of(change), change.worker});
  });
  return changes;
}

void Trainer::Impl::emit_changes(const std::vector<Json>& members, const std::string& from) {
  if (!is_first()) return;
  keep_folder();
  for (const MemberChange& change : untold_changes()) {
    Json told = event(event_of(change));
    told["worker"] = change.worker;
    told["host"] = change.host;
    if (change.kind == MemberChange::Kind::joined)
      told["from"] = from;
    else
      told["reason"] = change.reason;
    told["generation"] = generation_.number;
    told["workers"] = workers();
    emit(told);
  }
  for (const Json& member : members) emit_repairs(member);
  options_.membership->changes_told();
  if (generation_.number == 1) return;
  emit_lanes("other workers", 0, 0);
  if (!failed_at_) return;
  Json recovered = event("recovered");
  recovered["generation"] = generation_.number;
  recovered["seconds"] = std::chrono::duration<double>(TimeUse::Clock::now() - *failed_at_).count();
  emit(recovered);
}

}  // namespace convoy
