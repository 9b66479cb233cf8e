// Everything that is registered, of whatever sort: its options have help, survive as JSON (which
// servers and checkpoints hold), and a wrong value of one gives one line.
#include "convoy/schema/registry.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>

#include "convoy/core/error.hpp"
#include "convoy/job/job.hpp"
#include "schema/document.hpp"
#include "schema/json.hpp"

namespace convoy {
namespace registry_test {

using schema::AnyOptions;
using schema::AnyRegistry;
using schema::Registration;
using schema::Visitor;
using ::testing::HasSubstr;
using ::testing::Not;

void for_each(const std::function<void(const AnyRegistry&, const Registration&)>& check) {
  for (const AnyRegistry* registry : schema::registries()) {
    for (const Registration* one : registry->registrations()) {
      SCOPED_TRACE(registry->noun + " " + one->name);
      check(*registry, *one);
    }
  }
}

/// Every key below some options.
class Keys final : public Visitor {
 public:
  explicit Keys(std::function<void(const schema::Key&)> then) : then_(std::move(then)) {}
  void visit(const schema::Key& key) override { then_(key); }
  void visit(const schema::Section& section) override { section.describe(*this); }
  void visit(schema::Items&) override {}

 private:
  std::function<void(const schema::Key&)> then_;
};

void change(bool& value) {
  value = !value;
}
void change(std::int64_t& value) {
  ++value;
}
void change(std::uint64_t& value) {
  ++value;
}
void change(double& value) {
  value = value * 0.7 + 0.03;
}
void change(std::string& value) {
  value += "x";
}
void change(std::vector<std::string>& value) {
  value.emplace_back("x");
}
void change(std::vector<std::int64_t>& value) {
  value.push_back(7);
}

TEST(Registries, ThereIsOneOfEachSort) {
  std::vector<std::string> plurals;
  for (const AnyRegistry* registry : schema::registries()) plurals.push_back(registry->plural);
  EXPECT_THAT(plurals,
              ::testing::IsSupersetOf({"augmentations", "compressions", "formats",
                                       "initialisations", "layers", "losses", "metrics", "models",
                                       "optimizers", "partitioners", "preprocessing steps",
                                       "schedules", "sources", "strategies", "transports"}));
  EXPECT_THAT(schema::registration_problems(), ::testing::IsEmpty());
}

TEST(Registries, EverythingHasHelp) {
  for_each([](const AnyRegistry&, const Registration& one) {
    EXPECT_THAT(one.doc, Not(HasSubstr("\n")));
    Keys keys([](const schema::Key& key) { EXPECT_FALSE(key.doc.empty()) << key.name; });
    one.options.describe(keys);
  });
}

TEST(Registries, EveryOptionSurvivesAsJson) {
  for_each([](const AnyRegistry&, const Registration& one) {
    AnyOptions options = one.options;
    const schema::Describe describe = [&](Visitor& v) { options.describe(v); };
    const auto before = schema::to_json(describe);
    Keys changer([](const schema::Key& key) {
      std::visit([](auto* member) { change(*member); }, key.value);
    });
    describe(changer);
    const auto changed = schema::to_json(describe);
    for (const auto& [name, value] : before.items()) {
      if (!value.is_array() || !value.empty()) EXPECT_NE(changed[name], value) << name;
    }
    AnyOptions again = one.options;
    const auto text = nlohmann::ordered_json::parse(changed.dump());
    schema::from_json(text, [&](Visitor& v) { again.describe(v); });
    EXPECT_EQ(schema::to_json([&](Visitor& v) { again.describe(v); }), changed);
  });
}

// Right values for the options that must be given, but for `name`.
std::string needed_but(const std::string& name, const Registration& one) {
  std::string lines;
  Keys keys([&](const schema::Key& key) {
    if (!key.rule.needed || key.name == name) return;
    const bool word = !key.rule.choices.empty();
    lines += std::string(key.name) + ": " + (word ? std::string(key.rule.choices[0]) : "1") + "\n";
  });
  one.options.describe(keys);
  return lines;
}

TEST(Registries, AWrongValueOfAnOptionIsOneLine) {
  for_each([](const AnyRegistry&, const Registration& one) {
    for (const std::string& name :
         schema::key_names([&](Visitor& v) { one.options.describe(v); })) {
      AnyOptions options = one.options;
      const schema::Describe root = [&](Visitor& v) { options.describe(v); };
      try {
        const schema::Document document = schema::read_document(
            "# options\n" + name + ": {no: value}\n" + needed_but(name, one), "file.yaml", {},
            {.noun = "job", .needs = "", .line = "", .key = "", .value = "", .others = {}}, root);
        schema::read_values(document, root);
        ADD_FAILURE() << name << " takes a map";
      } catch (const InputError& error) {
        EXPECT_THAT(error.what(), HasSubstr("file.yaml:2: " + name));
        EXPECT_THAT(error.what(), Not(HasSubstr("\n")));
      }
    }
  });
}

TEST(Registries, WhatThereIsNotIsNamedWithWhatThereIs) {
  for (const AnyRegistry* registry : schema::registries()) {
    try {
      registry->need("no_such_thing");
      ADD_FAILURE() << registry->noun;
    } catch (const InputError& error) {
      EXPECT_THAT(error.what(), HasSubstr("there is no " + registry->noun + " 'no_such_thing'"));
      EXPECT_THAT(error.what(), HasSubstr(registry->registrations().front()->name));
    }
  }
}

}  // namespace registry_test
}  // namespace convoy
