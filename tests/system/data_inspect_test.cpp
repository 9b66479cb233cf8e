// `convoy data inspect` as a user runs it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "system/fixtures.hpp"
#include "system/process.hpp"

namespace convoy::testing {
namespace data_inspect_test {

using ::testing::HasSubstr;

TEST(DataInspect, ATextAPageAndJsonOfJobsAndFiles) {
  const Workplace place;
  const auto inspect = [&](std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), {"data", "inspect"});
    return run(arguments, place.path());
  };
  const Outcome text = inspect({"mlp.yaml", "table.csv", "--html", "page.html"});
  EXPECT_EQ(text.status, 0) << text.err;
  EXPECT_THAT(text.out, HasSubstr("400 samples"));
  EXPECT_THAT(text.out, HasSubstr("60 samples"));
  EXPECT_THAT(place.read("page.html"), HasSubstr("<!doctype html>"));
  const Outcome one = inspect({"table.yaml", "--json", "--replicas", "1"});
  EXPECT_EQ(inspect({"table.yaml", "--json", "--replicas", "3"}).out, one.out);
  EXPECT_EQ(nlohmann::json::parse(one.out)[0]["kind"], "job");
}

TEST(DataInspect, WrongInputEndsWithTwoAndOneLine) {
  const Workplace place;
  const Outcome missing = run({"data", "inspect", "nothing.csv"}, place.path());
  EXPECT_EQ(missing.status, 2);
  EXPECT_THAT(missing.err, HasSubstr("nothing.csv"));
  EXPECT_EQ(std::count(missing.err.begin(), missing.err.end(), '\n'), 1);
  EXPECT_EQ(run({"data", "inspect", "table.csv", "--target", "no"}, place.path()).status, 2);
}

}  // namespace data_inspect_test
}  // namespace convoy::testing
