#pragma once
// A large table of which few rows are touched at a time (an embedding): a
// server's part of its rows.
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "convoy/optim/optimizer.hpp"
#include "convoy/server/row_table.hpp"
#include "server/gradient_accumulator.hpp"

namespace convoy::server {

/// What a table is, as text of a `table` request.
std::string text_of(const RowTableOptions& options);
/// Throws RequestError.
RowTableOptions parse_table(const std::string& text);

/// Which of `servers` has a row, and where it is there.
struct RowPlace {
  std::uint32_t server = 0;
  std::int64_t row = 0;
};
RowPlace place_of_row(const RowTableOptions& options, std::uint32_t servers, std::uint64_t row);
/// How many rows a server has.
std::int64_t rows_of_server(const RowTableOptions& options, std::uint32_t servers,
                            std::uint32_t server);

/// The rows of one server. Rows are told by their numbers in the whole table.
class RowShard {
 public:
  RowShard(RowTableOptions options, std::uint32_t servers, std::uint32_t server);
  /// Values of rows, one after the other. Throws RequestError for a row that is
  /// not here.
  void pull(const std::vector<std::uint64_t>& rows, std::vector<float>& values) const;
  /// One update of these rows, each of which occurs once, by its gradient.
  void push(const std::vector<std::uint64_t>& rows, std::span<const float> gradients, double rate);
  const RowTableOptions& options() const { return options_; }
  /// All of the values, for a backup.
  void save(SnapshotWriter& out) const;
  /// The reverse. Throws RequestError.
  static RowShard restore(SnapshotReader& in, const RowTableOptions& options, std::uint32_t servers,
                          std::uint32_t server);

 private:
  std::int64_t local(std::uint64_t row) const;

  RowTableOptions options_;
  std::uint32_t servers_;
  std::uint32_t server_;
  std::unique_ptr<Optimizer> optimizer_;
  std::vector<std::vector<float>> arrays_;  // weights, states
  std::int64_t updates_ = 0;
};

}  // namespace convoy::server
