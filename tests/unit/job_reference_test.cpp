#include <gtest/gtest.h>

#include <cstdlib>

#include "convoy/core/file.hpp"
#include "convoy/job/job.hpp"
#include "convoy/schema/schema.hpp"
#include "convoy/strategies/registry.hpp"
#include "paths.hpp"
#include "schema/suggest.hpp"

namespace convoy {
namespace job_reference_test {

const std::string reference_file = convoy::testing::source_folder() + "/docs/job.md";

TEST(JobReference, the_documentation_is_up_to_date) {
  if (std::getenv("CONVOY_WRITE_DOCS") != nullptr)
    write_file_atomically(reference_file, job_reference());
  EXPECT_TRUE(read_text_file(reference_file) == job_reference())
      << reference_file
      << " differs from job_reference(); run this test with CONVOY_WRITE_DOCS=1 to write it anew";
}

TEST(JobReference, the_table_of_strategies_is_up_to_date) {
  const std::string file = convoy::testing::source_folder() + "/docs/strategies.md";
  std::string text = read_text_file(file);
  const std::size_t begin = text.find("| strategy |");
  ASSERT_NE(begin, std::string::npos);
  const std::size_t size = text.find("\n\n", begin) + 1 - begin;
  if (std::getenv("CONVOY_WRITE_DOCS") != nullptr)
    write_file_atomically(file, text.replace(begin, size, guarantees_table()));
  EXPECT_TRUE(text.find(guarantees_table() + "\n") == begin)
      << file << " differs from guarantees_table(); run this test with CONVOY_WRITE_DOCS=1";
}

TEST(JobReference, every_strategy_is_explained) {
  for (const auto& [name, kind] : strategies().all()) {
    const std::string text = explain_strategy({.kind = name});
    EXPECT_NE(text.find(name), std::string::npos) << text;
  }
  for (const char* consistency : {"bsp", "ssp", "async"}) {
    const std::string text = explain_strategy(
        {.kind = "parameter_server", .own = ParameterServerOptions{.consistency = consistency}});
    EXPECT_NE(text.find(consistency), std::string::npos) << text;
  }
}

TEST(JobReference, names_every_key) {
  const std::string text = job_reference();
  Job job;
  for (const std::string& path : schema::all_paths([&](auto& v) { describe(v, job); })) {
    EXPECT_NE(text.find("| `" + path.substr(path.rfind('.') + 1) + "` |"), std::string::npos)
        << path;
  }
}

TEST(JobReference, the_example_is_a_valid_job) {
  const std::string text = job_reference();
  const std::size_t begin = text.find("```yaml\n") + 8;
  const Job job = parse_job(text.substr(begin, text.find("```", begin) - begin), "example");
  EXPECT_EQ(job.name, "irises");
  const std::size_t second = text.find("```yaml\n", begin) + 8;
  const Job layers = parse_job(
      "data: {train: a, target: y}\n" + text.substr(second, text.find("```", second) - second),
      "second example");
  EXPECT_EQ(layers.model.own.as<LayersOptions>().layers.size(), 7);
}

TEST(JobSuggest, counts_single_mistakes) {
  EXPECT_EQ(schema::edit_distance("", "abc"), 3);
  EXPECT_EQ(schema::edit_distance("sgd", "sdg"), 1);
  EXPECT_EQ(schema::edit_distance("kitten", "sitting"), 3);
}

TEST(JobSuggest, suggests_only_what_is_near) {
  EXPECT_EQ(schema::nearest("epoch", {"steps", "epochs", "batch"}), "epochs");
  EXPECT_EQ(schema::nearest("learning_rate", {"kind", "rate"}), "rate");
  EXPECT_EQ(schema::nearest("xyz", {"steps", "epochs"}), "");
  EXPECT_EQ(schema::nearest("a", {"b"}), "");
}

}  // namespace job_reference_test
}  // namespace convoy
