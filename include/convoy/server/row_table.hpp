#pragma once
// Large tables on parameter servers of which a worker touches few rows at a time, such as
// embeddings: only those rows travel, in both directions.
//
//   RowTable users(servers.connect(0), {.name = "users", .rows = 10'000'000, .columns = 32});
//   users.pull(ids, values);       // then forward and backward
//   users.push(ids, gradients);    // the servers run the optimizer on these rows
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "convoy/optim/options.hpp"

#pragma GCC visibility push(default)

namespace convoy {

namespace server {
class Link;
enum class Kind : std::uint8_t;
struct Message;
}  // namespace server

/// A table, the same for all who use it.
struct RowTableOptions {
  std::string name = "table";  ///< 1 to 200 characters
  std::int64_t rows = 0;
  std::int64_t columns = 0;  ///< float32 values of a row
  /// hash: rows are dealt in turn, so that neighbours are on different servers; range: each server
  /// has a contiguous part.
  std::string partition = "hash";
  OptimizerOptions optimizer;  ///< rows that are not touched do not change
  double spread = 0;           ///< rows begin with uniform values between -spread and spread
  std::uint64_t seed = 1;      ///< of these values, which depend on it and the row alone
};

/// One worker's way to a table; used by one thread at a time.
class RowTable {
 public:
  /// Makes the table if it is not there. `link` must not be used for anything else meanwhile.
  /// Throws server::RequestError when there is another table of this name, PeerError.
  RowTable(std::shared_ptr<server::Link> link, const RowTableOptions& options);

  /// values: rows.size() times columns, in the order of `rows`, which may repeat.
  void pull(std::span<const std::uint64_t> rows, std::span<float> values);
  /// Applies gradients, laid out as `values` above; those of a row that occurs several times are
  /// added first. `rate` 0: the optimizer's own.
  void push(std::span<const std::uint64_t> rows, std::span<const float> gradients, double rate = 0);

 private:
  struct Part {
    std::vector<std::uint64_t> rows;
    std::vector<float> values;
    std::vector<std::size_t> places;  // in what the caller gave
  };
  void check(std::span<const std::uint64_t> rows, std::size_t values) const;
  void deal(std::span<const std::uint64_t> rows);
  server::Message of_part(server::Kind kind, std::size_t server) const;

  std::shared_ptr<server::Link> link_;
  RowTableOptions options_;
  std::vector<std::uint32_t> numbers_;  // of the table, by server
  std::vector<Part> parts_;             // by server
  std::uint64_t pushes_ = 0;
};

}  // namespace convoy

#pragma GCC visibility pop
