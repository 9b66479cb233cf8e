#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <cerrno>
#include <string>
#include <vector>

#include "convoy/core/error.hpp"
#include "core/fault.hpp"
#include "core/system_calls.hpp"
#include "core/temporary_folder.hpp"

namespace convoy {
namespace core_fault_test {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::string complaint(const char* plan) {
  try {
    const ScopedFaults faults(plan);
  } catch (const InputError& error) {
    return error.what();
  }
  return "accepted";
}

// Whether each of `calls` calls is struck.
std::vector<bool> struck(FaultPoint point, int calls, std::string_view path = {},
                         std::int64_t step = -1, int worker = -1) {
  std::vector<bool> result;
  for (int i = 0; i < calls; ++i) result.push_back(fault_at(point, path, step, worker).has_value());
  return result;
}

TEST(Fault, NothingIsPlannedByDefault) {
  EXPECT_FALSE(fault_at(FaultPoint::write, "checkpoints/x"));
}

TEST(Fault, AMistakeInThePlanIsNamed) {
  EXPECT_THAT(complaint("write:enospec"), AllOf(HasSubstr("CONVOY_FAULTS: 'write:enospec'"),
                                                HasSubstr("there are: open:enospc")));
  EXPECT_THAT(complaint("write:eio,path"), HasSubstr("'path': is not of the form key=value"));
  EXPECT_THAT(complaint("write:eio,path="), HasSubstr("needs a part of a path"));
  EXPECT_THAT(complaint("write:eio,when=3"), HasSubstr("unknown key"));
  EXPECT_THAT(complaint("write:eio,after=-1"), HasSubstr("a whole number of at least 0"));
  EXPECT_THAT(complaint("write:eio,times=0"), HasSubstr("a whole number of at least 1"));
  EXPECT_THAT(complaint("write:eio,times=2x"), HasSubstr("a whole number"));
  EXPECT_THAT(complaint("write:eio,at=5"), HasSubstr("write:eio has no place in the bytes"));
  EXPECT_THAT(complaint("write:short,at=0"), HasSubstr("at least 1"));
  EXPECT_THAT(complaint("write:eio,step=5"), HasSubstr("write:eio has no step"));
  EXPECT_THAT(complaint("message:flip,step=5"), HasSubstr("message:flip has no step"));
  EXPECT_THAT(complaint("message:flip,path=x"), HasSubstr("message:flip has no path"));
  EXPECT_THAT(complaint("crash:update,path=x"), HasSubstr("crash:update has no path"));
  EXPECT_THAT(complaint("crash:update,at=1"), HasSubstr("crash:update has no place in the bytes"));
  EXPECT_EQ(complaint("crash:update,step=3,after=2,worker=1"), "accepted");
  EXPECT_EQ(complaint(" write:eio , path=x ; crash:write,at=0; weights:flip,step=3,worker=1; "),
            "accepted");
}

TEST(Fault, StrikesOnceUnlessToldOtherwise) {
  {
    const ScopedFaults faults("sync:eio");
    EXPECT_THAT(struck(FaultPoint::sync, 3), ElementsAre(true, false, false));
    EXPECT_EQ(faults.struck(), 1);
  }
  const ScopedFaults faults("sync:eio,after=1,times=2");
  EXPECT_THAT(struck(FaultPoint::sync, 4), ElementsAre(false, true, true, false));
  EXPECT_EQ(faults.struck(), 2);
}

TEST(Fault, CountsOnlyCallsThatMatch) {
  const ScopedFaults faults("rename:enospc,path=checkpoints/,after=1");
  EXPECT_THAT(struck(FaultPoint::rename, 3, "run/summary.json"), ElementsAre(false, false, false));
  EXPECT_THAT(struck(FaultPoint::write, 2, "run/checkpoints/a"), ElementsAre(false, false));
  EXPECT_THAT(struck(FaultPoint::rename, 3, "run/checkpoints/a"), ElementsAre(false, true, false));
}

TEST(Fault, IsForOneWorkerAndOneStep) {
  const ScopedFaults faults("weights:flip,worker=1,step=7,at=3", /*worker=*/1);
  EXPECT_FALSE(fault_at(FaultPoint::weights, {}, 6));
  EXPECT_FALSE(fault_at(FaultPoint::weights, {}, 7, /*worker=*/0));
  const auto fault = fault_at(FaultPoint::weights, {}, 7);
  ASSERT_TRUE(fault);
  EXPECT_EQ(fault->kind, Fault::Kind::flip);
  EXPECT_EQ(fault->at, 3u);
}

TEST(Fault, OfSeveralTheFirstThatIsDueStrikes) {
  const ScopedFaults faults("write:eio,after=1;write:enospc,times=2");
  EXPECT_EQ(fault_at(FaultPoint::write)->error, ENOSPC);
  EXPECT_EQ(fault_at(FaultPoint::write)->error, EIO);
  EXPECT_EQ(fault_at(FaultPoint::write)->error, ENOSPC);
  EXPECT_FALSE(fault_at(FaultPoint::write));
}

TEST(Fault, ThePlanBeforeIsInForceAgain) {
  const ScopedFaults outer("open:eio,times=2");
  {
    const ScopedFaults inner("close:eio");
    EXPECT_FALSE(fault_at(FaultPoint::open));
  }
  EXPECT_TRUE(fault_at(FaultPoint::open));
}

TEST(Fault, FlipsTheBitOfItsPlace) {
  std::array<std::byte, 4> bytes{};
  flip_bit(bytes, {.kind = Fault::Kind::flip});
  EXPECT_EQ(bytes[2], std::byte{1});  // the middle
  flip_bit(bytes, {.kind = Fault::Kind::flip, .at = 7});
  EXPECT_EQ(bytes[0], std::byte{0x80});
  flip_bit(bytes, {.kind = Fault::Kind::flip, .at = 32 + 7});
  EXPECT_EQ(bytes[0], std::byte{0});
  flip_bit({}, {.kind = Fault::Kind::flip});
}

TEST(Fault, AShortWriteDoesAPart) {
  const TemporaryFolder folder;
  const auto path = folder.path() / "file";
  const int fd = system_call::open(path, O_WRONLY | O_CREAT, 0600);
  const std::array<std::byte, 10> bytes{};
  const ScopedFaults faults("write:short;write:short,at=3;write:short,at=99");
  EXPECT_EQ(system_call::write(fd, bytes, path), 5);
  EXPECT_EQ(system_call::write(fd, bytes, path), 3);
  EXPECT_EQ(system_call::write(fd, bytes, path), 10);
  EXPECT_EQ(system_call::write(fd, std::span(bytes).first(1), path), 1);
  EXPECT_EQ(system_call::close(fd, path), 0);
}

}  // namespace core_fault_test
}  // namespace convoy
