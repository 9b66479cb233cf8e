// The rendezvous' journal: what a server that is started anew knows.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <random>
#include <string>
#include <vector>

#include "comm/rendezvous/table.hpp"
#include "convoy/comm/rendezvous/rendezvous.hpp"
#include "convoy/core/error.hpp"
#include "convoy/core/file.hpp"
#include "core/fault.hpp"
#include "core/temporary_folder.hpp"
#include "rendezvous_support.hpp"

namespace convoy {
namespace comm_store_journal_test {

using namespace std::chrono_literals;
using rendezvous::Table;
using ::testing::AllOf;
using ::testing::HasSubstr;
using Keys = std::map<std::string, std::string>;

Keys keys_of(const Table& table) {
  Keys keys;
  table.for_each("", [&](const std::string& key, const std::string& value) { keys[key] = value; });
  return keys;
}

Keys reopened(const std::filesystem::path& file) {
  return keys_of(Table(file));
}

void write(const std::filesystem::path& file, const std::string& bytes) {
  std::ofstream(file, std::ios::binary) << bytes;
}

class Journal : public ::testing::Test {
 protected:
  const TemporaryFolder folder_;
  const std::filesystem::path file_ = folder_.path() / "journal";
};

TEST_F(Journal, KeepsWhatIsMeantToLast) {
  {
    Table table(file_);
    table.set("a", "1");
    table.set("b", std::string("\0two", 4));
    table.set("c", "3");
    table.set("~alive", "passing");
    table.remove("a");
    table.remove("never there");
    table.set("c", "");
  }
  EXPECT_EQ(reopened(file_), (Keys{{"b", std::string("\0two", 4)}, {"c", ""}}));
  EXPECT_EQ(reopened(file_), (Keys{{"b", std::string("\0two", 4)}, {"c", ""}}));
}

// A small history, the journal that it leaves, and the keys after each of its changes.
struct History {
  explicit History(const std::filesystem::path& file) {
    Table table(file);
    const auto remember = [&] {
      sizes.push_back(std::filesystem::file_size(file));
      states.push_back(keys_of(table));
    };
    remember();
    for (const char* text : {"one", "", "a longer value, so that sizes differ"}) {
      table.set("key", text);
      remember();
      table.set(std::string("key of ") + text, text);
      remember();
    }
    table.remove("key");
    remember();
    bytes = read_text_file(file);
  }
  std::vector<std::uintmax_t> sizes;
  std::vector<Keys> states;
  std::string bytes;
};

TEST_F(Journal, KilledAtAnyByteItHasAllBefore) {
  const History history(file_);
  for (std::size_t size = 0; size <= history.bytes.size(); ++size) {
    write(file_, history.bytes.substr(0, size));
    std::size_t last = 0;
    while (last + 1 < history.sizes.size() && history.sizes[last + 1] <= size) ++last;
    {
      Table table(file_);
      EXPECT_EQ(keys_of(table), history.states[last]) << size;
      table.set("goes on", "here");
    }
    EXPECT_EQ(reopened(file_).at("goes on"), "here") << size;
  }
}

TEST_F(Journal, DamageIsToldWithFileAndByte) {
  const History history(file_);
  write(file_, "CONVOYJ9" + history.bytes.substr(8));
  EXPECT_THAT(message_of<InputError>([&] { reopened(file_); }),
              HasSubstr(file_.string() + ", byte 0: not the journal"));
  for (std::size_t at = 8; at < history.bytes.size(); ++at) {
    std::string damaged = history.bytes;
    damaged[at] = static_cast<char>(damaged[at] ^ 1 << at % 8);
    write(file_, damaged);
    const std::string text = message_of<InputError>([&] { reopened(file_); });
    std::size_t record = 0;
    while (record + 1 < history.sizes.size() && history.sizes[record + 1] <= at) ++record;
    EXPECT_THAT(
        text, HasSubstr(fmt::format("{}, byte {}: damaged", file_.string(), history.sizes[record])))
        << at;
    EXPECT_EQ(read_text_file(file_), damaged) << "it is left for the person to look at";
  }
}

TEST_F(Journal, AgreesWithAModelOverRandomChanges) {
  std::mt19937 random(7);
  const auto below = [&](unsigned bound) { return static_cast<unsigned>(random() % bound); };
  Keys model;
  auto table = std::make_unique<Table>(file_);
  for (int change = 0; change < 3000; ++change) {
    const std::string key = "key " + std::to_string(below(40));
    switch (below(8)) {
      case 0:
        EXPECT_EQ(table->remove(key), model.erase(key) == 1);
        break;
      case 1:
        table->set("~" + key, "passing");
        break;
      case 2:
        if (below(10) == 0) table = std::make_unique<Table>(file_);
        break;
      default:
        table->set(key, model[key] = std::string(below(5000), static_cast<char>(random())));
    }
  }
  table.reset();
  EXPECT_EQ(reopened(file_), model);
}

TEST_F(Journal, IsRewrittenWhenItHasGrown) {
  Table table(file_);
  const std::string value(100'000, 'x');
  table.set("lasts", "value");
  std::uintmax_t largest = 0;
  for (int i = 0; i < 100; ++i) {
    table.set("key", value + std::to_string(i));
    largest = std::max(largest, std::filesystem::file_size(file_));
  }
  EXPECT_LT(largest, 1'500'000u);
  EXPECT_EQ(reopened(file_), (Keys{{"key", value + "99"}, {"lasts", "value"}}));
}

TEST_F(Journal, AFullDiskFailsTheCallAndNothingElse) {
  Table table(file_);
  table.set("before", "1");
  {
    const ScopedFaults faults("write:enospc,path=journal");
    EXPECT_THAT(message_of<IoError>([&] { table.set("key", "2"); }), HasSubstr("journal"));
  }
  {  // after a part of the record
    const ScopedFaults faults("write:short,path=journal,at=5;write:enospc,path=journal,after=1");
    EXPECT_THROW(table.remove("before"), IoError);
  }
  EXPECT_EQ(table.find("key"), nullptr);
  table.set("key", "3");
  EXPECT_EQ(reopened(file_), (Keys{{"before", "1"}, {"key", "3"}}));
}

TEST_F(Journal, ServesTheNextServer) {
  const auto options = [&](std::uint16_t port) {
    return RendezvousServerOptions{"127.0.0.1", port, secret, {}, file_};
  };
  std::uint16_t port = 0;
  {
    const RendezvousServer server(options(0));
    port = server.port();
    RendezvousClient client("127.0.0.1", port, secret, 20s);
    client.set("key", "value");
    client.add("number", 41);
    client.compare_set("first", "", "a");
    client.set("~passing", "1");
    client.last_will("gone", "yes");
  }
  const RendezvousServer server(options(port));
  RendezvousClient client("127.0.0.1", port, secret, 20s);
  EXPECT_EQ(client.add("number", 1), 42);
  EXPECT_EQ(client.compare_set("first", "", "b"), "a");
  EXPECT_EQ(client.get_if_present("key"), "value");
  EXPECT_EQ(client.get_if_present("~passing"), std::nullopt);
}

}  // namespace comm_store_journal_test
}  // namespace convoy
