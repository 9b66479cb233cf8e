// Tables of which single rows travel.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <numeric>

#include "convoy/core/error.hpp"
#include "convoy/server/row_table.hpp"
#include "server/link.hpp"
#include "server/local.hpp"
#include "server/rows.hpp"

namespace convoy {
namespace server_rows_test {

using server::LocalServers;

RowTableOptions some_table(const std::string& partition) {
  RowTableOptions options;
  options.rows = 103;
  options.columns = 5;
  options.partition = partition;
  options.spread = 0.5;
  options.optimizer.rate = 0.25;
  return options;
}

TEST(ServerRows, EveryRowHasOnePlace) {
  for (const std::string partition : {"hash", "range"}) {
    for (const std::uint32_t servers : {1U, 2U, 5U, 103U, 200U}) {
      const RowTableOptions options = some_table(partition);
      std::vector<std::vector<int>> seen(servers);
      for (std::uint32_t s = 0; s < servers; ++s)
        seen[s].resize(static_cast<std::size_t>(server::rows_of_server(options, servers, s)));
      for (std::uint64_t row = 0; row < 103; ++row) {
        const auto place = server::place_of_row(options, servers, row);
        ++seen.at(place.server).at(static_cast<std::size_t>(place.row));
      }
      for (const auto& rows : seen)
        EXPECT_THAT(rows, ::testing::Each(1)) << partition << " " << servers;
    }
  }
}

TEST(ServerRows, ValuesAndUpdatesDoNotDependOnThePartition) {
  std::vector<std::vector<float>> results;
  for (const std::string partition : {"hash", "range"}) {
    for (const std::uint32_t servers : {1U, 3U}) {
      LocalServers local(servers);
      const std::shared_ptr<server::Link> link = local.connect(0);
      RowTable table(link, some_table(partition));
      const std::vector<std::uint64_t> touched = {7, 102, 7, 0, 51};
      std::vector<float> gradients(touched.size() * 5);
      std::iota(gradients.begin(), gradients.end(), 1.0F);
      table.push(touched, gradients);
      std::vector<std::uint64_t> all(103);
      std::iota(all.begin(), all.end(), 0);
      std::vector<float> values(103 * 5);
      table.pull(all, values);
      results.push_back(values);
    }
  }
  for (const auto& result : results) EXPECT_EQ(result, results[0]);
  EXPECT_THAT(results[0], ::testing::Contains(::testing::Gt(0.4F)));
}

TEST(ServerRows, GradientsOfARowThatRepeatsAreAddedOnce) {
  LocalServers local(2);
  const std::shared_ptr<server::Link> link = local.connect(0);
  RowTableOptions options = some_table("hash");
  options.spread = 0;
  RowTable table(link, options);
  const std::vector<std::uint64_t> rows = {4, 9, 4};
  const std::vector<float> gradients = {1, 1, 1, 1, 1, 2, 2, 2, 2, 2, 3, 3, 3, 3, 3};
  table.push(rows, gradients);
  std::vector<float> values(15);
  table.pull(rows, values);
  EXPECT_EQ(values[0], -1.0F);
  EXPECT_EQ(values[5], -0.5F);
  EXPECT_EQ(values[10], -1.0F);
  const server::Link::Bytes bytes = link->bytes(0);
  EXPECT_EQ(bytes.sent + link->bytes(1).sent, 10 * sizeof(float) + 5 * sizeof(std::uint64_t));
  // pushed: two rows and their numbers; pulled: three numbers
}

TEST(ServerRows, WhatIsNoRowIsRefused) {
  LocalServers local(2);
  const std::shared_ptr<server::Link> link = local.connect(0);
  RowTable table(link, some_table("range"));
  std::vector<float> values(5);
  EXPECT_THROW(table.pull(std::vector<std::uint64_t>{103}, values), InputError);
  EXPECT_THROW(table.pull(std::vector<std::uint64_t>{1, 2}, values), InputError);
  RowTableOptions other = some_table("range");
  other.columns = 6;
  EXPECT_THROW(RowTable(local.connect(1), other), server::RequestError);
}

}  // namespace server_rows_test
}  // namespace convoy
