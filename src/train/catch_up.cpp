// Declared in train/trainer_impl.hpp.
// How a group begins, or goes on from the one before (docs/design/elastic.md).
// A step is over where it has been updated; what is under way when the group breaks is thrown away
// and run again by the next one, which starts from the state of a member that came furthest.
#include <fmt/format.h>

#include <algorithm>
#include <tuple>

#include "convoy/core/error.hpp"
#include "convoy/data/load.hpp"
#include "train/run_identity.hpp"
#include "train/trainer_impl.hpp"

namespace convoy {
namespace {

using Json = nlohmann::ordered_json;

// A line for each damaged file of a package that this worker fetched again.
Json repaired_data(const Json& model_meta) {
  if (!model_meta.contains("data")) return Json::array();
  return model_meta["data"].value("repaired", Json::array());
}

}  // namespace

std::vector<std::string> Trainer::Impl::all_gather(const std::string& mine) const {
  if (session_->group() == nullptr) return {mine};
  return session_->group()->all_gather(mine);
}

void Trainer::Impl::join_in() {
  change_members_ = false;
  strategy_->enter(session_->group(), even_ownership(lanes_, session_->size()));
  const bool begins = session_->begins();
  recorder_->record(session_->records());
  if (session_->is_elastic()) {
    synchronise();
  } else if (begins) {
    if (session_->takes_over() && options_.take_over) options_.take_over(/*goes_on=*/true);
    begin_run();
    session_->began();
  }
  was_recorder_ = session_->records();
  if (step_ > 0 && due_done_ < step_) between_steps();
  due_done_ = step_;
}

void Trainer::Impl::abort_group() {
  session_->leave();
  strategy_->leave();
}

Json Trainer::Impl::describe_self() const {
  const StepCounts counts = strategy_->counts();
  return {{"worker", session_->number_of(session_->rank())},
          {"step", has_state_ ? step_ : -1},
          {"agreed", strategy_->agreed(step_)},
          {"due_done", due_done_},
          {"recorder", was_recorder_},
          {"updates", counts.updates},
          {"skipped", counts.skipped},
          {"seconds", earlier_seconds_ + recorder_->seconds()},
          {"loss", last_.loss},
          {"rate", last_.rate},
          {"norm", last_.norm},
          {"damaged", damaged_message_},
          {"repaired", has_state_ ? Json::array() : repaired_data(options_.model_meta)},
          {"identity", identity_},
          {"data", options_.data_fingerprint}};
}

// All members have one state afterwards: that of the step that one of them came to.
void Trainer::Impl::synchronise() {
  std::vector<Json> members;
  for (const std::string& text : all_gather(describe_self().dump()))
    members.push_back(Json::parse(text));
  require_same_job(members);
  const auto furthest =
      std::max_element(members.begin(), members.end(), [](const Json& a, const Json& b) {
        return std::tie(a["step"], a["agreed"]) < std::tie(b["step"], b["agreed"]);
      });
  std::string from = fmt::format("worker {}", (*furthest)["worker"].get<int>());
  if (furthest->at("step") < 0) {
    begin_run();
    from = step_ > 0 ? "a checkpoint" : "the beginning";
  } else {
    catch_up(members, static_cast<int>(furthest - members.begin()));
  }
  log_changes(members, from);
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
  if (options_.resume && !checkpoint_manager_)
    throw InputError("--resume needs the run's folder (--out)");
  const bool goes_on = options_.resume || session_->generation() > 1;
  const bool records = session_->records();
  if (session_->is_elastic()) strategy_->forget();  // half of another one's may be there
  if (records && session_->is_elastic() && options_.take_over) options_.take_over(goes_on);
  std::optional<CheckpointManager::Found> found;
  Progress progress;
  if (records && goes_on && checkpoint_manager_) found = checkpoint_manager_->read_newest();
  if (found) progress = progress_of(found->reader.state, found->reader.file);
  const Json own = {{"resumed", found.has_value()},
                    {"step", progress.step},
                    {"updates", progress.updates},
                    {"skipped", progress.skipped},
                    {"seconds", progress.seconds}};
  const Json first = Json::parse(all_gather(own.dump())[0]);
  step_ = first["step"];
  earlier_seconds_ = first["seconds"];
  strategy_->set_counts({first["updates"], first["skipped"]});
  if (first["resumed"]) strategy_->load(found ? &found->reader : nullptr);
  strategy_->start_at(step_, step_);
  has_state_ = true;
  due_done_ = step_;
  if (!records) return;
  recorder_->open(step_);
  note_earlier_log();
  recorder_->start(session_->size(), step_);
  if (!found) return;
  Json resumed = recorder_->event("resumed", step_);
  resumed.update(found->event);
  recorder_->emit(resumed);
}

// Who keeps what it has, and who begins as a copy of who came furthest.
void Trainer::Impl::catch_up(const std::vector<Json>& members, int source) {
  const Json& from = members[static_cast<std::size_t>(source)];
  const std::int64_t step = from["step"];
  const std::int64_t agreed = from["agreed"];
  std::vector<int> takers;
  for (std::size_t w = 0; w < members.size(); ++w) {
    const bool keeps =
        members[w]["step"] >= 0 &&
        strategy_->keeps_own(members[w]["agreed"], agreed, /*finished=*/step >= total_steps_);
    if (!keeps) takers.push_back(static_cast<int>(w));
  }
  if (std::find(takers.begin(), takers.end(), session_->rank()) != takers.end()) {
    has_state_ = false;  // half a state is none, should this be interrupted
    strategy_->set_counts({from["updates"], from["skipped"]});
    strategy_->copy_from(source, takers);
    adopt_progress(from);
  } else {
    strategy_->copy_from(source, takers);
  }
  step_ = step;
  strategy_->start_at(step, agreed);
  // The first may be a step behind: then nobody has logged the others' last one.
  bool again = !members[0]["recorder"].get<bool>() || members[0]["due_done"] < step;
  for (const Json& member : members)
    again = again || (member["step"] == step && member["due_done"] < step);
  due_done_ = again ? step - 1 : step;
  if (session_->records()) take_over_log();
}

// What `from` says of itself, by whoever has its state now.
void Trainer::Impl::adopt_progress(const Json& from) {
  earlier_seconds_ = from["seconds"].get<double>() - recorder_->seconds();
  last_ = {from["loss"], from["rate"], from["norm"]};
  has_state_ = true;
}

void Trainer::Impl::take_over_log() {
  const bool again = due_done_ < step_;
  if (!was_recorder_ && options_.take_over) options_.take_over(/*goes_on=*/true);
  if (!was_recorder_ || again) recorder_->go_on(step_ + (again ? 0 : 1));
  if (!was_recorder_) recorder_->start(session_->size(), step_);
}

// Another process recorded the run, and is gone. The last steps are logged from what this one knows
// of them; an evaluation or a checkpoint that may have been due is made up for.
void Trainer::Impl::take_over_served(const StepOutcome& outcome) {
  was_recorder_ = true;
  recorder_->record(true);
  const auto before = std::max<std::int64_t>(0, outcome.step - 1);
  const auto file = options_.out / "metrics.jsonl";
  const auto logged = options_.out.empty() ? std::nullopt : logged_progress(file);
  step_ = logged ? std::min(logged->step, before) : before;
  StepCounts counts;
  if (logged) counts.skipped = logged->skipped;
  if (logged) earlier_seconds_ = logged->seconds - recorder_->seconds();
  counts.updates = step_ - counts.skipped;
  strategy_->set_counts(counts);
  recorder_->go_on(step_ + 1);
  overdue_ = true;
  uncounted_seconds_ = 0;
  recorder_->start(session_->size(), step_);
}

// The log that is gone on with may be an earlier job's, whose workers had the same numbers. Before
// the first line of this one.
void Trainer::Impl::note_earlier_log() {
  const auto earlier =
      options_.out.empty() ? std::nullopt : logged_progress(options_.out / "metrics.jsonl");
  session_->agree("earlier_log", fmt::format("{}", earlier ? earlier->time : 0.0));
}

// Each once: who logged the last ones may have been lost, or have left, before it noted that it
// did, but then the log has them.
std::vector<Json> Trainer::Impl::unlogged_changes(const std::string& from) {
  std::vector<Json> changes = session_->changes(from);
  if (changes.empty() || options_.out.empty() || !session_->is_elastic()) return changes;
  const double earlier = std::stod(session_->agree("earlier_log", "0"));
  const auto logged = logged_changes(options_.out / "metrics.jsonl", earlier);
  std::erase_if(changes, [&](const Json& change) {
    return logged.contains({change["event"].get<std::string>(), change["worker"].get<int>()});
  });
  return changes;
}

void Trainer::Impl::log_changes(const std::vector<Json>& members, const std::string& from) {
  const double recovery_seconds = session_->take_recovery_seconds();
  if (!session_->records()) return;
  if (session_->takes_over() && options_.take_over) options_.take_over(/*goes_on=*/true);
  for (Json& change : unlogged_changes(from)) {
    Json event = recorder_->event(change["event"], step_);
    event.update(change);
    recorder_->emit(event);
  }
  for (const Json& member : members) {
    for (const Json& line : member["repaired"])
      recorder_->repaired(step_, "data", member["worker"], line);
    if (const std::string damaged = member["damaged"]; !damaged.empty())
      recorder_->repaired(step_, "message", member["worker"], damaged + "; the step is run again");
  }
  session_->changes_logged();
  if (session_->generation() == 1) return;
  log_moved("other workers", {even_ownership(lanes_, session_->size())});
  if (recovery_seconds < 0) return;
  Json recovered = recorder_->event("recovered", step_);
  recovered["generation"] = session_->generation();
  recovered["seconds"] = recovery_seconds;
  recorder_->emit(recovered);
}

void Trainer::Impl::log_moved(const char* reason, const MovedLanes& lanes) {
  std::vector<int> numbers;
  for (std::size_t w = 0; w < lanes.lanes.size(); ++w)
    numbers.push_back(session_->number_of(static_cast<int>(w)));
  recorder_->moved(step_, reason, lanes, numbers);
}

}  // namespace convoy
