#include "convoy/checkpoint/checkpoint.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <csignal>
#include <fstream>

#include "convoy/core/error.hpp"
#include "convoy/core/file.hpp"
#include "unit/train_support.hpp"

namespace convoy {
namespace checkpoint_test {

using ::testing::HasSubstr;
using testing::TemporaryFolder;

CheckpointState some_state(std::int64_t step) {
  CheckpointState state;
  state.step = step;
  state.tensors = {{"w", torch::rand({3, 4})},
                   {"empty", torch::zeros({0, 2})},
                   {"count", torch::tensor(step, torch::kLong)},
                   {"wide", torch::rand({5}, torch::kDouble)}};
  state.meta = {{"note", "ü \" \n"}, {"x", 0.1}};
  return state;
}

std::span<const std::byte> bytes(const std::string& text) {
  return std::as_bytes(std::span(text.data(), text.size()));
}

TEST(Checkpoint, RoundTrips) {
  const CheckpointState state = some_state(7);
  const CheckpointState back = parse_state(bytes(serialise(state)), "x");
  EXPECT_EQ(back.step, 7);
  EXPECT_EQ(back.meta, state.meta);
  ASSERT_EQ(back.tensors.size(), state.tensors.size());
  for (std::size_t i = 0; i < state.tensors.size(); ++i) {
    EXPECT_EQ(back.tensors[i].first, state.tensors[i].first);
    EXPECT_TRUE(torch::equal(back.tensors[i].second, state.tensors[i].second));
  }
}

TEST(Checkpoint, EveryFlippedBitAndEveryTruncationIsNoticed) {
  const std::string whole = serialise(some_state(1));
  for (std::size_t i = 0; i < whole.size(); ++i) {
    std::string flipped = whole;
    flipped[i] = static_cast<char>(flipped[i] ^ (1 << (i % 8)));
    EXPECT_THROW(parse_state(bytes(flipped), "x"), InputError) << "byte " << i;
    EXPECT_THROW(parse_state(bytes(whole.substr(0, i)), "x"), InputError) << "cut at " << i;
  }
  EXPECT_THROW(parse_state(bytes(whole + "x"), "x"), InputError);
}

TEST(Checkpoint, KeepsTheNewestAndTheBest) {
  const TemporaryFolder folder;
  CheckpointStore store(folder.path() / "checkpoints", 2);
  const double accuracy[] = {0.5, 0.9, 0.7, 0.8, 0.6};
  for (int i = 0; i < 5; ++i) {
    CheckpointState state = some_state(i + 1);
    state.meta["best_metric"] = {
        {"name", "accuracy"}, {"value", accuracy[i]}, {"higher_is_better", true}};
    store.save(state);
  }
  const auto files = store.list();
  ASSERT_EQ(files.size(), 3u);
  EXPECT_EQ(CheckpointStore::load(files[0]).step, 5);
  EXPECT_EQ(CheckpointStore::load(files[1]).step, 4);
  EXPECT_EQ(CheckpointStore::load(files[2]).step, 2);
  EXPECT_EQ(store.best(), files[2]);
}

TEST(Checkpoint, PassesOverDamagedOnesAndSaysSo) {
  const TemporaryFolder folder;
  CheckpointStore store(folder.path(), 3);
  for (int i = 1; i <= 3; ++i) store.save(some_state(i));
  const auto files = store.list();
  std::filesystem::resize_file(files[0], std::filesystem::file_size(files[0]) - 1);
  std::ofstream(files[1]) << "nonsense";
  const auto loaded = store.load_newest();
  ASSERT_TRUE(loaded);
  EXPECT_EQ(loaded->state.step, 1);
  ASSERT_EQ(loaded->damaged.size(), 2u);
  EXPECT_THAT(loaded->damaged[0], HasSubstr("truncated"));
  EXPECT_THAT(loaded->damaged[1], HasSubstr("not a Convoy checkpoint"));
  std::ofstream(files[2]) << "";
  EXPECT_THROW(store.load_newest(), InputError);
}

TEST(Checkpoint, NothingThereIsNotAnError) {
  const TemporaryFolder folder;
  EXPECT_FALSE(CheckpointStore(folder.path() / "none", 1).load_newest());
}

// Exits with 0 if a write that fails half-way through leaves the old file, nothing else, and says
// which file it was. A file size limit stands in for a full disk.
[[noreturn]] void write_with_too_little_room(const std::filesystem::path& folder) {
  std::signal(SIGXFSZ, SIG_IGN);
  const rlimit limit{4096, 4096};
  ::setrlimit(RLIMIT_FSIZE, &limit);
  try {
    write_file_atomically(folder / "kept", std::string(100000, 'x'));
  } catch (const IoError& error) {
    const bool whole = read_text_file(folder / "kept") == "old";
    const bool clean = std::distance(std::filesystem::directory_iterator(folder), {}) == 1;
    const bool clear = std::string(error.what()).find("kept: cannot write") != std::string::npos;
    std::_Exit(whole && clean && clear ? 0 : 1);
  }
  std::_Exit(2);
}

TEST(Checkpoint, AFullDiskLeavesTheOldFileAndSaysWhichFile) {
  const TemporaryFolder folder;
  write_file_atomically(folder.path() / "kept", "old");
  EXPECT_EXIT(write_with_too_little_room(folder.path()), ::testing::ExitedWithCode(0), "");
}

}  // namespace checkpoint_test
}  // namespace convoy
