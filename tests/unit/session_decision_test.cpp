// Who takes part: what follows from what is known of an elastic job's workers.
#include <gtest/gtest.h>

#include <map>
#include <string>
#include <vector>

#include "session/decision.hpp"

namespace convoy {
namespace session_decision_test {

using namespace std::chrono_literals;
using Kind = MemberChange::Kind;

WorkerView starting() {
  return {.host = "a"};
}

WorkerView ready(const std::string& machine = "m") {
  return {.host = machine, .machine = machine};
}

WorkerView lost(const std::string& reason = "was killed by signal 9 (SIGKILL)") {
  WorkerView view = ready();
  view.lost = reason;
  return view;
}

WorkerView leaving() {
  WorkerView view = ready();
  view.leaving = true;
  return view;
}

/// Workers 0 and up, all ready and all members of generation 1.
JobView training(int workers) {
  JobView view;
  view.latest.number = 1;
  for (int worker = 0; worker < workers; ++worker) {
    view.workers[worker] = ready();
    view.latest.members.push_back({worker, "m"});
  }
  return view;
}

std::vector<int> members_of(const std::optional<Generation>& generation) {
  std::vector<int> workers;
  if (!generation) return workers;
  for (const Member& member : generation->members) workers.push_back(member.worker);
  return workers;
}

std::vector<std::string> changes_of(const std::optional<Generation>& generation) {
  std::vector<std::string> changes;
  if (!generation) return changes;
  for (const MemberChange& change : generation->changes)
    changes.push_back(name_of(change.kind) + (" " + std::to_string(change.worker)));
  return changes;
}

using Workers = std::vector<int>;
using Changes = std::vector<std::string>;

// The start

TEST(Decision, AtTheStartAllThatWereStartedAreWaitedFor) {
  JobView view;
  EXPECT_FALSE(decide({}, {}));
  view.workers = {{0, ready()}, {1, starting()}, {2, ready()}};
  EXPECT_FALSE(decide(view, {}));
  view.workers[1] = ready();
  const auto first = decide(view, {});
  EXPECT_EQ(members_of(first), (Workers{0, 1, 2}));
  EXPECT_EQ(changes_of(first), (Changes{"joined 0", "joined 1", "joined 2"}));
  EXPECT_EQ(first->number, 1);
}

TEST(Decision, AtTheStartTheLostAreNotWaitedFor) {
  JobView view;
  view.workers = {{0, ready()}, {1, lost()}};
  const auto first = decide(view, {});
  EXPECT_EQ(members_of(first), Workers{0});
  EXPECT_EQ(changes_of(first), Changes{"joined 0"}) << "it never took part: nobody lost it";
}

TEST(Decision, AtTheStartAllLaunchersAreWaitedFor) {
  JobView view;
  view.workers = {{0, ready()}};
  DecisionOptions options;
  options.launchers = 2;
  EXPECT_FALSE(decide(view, options));
  view.launchers = 2;
  EXPECT_TRUE(decide(view, options));
}

TEST(Decision, AtTheStartWorkersThatALauncherHasNotYetAnnouncedAreWaitedFor) {
  JobView view;
  view.workers = {{0, ready()}};
  view.announced = 2;
  EXPECT_FALSE(decide(view, {}));
  view.workers[1] = lost();
  EXPECT_EQ(members_of(decide(view, {})), Workers{0});
}

TEST(Decision, NobodyIsWaitedForLongerThanToGather) {
  JobView view;
  view.workers = {{0, ready()}, {1, starting()}};
  DecisionOptions options;
  options.launchers = 2;
  options.gather = 10s;
  view.waited = 9'999ms;
  EXPECT_FALSE(decide(view, options));
  view.waited = 10s;
  EXPECT_EQ(members_of(decide(view, options)), Workers{0});
}

TEST(Decision, TooFewDoNotBegin) {
  JobView view;
  view.workers = {{0, ready()}, {1, lost()}};
  DecisionOptions options;
  options.least = 2;
  EXPECT_FALSE(decide(view, options));
}

// Losses and joiners

TEST(Decision, NothingChangesWhileAllAreWell) {
  EXPECT_FALSE(decide(training(3), {}));
}

TEST(Decision, ALossIsUrgentAndTheOthersGoOn) {
  JobView view = training(3);
  view.workers[1] = lost("was killed");
  const auto next = decide(view, {});
  EXPECT_EQ(members_of(next), (Workers{0, 2}));
  EXPECT_EQ(changes_of(next), Changes{"lost 1"});
  EXPECT_EQ(next->changes[0].reason, "was killed");
  EXPECT_EQ(next->number, 2);
  EXPECT_TRUE(next->urgent);
}

TEST(Decision, SilenceIsALossLikeAnyOther) {
  JobView view = training(2);
  view.workers[0] = lost("sent no heartbeat for 5.0 s");
  EXPECT_EQ(members_of(decide(view, {})), Workers{1});
}

TEST(Decision, BelowTheLeastNothingIsDecidedUntilAnotherComes) {
  JobView view = training(2);
  DecisionOptions options;
  options.least = 2;
  view.workers[0] = lost();
  EXPECT_FALSE(decide(view, options));
  view.workers[2] = starting();
  EXPECT_FALSE(decide(view, options));
  view.workers[2] = ready();
  const auto next = decide(view, options);
  EXPECT_EQ(members_of(next), (Workers{1, 2}));
  EXPECT_EQ(changes_of(next), (Changes{"lost 0", "joined 2"}));
  EXPECT_TRUE(next->urgent);
}

TEST(Decision, WhenAllAreLostTheNewOnesGoOn) {
  JobView view = training(2);
  view.workers = {{0, lost()}, {1, lost()}, {2, ready()}};
  EXPECT_EQ(members_of(decide(view, {})), Workers{2});
  view.workers.erase(2);
  EXPECT_FALSE(decide(view, {}));
}

TEST(Decision, AJoinerWaitsForTheEndOfTheStep) {
  JobView view = training(2);
  view.workers[2] = starting();
  EXPECT_FALSE(decide(view, {}));
  view.workers[2] = ready();
  const auto next = decide(view, {});
  EXPECT_EQ(members_of(next), (Workers{0, 1, 2}));
  EXPECT_EQ(changes_of(next), Changes{"joined 2"});
  EXPECT_FALSE(next->urgent);
}

TEST(Decision, WhoWasLostOnceNeverJoins) {
  JobView view = training(1);
  view.workers[1] = lost();
  EXPECT_FALSE(decide(view, {}));
}

// Leaving

TEST(Decision, WhoAsksToLeaveIsLeftOutWithoutHaste) {
  JobView view = training(3);
  view.workers[1] = leaving();
  const auto next = decide(view, {});
  EXPECT_EQ(members_of(next), (Workers{0, 2}));
  EXPECT_EQ(changes_of(next), Changes{"left 1"});
  EXPECT_FALSE(next->urgent);
}

TEST(Decision, NobodyLeavesWhileTooFewWouldBeLeft) {
  JobView view = training(2);
  DecisionOptions options;
  options.least = 2;
  view.workers[1] = leaving();
  EXPECT_FALSE(decide(view, options));
  view.workers[2] = ready();
  EXPECT_EQ(members_of(decide(view, options)), (Workers{0, 2}));
}

TEST(Decision, OfSeveralOnlyAsManyLeaveAsMay) {
  JobView view = training(3);
  DecisionOptions options;
  options.least = 2;
  view.workers[0] = leaving();
  view.workers[2] = leaving();
  EXPECT_EQ(members_of(decide(view, options)), (Workers{1, 2}));
}

TEST(Decision, WhoAloneHasTheStateLeavesOnceAnotherHasIt) {
  JobView view = training(1);
  view.workers[0] = leaving();
  view.workers[1] = ready();
  auto next = decide(view, {});
  EXPECT_EQ(members_of(next), (Workers{0, 1}));
  view.latest = *next;
  view.settled = false;
  EXPECT_FALSE(decide(view, {}));
  view.settled = true;
  EXPECT_EQ(members_of(decide(view, {})), Workers{1});
}

TEST(Decision, WhoLeavesDoesNotJoinAgain) {
  JobView view = training(1);
  view.workers[1] = leaving();
  EXPECT_FALSE(decide(view, {}));
}

// Suspicions: the group broke, and nobody is known to be lost.

TEST(Decision, ASuspicionWaitsForTheCauseToBeKnown) {
  JobView view = training(3);
  view.suspicions[0] = {1, "its connection was closed"};
  view.suspected_for = 999ms;
  EXPECT_FALSE(decide(view, {}));
  view.workers[1] = lost("was killed");
  const auto next = decide(view, {});
  EXPECT_EQ(members_of(next), (Workers{0, 2}));
  EXPECT_EQ(next->changes[0].reason, "was killed") << "what is known, not what is suspected";
}

TEST(Decision, WhoIsAccusedAndAccusesNobodyHangs) {
  JobView view = training(3);
  view.suspicions = {{0, {1, "worker 1 is late"}}, {2, {1, "worker 1 is late"}}};
  view.suspected_for = 1s;
  const auto next = decide(view, {});
  EXPECT_EQ(members_of(next), (Workers{0, 2}));
  EXPECT_EQ(changes_of(next), Changes{"lost 1"});
  EXPECT_EQ(next->changes[0].reason, "worker 1 is late");
  EXPECT_TRUE(next->urgent);
}

TEST(Decision, WhoAccuseEachOtherTryAgainTogether) {
  JobView view = training(2);
  view.suspicions = {{0, {1, "late"}}, {1, {0, "late"}}};
  const auto next = decide(view, {});  // all have spoken: nothing more to wait for
  EXPECT_EQ(members_of(next), (Workers{0, 1}));
  EXPECT_TRUE(next->changes.empty());
  EXPECT_TRUE(next->urgent);
  EXPECT_EQ(next->number, 2);
}

TEST(Decision, WhoAccuseEachOtherAgainAndAgainArePartedAtLast) {
  JobView view = training(2);
  view.suspicions = {{0, {1, "late"}}, {1, {0, "late"}}};
  view.fruitless = 2;
  EXPECT_EQ(members_of(decide(view, {})), (Workers{0, 1}));
  view.fruitless = 3;
  EXPECT_EQ(members_of(decide(view, {})), Workers{0});
}

TEST(Decision, ASuspicionOfNobodyIsTriedAgain) {
  JobView view = training(2);
  view.suspicions[0] = {-1, "the group could not be formed"};
  view.suspected_for = 1s;
  const auto next = decide(view, {});
  EXPECT_EQ(members_of(next), (Workers{0, 1}));
  EXPECT_TRUE(next->urgent);
}

TEST(Decision, ADamagedMessageIsNoLoss) {
  JobView view = training(2);
  view.suspicions[0] = {1, "a message came damaged", true};
  view.suspected_for = 1s;
  const auto next = decide(view, {});
  EXPECT_EQ(members_of(next), (Workers{0, 1}));
  EXPECT_TRUE(next->changes.empty());
  EXPECT_TRUE(next->urgent);
}

TEST(Decision, WhoseMessagesAreDamagedAgainAndAgainIsLost) {
  JobView view = training(3);
  view.suspicions[0] = {1, "a message came damaged", true};
  view.suspected_for = 1s;
  view.fruitless = 3;
  EXPECT_EQ(members_of(decide(view, {})), (Workers{0, 2}));
}

TEST(Decision, AnAccusedThatIsAlreadyGoneIsNotLostTwice) {
  JobView view = training(2);
  view.suspicions[0] = {7, "worker 7 is late"};
  view.suspected_for = 1s;
  const auto next = decide(view, {});
  EXPECT_EQ(members_of(next), (Workers{0, 1}));
  EXPECT_TRUE(next->changes.empty());
}

TEST(Decision, WhenAllButTheAccuserAreGoneItStaysBelowTheLeast) {
  JobView view = training(2);
  DecisionOptions options;
  options.least = 2;
  view.suspicions[0] = {1, "late"};
  view.suspected_for = 1s;
  EXPECT_FALSE(decide(view, options));
}

// Without its end it would not be replaced, and too few would wait for each other for good.
TEST(Decision, WhoIsEvictedIsLostEvenIfTooFewAreLeft) {
  JobView view = training(2);
  DecisionOptions options;
  options.least = 2;
  view.suspicions[0] = {1, "late"};
  EXPECT_TRUE(evicted(view, options).empty()) << "not yet";
  view.suspected_for = 1s;
  EXPECT_EQ(evicted(view, options), (std::map<int, std::string>{{1, "late"}}));
  view.workers[1].lost = "late";
  EXPECT_TRUE(evicted(view, options).empty()) << "that is known";
  EXPECT_FALSE(decide(view, options));
  view.workers[2] = ready();
  EXPECT_EQ(members_of(decide(view, options)), (Workers{0, 2}));
}

TEST(Decision, OfThoseWhoAccuseEachOtherAgainAndAgainOneIsEvicted) {
  JobView view = training(2);
  view.suspicions = {{0, {1, "damaged", true}}, {1, {0, "closed"}}};
  view.fruitless = 2;
  EXPECT_TRUE(evicted(view, {}).empty());
  view.fruitless = 3;
  EXPECT_EQ(evicted(view, {}), (std::map<int, std::string>{{1, "damaged"}}));
}

// Ranks

TEST(Decision, WorkersOfAMachineAreNeighbours) {
  JobView view;
  view.workers = {{0, ready("a")}, {1, ready("b")}, {2, ready("a")}, {3, ready("b")}};
  EXPECT_EQ(members_of(decide(view, {})), (Workers{0, 2, 1, 3}));
}

TEST(Decision, AJoinerComesBesideThoseOfItsMachine) {
  JobView view = training(0);
  view.workers = {{0, ready("a")}, {1, ready("a")}, {2, ready("b")}};
  view.latest.members = {{0, "a"}, {1, "a"}, {2, "b"}};
  view.workers[5] = ready("a");
  view.workers[6] = ready("c");
  const auto next = decide(view, {});
  EXPECT_EQ(members_of(next), (Workers{0, 1, 5, 2, 6}));
  EXPECT_EQ(next->rank_of(2), 3);
  EXPECT_EQ(next->rank_of(4), -1);
}

TEST(Decision, TheOrderOfTheMachinesStaysWhenOneLosesItsFirst) {
  JobView view = training(0);
  view.workers = {{0, lost()}, {1, ready("b")}, {2, ready("a")}};
  view.latest.members = {{0, "a"}, {2, "a"}, {1, "b"}};
  EXPECT_EQ(members_of(decide(view, {})), (Workers{2, 1}));
}

}  // namespace session_decision_test
}  // namespace convoy
