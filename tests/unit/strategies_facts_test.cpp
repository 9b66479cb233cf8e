// A strategy from outside the library: what a job, its checks, its explanation and the messages say
// of it comes from its registration.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "comm_support.hpp"
#include "convoy/core/error.hpp"
#include "convoy/job/job.hpp"
#include "convoy/strategies/registry.hpp"
#include "train_support.hpp"

namespace convoy {
namespace strategies_facts_test {

using ::testing::HasSubstr;

/// `traits`: what a strategy that is never made says of itself.
StrategyKind outside(const StrategyTraits& traits) {
  StrategyKind kind;
  kind.name = "outside";
  kind.keys = {"average_every"};
  kind.traits = [traits](const StrategyOptions&) { return traits; };
  kind.problem = [](const StrategyOptions& options) -> std::optional<StrategyProblem> {
    if (options.average_every < 100) return {};
    return StrategyProblem{"strategy.average_every", "is too rare; write 99 or less"};
  };
  kind.guarantees = {{"`outside`", "some", "little", "none", "M", nullptr}};
  kind.identity = [](const StrategyOptions&, int) { return nlohmann::ordered_json::object(); };
  kind.make = [](const StrategySetup&) { return std::unique_ptr<Strategy>(); };
  return kind;
}

class Registered {
 public:
  explicit Registered(const StrategyTraits& traits) { register_strategy(outside(traits)); }
  ~Registered() { remove_strategy("outside"); }
  Registered(const Registered&) = delete;
  Registered& operator=(const Registered&) = delete;
};

std::string error_of(const std::function<void()>& work) {
  try {
    work();
  } catch (const InputError& error) {
    return error.what();
  }
  return "no error";
}

std::string error_in(const std::string& yaml) {
  return error_of([&] {
    parse_job("data: {train: iris.csv, target: species}\nstrategy: {kind: outside}\n" + yaml,
              "job.yaml");
  });
}

TEST(StrategyFacts, AJobMayNameAStrategyAsLongAsItIsRegistered) {
  EXPECT_THAT(error_in(""), HasSubstr("strategy.kind"));
  {
    const Registered registered({});
    EXPECT_EQ(error_in(""), "no error");
    EXPECT_EQ(strategies_with("average_every").back(), "outside");
    EXPECT_EQ(strategy_names().back(), "outside");
  }
  EXPECT_THAT(error_in(""), HasSubstr("strategy.kind"));
  EXPECT_THAT(error_of([] { strategy_kind("outside"); }),
              HasSubstr("there is no outside; write synchronous, "));
}

TEST(StrategyFacts, TheJobIsCheckedByItsTraits) {
  {
    const Registered registered({.own_steps = true});
    EXPECT_EQ(error_in("train: {verify_every: 5}\n"),
              "job.yaml:3: train.verify_every: with strategy.kind outside workers have weights of "
              "their own between exchanges; write 0");
    EXPECT_EQ(error_in("partition: {by: column}\n"),
              "job.yaml:2: strategy.kind: with outside workers have whole models; partition.by "
              "column goes without it");
  }
  const Registered registered({.alike = true, .columns = true});
  EXPECT_EQ(error_in("train: {verify_every: 5}\n"), "no error");
  EXPECT_EQ(error_in("partition: {by: column}\n"), "no error");
}

TEST(StrategyFacts, TheJobIsCheckedByItsOwnProblems) {
  const Registered registered({});
  EXPECT_EQ(error_of([] {
              parse_job(
                  "data: {train: iris.csv, target: species}\n"
                  "strategy:\n  kind: outside\n  average_every: 100\n",
                  "job.yaml");
            }),
            "job.yaml:4: strategy.average_every: is too rare; write 99 or less");
}

TEST(StrategyFacts, ItIsExplained) {
  const Registered registered({});
  EXPECT_THAT(explain_strategy({.kind = "outside"}), HasSubstr("strategy     outside\n"));
  EXPECT_THAT(guarantees_table(), HasSubstr("| `outside` | some | little | none | M |"));
}

TEST(StrategyFacts, TheTrainerTellsHowItIsLaunched) {
  EXPECT_EQ(strategies_that_have(&StrategyTraits::servers), "parameter_server");
  EXPECT_EQ(strategies_that_have(&StrategyTraits::columns), "synchronous");
  const Registered registered({.servers = true});
  EXPECT_EQ(strategies_that_have(&StrategyTraits::servers), "parameter_server or outside");
  Job job = testing::small_job();
  job.strategy.kind = "outside";
  std::string error;
  testing::in_group(1, [&](const std::shared_ptr<Communicator>& group) {
    error = error_of([&] {
      testing::train(job, build_model(testing::mlp_options(), testing::image_spec()),
                     {.group = group});
    });
  });
  EXPECT_EQ(error, "strategy.kind: outside is launched with: convoy launch --servers N");
}

TEST(StrategyFacts, HalfARegistrationIsRefused) {
  StrategyKind kind = outside({});
  kind.make = nullptr;
  EXPECT_EQ(error_of([&] { register_strategy(kind); }),
            "strategy outside: give its name, traits, identity and make");
  const Registered registered({});
  EXPECT_EQ(error_of([] { register_strategy(outside({})); }),
            "there is a strategy outside already");
}

}  // namespace strategies_facts_test
}  // namespace convoy
