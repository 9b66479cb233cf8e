#include "server/rows.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "core/split_mix.hpp"
#include "schema/json.hpp"

namespace convoy::server {
namespace {

using Json = nlohmann::json;

constexpr std::int64_t most_values = std::int64_t{1} << 36;

std::int64_t first_of_range(std::int64_t rows, std::uint32_t servers, std::uint32_t server) {
  return even_part(rows, servers, server).begin;
}

}  // namespace

std::string text_of(const RowTableOptions& o) {
  return Json{{"name", o.name},
              {"rows", o.rows},
              {"columns", o.columns},
              {"partition", o.partition},
              {"optimizer", schema::json_of(o.optimizer)},
              {"spread", o.spread},
              {"seed", o.seed}}
      .dump();
}

RowTableOptions parse_table(const std::string& text) {
  RowTableOptions o;
  try {
    const Json json = Json::parse(text);
    o.name = json.at("name");
    o.rows = json.at("rows");
    o.columns = json.at("columns");
    o.partition = json.at("partition");
    o.optimizer = schema::options_of<OptimizerOptions>(json.at("optimizer"));
    o.spread = json.at("spread");
    o.seed = json.at("seed");
  } catch (const Json::exception&) {
    throw RequestError("a table that cannot be read");
  }
  if (o.name.empty() || o.name.size() > 200 || o.rows < 1 || o.columns < 1 || o.columns > 1 << 20 ||
      o.rows > most_values / o.columns || (o.partition != "hash" && o.partition != "range"))
    throw RequestError(fmt::format("table {}: impossible size or partition", o.name));
  return o;
}

RowPlace place_of_row(const RowTableOptions& options, std::uint32_t servers, std::uint64_t row) {
  if (options.partition == "hash")
    return {static_cast<std::uint32_t>(row % servers), static_cast<std::int64_t>(row / servers)};
  // even_part: the first rows % servers parts have one more.
  const auto at = static_cast<std::int64_t>(row);
  const std::int64_t small = options.rows / servers;
  const std::int64_t larger = options.rows % servers;
  const std::int64_t in_larger = larger * (small + 1);
  const std::int64_t server =
      at < in_larger || small == 0 ? at / (small + 1) : larger + (at - in_larger) / small;
  return {static_cast<std::uint32_t>(server),
          at - first_of_range(options.rows, servers, static_cast<std::uint32_t>(server))};
}

std::int64_t rows_of_server(const RowTableOptions& options, std::uint32_t servers,
                            std::uint32_t server) {
  if (options.partition == "range") return even_part(options.rows, servers, server).size();
  return (options.rows + servers - 1 - server) / servers;
}

RowShard::RowShard(RowTableOptions options, std::uint32_t servers, std::uint32_t server)
    : options_(std::move(options)), servers_(servers), server_(server) {
  try {
    optimizer_ = make_optimizer(options_.optimizer);
  } catch (const InputError& error) {
    throw RequestError(error.what());
  }
  const std::int64_t rows = rows_of_server(options_, servers, server);
  const auto size = static_cast<std::size_t>(rows * options_.columns);
  arrays_.assign(static_cast<std::size_t>(1 + optimizer_->states()), std::vector<float>(size));
  if (options_.spread == 0) return;
  const std::int64_t first = first_of_range(options_.rows, servers, server);
  for (std::int64_t r = 0; r < rows; ++r) {
    const std::int64_t row =
        options_.partition == "hash" ? r * static_cast<std::int64_t>(servers) + server : first + r;
    const std::uint64_t of_row = mixed(options_.seed ^ mixed(static_cast<std::uint64_t>(row)));
    for (std::int64_t k = 0; k < options_.columns; ++k) {
      const std::uint64_t bits = mixed(of_row + static_cast<std::uint64_t>(k));
      const double part = static_cast<double>(bits >> 11) * 0x1p-53;
      arrays_[0][static_cast<std::size_t>(r * options_.columns + k)] =
          static_cast<float>((2 * part - 1) * options_.spread);
    }
  }
}

std::int64_t RowShard::local(std::uint64_t row) const {
  if (row < static_cast<std::uint64_t>(options_.rows)) {
    const RowPlace place = place_of_row(options_, servers_, row);
    if (place.server == server_) return place.row;
  }
  throw RequestError(fmt::format("row {} of table {} is not here", row, options_.name));
}

void RowShard::pull(const std::vector<std::uint64_t>& rows, std::vector<float>& values) const {
  const std::int64_t columns = options_.columns;
  if (rows.size() > Limits::floats / static_cast<std::size_t>(columns))
    throw RequestError("too many rows at once");
  values.resize(rows.size() * static_cast<std::size_t>(columns));
  float* into = values.data();
  for (const std::uint64_t row : rows) {
    std::copy_n(arrays_[0].data() + local(row) * columns, columns, into);
    into += columns;
  }
}

void RowShard::push(const std::vector<std::uint64_t>& rows, std::span<const float> gradients,
                    double rate) {
  const std::int64_t columns = options_.columns;
  if (gradients.size() != rows.size() * static_cast<std::size_t>(columns))
    throw RequestError("as many gradients as rows are needed");
  std::vector<std::int64_t> places;
  for (const std::uint64_t row : rows) places.push_back(local(row));  // before anything changes
  UpdateContext context;
  context.step = updates_;
  context.rate = rate;
  std::vector<float*> states(arrays_.size() - 1);
  const float* gradient = gradients.data();
  for (const std::int64_t place : places) {
    for (std::size_t k = 0; k < states.size(); ++k)
      states[k] = arrays_[k + 1].data() + place * columns;
    optimizer_->update(arrays_[0].data() + place * columns, gradient, states, columns, context);
    gradient += columns;
  }
  ++updates_;
}

void RowShard::save(SnapshotWriter& out) const {
  out.put(updates_);
  for (const std::vector<float>& array : arrays_) out.put_all(std::span<const float>(array));
}

RowShard RowShard::restore(SnapshotReader& in, const RowTableOptions& options,
                           std::uint32_t servers, std::uint32_t server) {
  const std::int64_t updates = in.number(0, std::int64_t{1} << 60);
  in.need(static_cast<std::size_t>(rows_of_server(options, servers, server) * options.columns),
          sizeof(float));
  RowTableOptions plain = options;
  plain.spread = 0;  // the values it begins with are not needed
  RowShard rows(plain, servers, server);
  rows.options_ = options;
  rows.updates_ = updates;
  for (std::vector<float>& array : rows.arrays_) in.read(std::span<float>(array));
  return rows;
}

}  // namespace convoy::server
