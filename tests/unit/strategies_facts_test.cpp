// A strategy from outside the library: what a job, its checks, its explanation and the messages say
// of it comes from its registration.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "comm_support.hpp"
#include "convoy/core/error.hpp"
#include "convoy/job/job.hpp"
#include "convoy/strategies/registry.hpp"
#include "convoy/strategies/strategy.hpp"
#include "train_support.hpp"

namespace convoy {
namespace strategies_facts_test {

using ::testing::HasSubstr;

struct InnerOptions {
  double pull = 0.5;
};
void describe(schema::Visitor& v, InnerOptions& o) {
  v.key("pull", o.pull, schema::part(), "how strongly");
}

struct OutsideOptions {
  std::int64_t average_every = 16;
  InnerOptions inner;
};
void describe(schema::Visitor& v, OutsideOptions& o) {
  v.key("average_every", o.average_every, schema::at_least(1), "steps between exchanges");
  v.section("inner", o.inner, "pull", "what is inside");
}

/// `traits`: what a strategy that is never made says of itself.
StrategyKind outside(const StrategyTraits& traits) {
  StrategyKind kind{
      {.name = "outside",
       .doc = "one from outside",
       .options = OutsideOptions{},
       .problem = [](const schema::AnyOptions& options) -> std::optional<schema::Problem> {
         if (options.as<OutsideOptions>().average_every < 100) return {};
         return schema::Problem{"average_every", "is too rare; write 99 or less"};
       }}};
  kind.traits = [traits](const StrategyOptions&) { return traits; };
  kind.conflict = [](const StrategyOptions& options) -> std::optional<StrategyProblem> {
    if (options.balance) return {};
    return StrategyProblem{"strategy.balance", "is always on here; remove it"};
  };
  kind.rows = {{"`outside`", "some", "little", "none", "M", nullptr}};
  kind.identity = [](const StrategyOptions& options, int) { return own_identity(options); };
  kind.make = [](const StrategySetup&) { return std::unique_ptr<Strategy>(); };
  return kind;
}

class Registered {
 public:
  explicit Registered(const StrategyTraits& traits) { strategies().add(outside(traits)); }
  ~Registered() { strategies().remove("outside"); }
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

const std::string data = "data: {train: iris.csv, target: species}\n";

std::string error_in(const std::string& yaml) {
  return error_of([&] { parse_job(data + "strategy: {kind: outside}\n" + yaml, "job.yaml"); });
}

TEST(StrategyFacts, AJobMayNameAStrategyAsLongAsItIsRegistered) {
  EXPECT_THAT(error_in(""), HasSubstr("strategy.kind"));
  {
    const Registered registered({});
    EXPECT_EQ(error_in(""), "no error");
  }
  EXPECT_THAT(error_in(""), HasSubstr("strategy.kind"));
  EXPECT_THAT(error_of([] { strategies().get("outside"); }),
              HasSubstr("there is no strategy 'outside'; the strategies are elastic_averaging, "));
}

TEST(StrategyFacts, ItsOptionsAreKeysOfTheJob) {
  const Registered registered({});
  const Job job =
      parse_job(data + "strategy: {kind: outside, average_every: 3, inner: 0.25, balance: true}\n",
                "job.yaml");
  const auto own = job.strategy.own.as<OutsideOptions>();
  EXPECT_EQ(own.average_every, 3);
  EXPECT_EQ(own.inner.pull, 0.25);
  EXPECT_THAT(print_job(job), HasSubstr("  average_every: 3\n  inner:\n    pull: 0.25\n"));
  EXPECT_EQ(print_job(parse_job(print_job(job), "printed.yaml")), print_job(job));
  EXPECT_EQ(own_identity(job.strategy).dump(),
            R"({"strategy.average_every":3,"strategy.inner.pull":0.25})");
  EXPECT_THAT(job_reference(), HasSubstr("| `inner` | [section](#strategyinner) | | what is inside "
                                         "(kind outside only) |"));
  EXPECT_THAT(job_reference(), HasSubstr("\n## `strategy.inner`\n"));
}

TEST(StrategyFacts, OptionsOfAnotherStrategyAreRefused) {
  const Registered registered({});
  const auto error = [](const std::string& keys) {
    return error_of([&] { parse_job(data + "strategy: {" + keys + "}\n", "job.yaml"); });
  };
  EXPECT_EQ(error("inner: 0.25"),
            "job.yaml:2: strategy.inner: counts only with strategy.kind outside, and it is "
            "synchronous; remove one of the two");
  EXPECT_EQ(error("inner: {pull: 0.5}"), "no error") << "what would be there anyway";
  EXPECT_THAT(error("inner: {push: 1}"), HasSubstr("strategy.inner.push: unknown key"));
  EXPECT_THAT(error("average_every: 3"),
              HasSubstr("counts only with strategy.kind elastic_averaging or gossip or "));
  EXPECT_THAT(error("kind: outside, inner: {pull: 2}"),
              HasSubstr("strategy.inner.pull: '2' is out of range"));
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
  const auto error = [](const std::string& line) {
    return error_of(
        [&] { parse_job(data + "strategy:\n  kind: outside\n  " + line + "\n", "job.yaml"); });
  };
  EXPECT_EQ(error("average_every: 100"),
            "job.yaml:4: strategy.average_every: is too rare; write 99 or less");
  EXPECT_EQ(error("balance: false"), "job.yaml:4: strategy.balance: is always on here; remove it");
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
  EXPECT_EQ(strategies_that_have(&StrategyTraits::servers), "outside or parameter_server");
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
  EXPECT_EQ(error_of([&] { strategies().add(kind); }),
            "strategy 'outside': has no make; give it one");
  const Registered registered({});
  EXPECT_THAT(error_of([] { strategies().add(outside({})); }),
              HasSubstr("strategy 'outside': there is one already"));
}

TEST(StrategyFacts, WhatIsListedIsWhatTheDefaultsPromise) {
  for (const auto& [name, kind] : strategies().all()) {
    const StrategyTraits traits = kind.traits({.kind = name});
    EXPECT_EQ(kind.guarantees.same_bits, traits.same_bits) << name;
    EXPECT_EQ(kind.guarantees.elastic, traits.elastic) << name;
    EXPECT_EQ(kind.guarantees.servers, traits.servers) << name;
    EXPECT_EQ(kind.guarantees.columns, traits.columns) << name;
  }
}

}  // namespace strategies_facts_test
}  // namespace convoy
