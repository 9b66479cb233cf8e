// Saving a checkpoint when any of its system calls fails, or is the last thing that the process
// does.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <functional>

#include "convoy/checkpoint/checkpoint.hpp"
#include "convoy/core/error.hpp"
#include "core/fault.hpp"
#include "core/temporary_folder.hpp"

namespace convoy {
namespace checkpoint_durability_test {

namespace fs = std::filesystem;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

// In memory where that is possible: there are hundreds of syncs.
class Folder : public TemporaryFolder {
 public:
  Folder()
      : TemporaryFolder(fs::is_directory("/dev/shm") ? "/dev/shm" : fs::temp_directory_path()) {}
};

CheckpointState state_of(std::int64_t step) {
  CheckpointState state;
  state.step = step;
  state.tensors = {{"parameter/w", torch::zeros({30}).fill_(static_cast<double>(step))},
                   {"buffer/n", torch::tensor(step, torch::kLong)}};
  return state;
}

bool is_state(const CheckpointState& state, std::int64_t step) {
  return state.step == step && state.tensors[0].second.equal(state_of(step).tensors[0].second);
}

// A checkpoint as one worker writes it.
void save_whole(CheckpointStore& store, std::int64_t step) {
  store.save(state_of(step));
}

// As two workers do, of which each keeps a half of the optimizer's state.
void save_in_shards(CheckpointStore& store, std::int64_t step) {
  std::vector<ShardFile> files;
  for (int worker = 0; worker < 2; ++worker) {
    Shard shard;
    shard.pieces = {{"w", 15 * worker, 15, 0}};
    shard.arrays = {torch::zeros({15}).fill_(static_cast<double>(step))};
    files.push_back(store.save_shard(shard, step, worker, 2));
  }
  store.save(state_of(step), files);
}

using Save = void (*)(CheckpointStore&, std::int64_t);

std::vector<std::string> names_in(const fs::path& folder) {
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(folder))
    names.push_back(entry.path().filename().string());
  return names;
}

bool has_unfinished(const fs::path& folder) {
  for (const std::string& name : names_in(folder)) {
    if (name.find(".tmp-") != std::string::npos) return true;
  }
  return false;
}

// The store is as if nothing had been tried, or has the new state; the next save tidies up.
void expect_sound(const fs::path& folder, Save save) {
  CheckpointStore store(folder, 1);
  const auto loaded = store.load_newest();
  ASSERT_TRUE(loaded);
  EXPECT_TRUE(is_state(loaded->state, 1) || is_state(loaded->state, 2)) << loaded->state.step;
  EXPECT_THAT(loaded->damaged, IsEmpty());
  save(store, 3);
  const std::string name = "step-0000000003";
  if (save == &save_whole) {
    EXPECT_THAT(names_in(folder), UnorderedElementsAre(name + ".checkpoint"));
  } else {
    EXPECT_THAT(names_in(folder), UnorderedElementsAre(name + ".checkpoint", name + ".shard-0-of-2",
                                                       name + ".shard-1-of-2"));
  }
}

// Whether the plan made the save fail.
bool fails(const std::function<void()>& save, const std::string& plan) {
  const ScopedFaults faults(plan);
  try {
    save();
  } catch (const IoError&) {
    EXPECT_EQ(faults.struck(), 1);
    return true;
  }
  EXPECT_EQ(faults.struck(), 0);
  return false;
}

TEST(CheckpointDurability, AnyCallMayFail) {
  for (const Save save : {&save_whole, &save_in_shards}) {
    for (const char* kind :
         {"open:enospc", "write:enospc", "write:eio", "sync:eio", "close:eio", "rename:enospc"}) {
      int tries = 0;
      for (bool met = true; met; ++tries) {
        SCOPED_TRACE(fmt::format("{} call {}", kind, tries));
        const Folder folder;
        CheckpointStore store(folder.path(), 1);
        save(store, 1);
        met = fails([&] { save(store, 2); }, fmt::format("{},after={}", kind, tries));
        EXPECT_FALSE(has_unfinished(folder.path()));
        expect_sound(folder.path(), save);
      }
      EXPECT_GT(tries, save == &save_whole ? 1 : 3) << kind;
    }
  }
}

TEST(CheckpointDurability, ShortWritesAreGoneOnWith) {
  const Folder folder;
  CheckpointStore store(folder.path(), 1);
  const ScopedFaults faults("write:short,at=7,times=1000");
  save_in_shards(store, 2);
  EXPECT_GT(faults.struck(), 10);
  EXPECT_TRUE(is_state(store.load_newest()->state, 2));
}

// Whether the plan killed the process that saved.
bool dies(const std::function<void()>& save, const std::string& plan) {
  const pid_t child = ::fork();
  if (child == 0) {
    try {
      const ScopedFaults faults(plan);
      save();
    } catch (...) {
      ::_exit(3);
    }
    ::_exit(0);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  if (WIFSIGNALED(status)) {
    EXPECT_EQ(WTERMSIG(status), SIGKILL);
    return true;
  }
  EXPECT_EQ(WEXITSTATUS(status), 0);
  return false;
}

TEST(CheckpointDurability, AnyCallMayBeTheLast) {
  for (const Save save : {&save_whole, &save_in_shards}) {
    for (const char* kind : {"crash:open", "crash:write,at=0", "crash:write", "crash:write,at=9999",
                             "crash:sync", "crash:close", "crash:rename"}) {
      int tries = 0;
      for (bool died = true; died; ++tries) {
        SCOPED_TRACE(fmt::format("{} call {}", kind, tries));
        const Folder folder;
        CheckpointStore store(folder.path(), 1);
        save(store, 1);
        died = dies([&] { save(store, 2); }, fmt::format("{},after={}", kind, tries));
        expect_sound(folder.path(), save);
      }
      EXPECT_GT(tries, save == &save_whole ? 1 : 3) << kind;
    }
  }
}

// What fills the disk may be what a crash left.
TEST(CheckpointDurability, LeftoversGoBeforeTheNextIsWritten) {
  const Folder folder;
  CheckpointStore store(folder.path(), 2);
  ASSERT_TRUE(dies([&] { store.save(state_of(1)); }, "crash:sync,path=.checkpoint"));
  ASSERT_TRUE(has_unfinished(folder.path()));
  const ScopedFaults faults("open:enospc");
  EXPECT_THROW(store.save(state_of(2)), IoError);
  EXPECT_THAT(names_in(folder.path()), IsEmpty());
}

}  // namespace checkpoint_durability_test
}  // namespace convoy
