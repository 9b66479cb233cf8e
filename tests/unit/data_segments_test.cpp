// Sums shared between workers, and errors that reach all of them.
#include <gmock/gmock.h>

#include "convoy/data/peers/segments.hpp"
#include "core/machine.hpp"
#include "data/peers/agree.hpp"
#include "data_peers.hpp"
#include "data_support.hpp"

namespace convoy {
namespace data_segments_test {

using test::error_of;
using test::run_workers;
using ::testing::HasSubstr;

TEST(DataSegments, SharesAreEvenAndCoverEveryRow) {
  class Fixed final : public Peers {
   public:
    Fixed(int rank, int size) : rank_(rank), size_(size) {}
    int rank() const override { return rank_; }
    int size() const override { return size_; }
    std::vector<std::string> all_gather(const std::string&) override { return {}; }

   private:
    int rank_;
    int size_;
  };
  for (const int size : {1, 2, 3, 8, 11, 16, 300}) {
    std::int64_t next = 0;
    for (int rank = 0; rank < size; ++rank) {
      const Fixed peers(rank, size);
      const Range own = own_positions(60'000, &peers);
      if (own.empty()) continue;
      EXPECT_EQ(own.begin, next);
      next = own.end;
      if (size > 16) continue;
      EXPECT_NEAR(static_cast<double>(own.size()) * size, 60'000, 4'000) << size;
    }
    EXPECT_EQ(next, 60'000);
  }
}

TEST(DataSegments, WorkersThatAddUpOtherThingsAreAnError) {
  run_workers(2, [](Peers& peers) {
    RowSum reduction;
    reduction.width = peers.rank() == 0 ? 3 : 4;
    reduction.take = [](Range, std::span<double>) {};
    reduction.add = [](std::span<double>, std::span<const double>) {};
    EXPECT_THAT(error_of([&] { reduce_rows(100, reduction, &peers); }),
                HasSubstr("bytes of statistics where"));
  });
}

TEST(DataSegments, AWorkerThatFailsWhileAddingStopsAll) {
  run_workers(3, [](Peers& peers) {
    RowSum reduction;
    reduction.width = 1;
    reduction.take = [&](Range, std::span<double>) {
      if (peers.rank() == 1) throw std::bad_alloc();
    };
    reduction.add = [](std::span<double>, std::span<const double>) {};
    const auto reduce = [&] { reduce_rows(100, reduction, &peers); };
    if (peers.rank() == 1) {
      EXPECT_THROW(reduce(), std::bad_alloc);
    } else {
      EXPECT_THAT(error_of(reduce), HasSubstr(worker_name(1, host_name()) + ": std::bad_alloc"));
    }
  });
}

TEST(DataAgree, GivesEveryWorkersBytes) {
  const int exchanges = run_workers(3, [](Peers& peers) {
    const auto all =
        gather(&peers, [&] { return std::string(2, static_cast<char>(peers.rank())); });
    EXPECT_THAT(all, ::testing::ElementsAre(std::string(2, '\0'), "\1\1", "\2\2"));
  });
  EXPECT_EQ(exchanges, 1);
  EXPECT_THAT(gather(nullptr, [] { return std::string("alone"); }),
              ::testing::ElementsAre("alone"));
}

}  // namespace data_segments_test
}  // namespace convoy
