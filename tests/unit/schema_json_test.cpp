// Options as JSON, which servers and checkpoints hold: none is forgotten, whatever is added.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "convoy/comm/compression_options.hpp"
#include "convoy/job/job.hpp"
#include "convoy/optim/options.hpp"
#include "schema/json.hpp"

namespace convoy {
namespace schema_json_test {

using schema::Items;
using schema::Key;
using schema::Section;
using schema::Visitor;

// Gives every key another value than it has.
class Changer final : public Visitor {
 public:
  void visit(const Key& key) override {
    std::visit([](auto* member) { change(*member); }, key.value);
  }
  void visit(const Section& section) override { section.describe(*this); }
  void visit(Items& list) override {
    for (const Items::Kind& kind : list.kinds) {
      list.add(kind);
      list.describe_item(*this, list.size() - 1);
    }
  }
  void visit(schema::Variant& variant) override {
    for (const schema::ItemKind& kind : variant.kinds) {
      if (kind.name == variant.kind_name()) continue;
      variant.kind_name() = kind.name;
      break;
    }
    variant.choose(true);
    variant.describe_own(*this);
  }

 private:
  static void change(bool& value) { value = !value; }
  static void change(std::int64_t& value) { ++value; }
  static void change(std::uint64_t& value) { ++value; }
  static void change(double& value) { value = value * 0.7 + 0.03; }
  static void change(std::string& value) { value += "x"; }
  static void change(std::vector<std::string>& value) { value.emplace_back("x"); }
  static void change(std::vector<std::int64_t>& value) { value.push_back(7); }
};

template <class Options>
void expect_round_trip() {
  Options options;
  const auto before = schema::json_of(options);
  Changer changer;
  describe(changer, options);
  const auto changed = schema::json_of(options);
  for (const auto& [name, value] : before.items())
    EXPECT_TRUE(!changed.contains(name) || changed[name] != value) << name;
  const auto text = changed.dump();
  EXPECT_EQ(schema::json_of(schema::options_of<Options>(nlohmann::ordered_json::parse(text))),
            changed);
}

TEST(SchemaJson, EveryOptionSurvives) {
  expect_round_trip<OptimizerOptions>();
  expect_round_trip<ScheduleOptions>();
  expect_round_trip<ClipOptions>();
  expect_round_trip<CompressionOptions>();
}

TEST(SchemaJson, AWholeJobSurvives) {
  Job job;
  Changer changer;
  describe(changer, job);
  const auto changed = schema::json_of(job);
  EXPECT_EQ(schema::json_of(schema::options_of<Job>(changed)), changed);
}

TEST(SchemaJson, WhatIsMissingUnknownOrOfAnotherTypeIsAnError) {
  const auto whole = schema::json_of(OptimizerOptions{});
  const auto read = [](const nlohmann::ordered_json& json) {
    return schema::options_of<OptimizerOptions>(json);
  };
  for (const auto& [name, value] : whole.items()) {
    auto less = whole;
    less.erase(name);
    EXPECT_THROW(read(less), nlohmann::json::exception) << name;
    auto other = whole;
    other[name] = nlohmann::ordered_json::array();
    EXPECT_THROW(read(other), nlohmann::json::exception) << name;
  }
  auto more = whole;
  more["warp"] = 9;
  EXPECT_THROW(read(more), nlohmann::json::exception);
}

}  // namespace schema_json_test
}  // namespace convoy
