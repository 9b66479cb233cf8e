// Plugins: what they bring is there for jobs; what is wrong with one is one line and exit status 2.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>

#include "paths.hpp"
#include "system/fixtures.hpp"
#include "system/process.hpp"

namespace convoy::testing {
namespace plugins_test {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::StartsWith;
using Words = std::vector<std::string>;

std::string plugin(const std::string& name) {
  return (fs::path(program_path()).parent_path() / "tests/plugins" / (name + ".so")).string();
}

Words train(const std::string& out, const Words& more = {}) {
  Words words = {"train",
                 "mlp.yaml",
                 "--out",
                 out,
                 "--quiet",
                 "--set",
                 "train.optimizer={kind: lion, rate: 0.001}",
                 "--set",
                 "report.html=false"};
  words.insert(words.end(), more.begin(), more.end());
  return words;
}

Words with(const std::string& plugins, Words words) {
  words.insert(words.begin(), {"--plugins", plugins});
  return words;
}

class Plugins : public ::testing::Test {
 protected:
  /// The one line of complaint about a plugin.
  std::string complaint(const std::string& file) {
    return line_of(run({"--plugins", file, "train", "mlp.yaml"}, place_.path()));
  }
  static std::string line_of(const Outcome& outcome) {
    EXPECT_EQ(outcome.status, 2) << outcome.err;
    EXPECT_EQ(std::count(outcome.err.begin(), outcome.err.end(), '\n'), 1) << outcome.err;
    return outcome.err;
  }
  std::string sha_of(const std::string& out) const {
    return place_.summary(out)["weights_sha256"].get<std::string>();
  }

  Workplace place_;
};

TEST_F(Plugins, BringWhatAJobNames) {
  const Outcome one = run(with(plugin("lion"), train("one", {"--replicas", "1"})), place_.path());
  ASSERT_EQ(one.status, 0) << one.err;
  const nlohmann::json kept = place_.summary("one")["environment"]["plugins"];
  ASSERT_EQ(kept.size(), 1u);
  EXPECT_EQ(kept[0]["name"], "lion");
  EXPECT_EQ(kept[0]["version"], "1.0");
  EXPECT_EQ(kept[0]["sha256"].get<std::string>().size(), 64u);
  const Outcome two = run(with(plugin("lion"), train("two", {"--replicas", "3"})), place_.path());
  ASSERT_EQ(two.status, 0) << two.err;
  EXPECT_EQ(sha_of("one"), sha_of("two"));
}

TEST_F(Plugins, ReachTheWorkersOfALaunch) {
  Words words = train("launched", {"--replicas", "1"});
  words.insert(words.begin(), {"launch", "--workers", "2", "--"});
  const Outcome launched = run(with(plugin("lion"), words), place_.path());
  ASSERT_EQ(launched.status, 0) << launched.err;
  Process alone =
      Process::of({program_path(), "train", "mlp.yaml", "--out", "alone", "--quiet", "--set",
                   "train.optimizer={kind: lion, rate: 0.001}", "--set", "report.html=false"},
                  place_.path(), "alone", {"CONVOY_PLUGINS=" + plugin("lion")});
  EXPECT_EQ(alone.wait().status, 0) << alone.err();
  EXPECT_EQ(sha_of("launched"), sha_of("alone"));
}

TEST_F(Plugins, OneThatAJobNeedsAndLacksIsNamed) {
  const Outcome never = run(train("never"), place_.path());
  EXPECT_THAT(line_of(never), AllOf(HasSubstr("train.optimizer.kind"), HasSubstr("'lion'")));
  ASSERT_EQ(run(with(plugin("lion"), train("run")), place_.path()).status, 0);
  constexpr const char* hint = " (was made with plugin lion; load it with --plugins)\n";
  EXPECT_THAT(line_of(run(train("run", {"--resume"}), place_.path())), EndsWith(hint));
  EXPECT_THAT(line_of(run({"evaluate", "run"}, place_.path())), EndsWith(hint));
  EXPECT_EQ(run(with(plugin("lion"), {"evaluate", "run"}), place_.path()).status, 0);
}

TEST_F(Plugins, WhatIsWrongWithAFileIsOneLine) {
  place_.write("text.so", "no shared object");
  place_.write("cut.so", "\177ELF");
  EXPECT_EQ(complaint("gone.so"), "convoy: plugin gone.so: there is no such file\n");
  EXPECT_EQ(complaint("."), "convoy: plugin .: is not a file\n");
  EXPECT_EQ(complaint("text.so"), "convoy: plugin text.so: is not a shared object\n");
  EXPECT_THAT(complaint("cut.so"), HasSubstr("cut.so: has no CONVOY_PLUGIN("));
  EXPECT_THAT(complaint(plugin("untagged")), HasSubstr("untagged.so: has no CONVOY_PLUGIN("));
  EXPECT_THAT(complaint(plugin("old")),
              AllOf(HasSubstr("old.so: was built for Convoy 0.0.1, and this is "),
                    EndsWith("; build it anew\n")));
  EXPECT_THAT(complaint(plugin("needy")),
              HasSubstr("needy.so: needs convoy::what_is_gone(int), which this Convoy does not "
                        "have; build it anew"));
  EXPECT_THAT(complaint(plugin("clash")),
              HasSubstr("clash.so: schedule 'constant': there is one already, Convoy's own; choose "
                        "another name"));
}

TEST_F(Plugins, AreNamedBeforeTheVerb) {
  EXPECT_EQ(line_of(run({"train", "mlp.yaml", "--plugins", plugin("lion")}, place_.path())),
            "convoy: --plugins comes before the verb: convoy --plugins FILE.so train ...\n");
  EXPECT_EQ(line_of(run({"--plugins"}, place_.path())),
            "convoy: --plugins: say which, as in --plugins lion.so\n");
}

TEST_F(Plugins, AreListedWithWhereTheyComeFrom) {
  const Outcome sorts = run({"--list"}, place_.path());
  EXPECT_EQ(sorts.status, 0);
  EXPECT_THAT(sorts.out, AllOf(HasSubstr("optimizers"), HasSubstr("train.optimizer.kind"),
                               HasSubstr("adam, adamw, sgd")));
  // The same file twice is loaded once.
  const Outcome kinds =
      run(with(plugin("lion") + "," + plugin("lion"), {"--list", "optimizers"}), place_.path());
  EXPECT_EQ(kinds.status, 0) << kinds.err;
  EXPECT_THAT(kinds.out, AllOf(StartsWith("optimizers (train.optimizer.kind)\n"),
                               HasSubstr("\nlion: the sign of a mix of mean and gradient\n"),
                               HasSubstr("from      " + plugin("lion")), HasSubstr("beta2"),
                               HasSubstr("0.99"), HasSubstr("from      Convoy\n")));
  EXPECT_EQ(line_of(run({"--list", "optimisers"}, place_.path())),
            "convoy: --list: 'optimisers' is no sort of what there is; did you mean "
            "'optimizers'?\n");
}

}  // namespace plugins_test
}  // namespace convoy::testing
