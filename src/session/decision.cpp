#include "session/decision.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>
#include <vector>

namespace convoy {
namespace {

using Change = MemberChange::Kind;
constexpr int patience_with_suspects = 2;  // generations

// Whether the group broke, and more about it will hardly be known.
bool suspicions_count(const JobView& view, const DecisionOptions& options) {
  const bool all = view.suspicions.size() == view.latest.members.size();
  return !view.suspicions.empty() && (all || view.suspected_for >= options.certainty);
}

bool somebody_is_lost(const JobView& view) {
  const auto& members = view.latest.members;
  return std::any_of(members.begin(), members.end(), [&](const Member& member) {
    const auto found = view.workers.find(member.worker);
    return found != view.workers.end() && found->second.lost;
  });
}

class Deciding {
 public:
  Deciding(const JobView& view, const DecisionOptions& options) : view_(view), options_(options) {}

  std::optional<Generation> run() {
    if (view_.latest.number == 0 && !all_have_gathered()) return std::nullopt;
    remove_lost();
    // The group broke, and nobody is to blame: all try again.
    const bool try_again = next_.changes.empty() && suspicions_count(view_, options_);
    next_.urgent = next_.urgent || try_again;
    remove_leaving();
    add_joining();
    const bool same = next_.changes.empty() && !try_again;
    if (same || next_.members.empty() || static_cast<int>(next_.members.size()) < options_.least)
      return std::nullopt;
    order_by_machine();
    next_.number = view_.latest.number + 1;
    return std::move(next_);
  }

 private:
  bool joins(int worker, const WorkerView& its) const {
    return its.ready() && !its.lost && !its.leaving && view_.latest.rank_of(worker) < 0;
  }

  // At the start, all that were started are waited for.
  bool all_have_gathered() const {
    const bool all = std::all_of(view_.workers.begin(), view_.workers.end(), [](const auto& entry) {
      return entry.second.ready() || entry.second.lost;
    });
    const bool all_announced = static_cast<int>(view_.workers.size()) >= view_.announced &&
                               view_.launchers >= options_.launchers;
    return (all && all_announced) || view_.waited >= options_.gather;
  }

  void remove_lost() {
    next_.urgent = false;
    const std::map<int, std::string> accused = evicted(view_, options_);
    for (const Member& member : view_.latest.members) {
      const auto found = view_.workers.find(member.worker);
      if (found != view_.workers.end() && found->second.lost)
        drop(member, Change::lost, *found->second.lost);
      else if (accused.contains(member.worker))
        drop(member, Change::lost, accused.at(member.worker));
      else
        next_.members.push_back(member);
    }
  }

  void drop(const Member& member, Change kind, const std::string& reason) {
    next_.changes.push_back({kind, member.worker, member.host, reason});
    next_.urgent = next_.urgent || kind == Change::lost;
  }

  // Only as long as enough are left, one of them a member until now, and once all members have the
  // state: who leaves may be the only one that had it.
  void remove_leaving() {
    if (!view_.settled) return;
    int joining = 0;
    for (const auto& [worker, its] : view_.workers) joining += joins(worker, its) ? 1 : 0;
    const std::vector<Member> before = next_.members;
    for (const Member& member : before) {
      const auto found = view_.workers.find(member.worker);
      if (found == view_.workers.end() || !found->second.leaving) continue;
      const auto staying = static_cast<int>(next_.members.size());
      if (staying == 1 || staying + joining <= options_.least) return;
      std::erase(next_.members, member);
      drop(member, Change::left, "asked to leave");
    }
  }

  void add_joining() {
    for (const auto& [worker, its] : view_.workers) {
      if (!joins(worker, its)) continue;
      next_.members.push_back({worker, its.host});
      next_.changes.push_back({Change::joined, worker, its.host, ""});
    }
  }

  // Workers of a machine are neighbours; machines are in the order in which they came.
  void order_by_machine() {
    std::vector<std::string> machines;
    const auto place = [&](const Member& member) {
      const auto found = view_.workers.find(member.worker);
      const std::string machine = found == view_.workers.end() ? "" : found->second.machine;
      const auto at = std::find(machines.begin(), machines.end(), machine);
      if (at != machines.end()) return at - machines.begin();
      machines.push_back(machine);
      return static_cast<std::ptrdiff_t>(machines.size()) - 1;
    };
    std::vector<std::pair<std::ptrdiff_t, Member>> placed;
    for (const Member& member : next_.members) placed.emplace_back(place(member), member);
    std::stable_sort(placed.begin(), placed.end(),
                     [](const auto& a, const auto& b) { return a.first < b.first; });
    std::transform(placed.begin(), placed.end(), next_.members.begin(),
                   [](auto& entry) { return std::move(entry.second); });
  }

  const JobView& view_;
  const DecisionOptions& options_;
  Generation next_;
};

}  // namespace

// Nobody is known to be lost, and yet the group broke: who is accused and accuses nobody has not
// noticed anything and hangs. Otherwise all try again, a few times.
std::map<int, std::string> evicted(const JobView& view, const DecisionOptions& options) {
  std::map<int, std::string> result;
  const auto& suspicions = view.suspicions;
  if (!suspicions_count(view, options) || somebody_is_lost(view)) return result;
  const auto evict = [&](const Suspicion& suspicion) {
    if (view.latest.rank_of(suspicion.about) >= 0) result[suspicion.about] = suspicion.text;
  };
  const bool patient = view.fruitless <= patience_with_suspects;
  const bool damaged = std::any_of(suspicions.begin(), suspicions.end(),
                                   [](const auto& entry) { return entry.second.damaged; });
  if (damaged && patient) return result;
  for (const auto& [accuser, suspicion] : suspicions) {
    if (!suspicions.contains(suspicion.about)) evict(suspicion);
  }
  if (!result.empty() || patient) return result;
  // They all accuse each other, again and again: the last one goes.
  const auto last = std::max_element(
      suspicions.begin(), suspicions.end(),
      [](const auto& a, const auto& b) { return a.second.about < b.second.about; });
  evict(last->second);
  return result;
}

std::optional<Generation> decide(const JobView& view, const DecisionOptions& options) {
  return Deciding(view, options).run();
}

}  // namespace convoy
