#include "convoy/server/row_table.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>

#include "compute/kernels.hpp"
#include "convoy/core/error.hpp"
#include "server/link.hpp"
#include "server/rows.hpp"

namespace convoy {

using server::Kind;
using server::Message;

RowTable::RowTable(std::shared_ptr<server::Link> link, const RowTableOptions& options)
    : link_(std::move(link)), options_(options), parts_(link_->shards()) {
  for (std::uint32_t shard = 0; shard < link_->shards(); ++shard) {
    Message hello;
    hello.kind = Kind::hello;
    hello.shard = shard;
    hello.text = "tables";
    link_->call(std::move(hello));
    Message table;
    table.kind = Kind::table;
    table.shard = shard;
    table.text = server::text_of(options);
    numbers_.push_back(link_->call(std::move(table)).message.array);
  }
}

void RowTable::check(std::span<const std::uint64_t> rows, std::size_t values) const {
  if (values != rows.size() * static_cast<std::size_t>(options_.columns))
    throw InputError(fmt::format("table {}: {} rows of {} columns are not {} values", options_.name,
                                 rows.size(), options_.columns, values));
  const auto most = static_cast<std::uint64_t>(options_.rows);
  const auto wrong = std::find_if(rows.begin(), rows.end(), [&](auto row) { return row >= most; });
  if (wrong != rows.end())
    throw InputError(fmt::format("table {}: row {} of {}", options_.name, *wrong, options_.rows));
}

void RowTable::deal(std::span<const std::uint64_t> rows) {
  for (Part& part : parts_) {
    part.rows.clear();
    part.values.clear();
    part.places.clear();
  }
  for (std::size_t i = 0; i < rows.size(); ++i) {
    Part& part = parts_[server::place_of_row(options_, link_->shards(), rows[i]).server];
    part.rows.push_back(rows[i]);
    part.places.push_back(i);
  }
}

// About the rows that a server was dealt.
Message RowTable::of_part(Kind kind, std::size_t server) const {
  Message message;
  message.kind = kind;
  message.shard = static_cast<std::uint32_t>(server);
  message.array = numbers_[server];
  message.rows = parts_[server].rows;
  return message;
}

void RowTable::pull(std::span<const std::uint64_t> rows, std::span<float> values) {
  check(rows, values.size());
  deal(rows);
  std::vector<std::uint64_t> asked(parts_.size(), 0);
  for (std::size_t s = 0; s < parts_.size(); ++s) {
    if (parts_[s].rows.empty()) continue;
    Message pull = of_part(Kind::pull_rows, s);
    asked[s] = link_->start(std::move(pull));
  }
  for (std::size_t s = 0; s < parts_.size(); ++s) {
    if (parts_[s].rows.empty()) continue;
    const server::Answer answer = link_->wait(asked[s]);
    const float* from = answer.message.data.data();
    for (const std::size_t place : parts_[s].places) {
      std::copy_n(from, options_.columns,
                  values.data() + static_cast<std::int64_t>(place) * options_.columns);
      from += options_.columns;
    }
  }
}

void RowTable::push(std::span<const std::uint64_t> rows, std::span<const float> gradients,
                    double rate) {
  check(rows, gradients.size());
  ++pushes_;
  // Equal rows next to each other, in the order in which they came.
  std::vector<std::size_t> order(rows.size());
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t a, std::size_t b) { return rows[a] < rows[b]; });
  deal({});
  for (const std::size_t i : order) {
    Part& part = parts_[server::place_of_row(options_, link_->shards(), rows[i]).server];
    const float* from = gradients.data() + static_cast<std::int64_t>(i) * options_.columns;
    if (!part.rows.empty() && part.rows.back() == rows[i]) {
      add_into(part.values.data() + part.values.size() - static_cast<std::size_t>(options_.columns),
               from, options_.columns);
      continue;
    }
    part.rows.push_back(rows[i]);
    part.values.insert(part.values.end(), from, from + options_.columns);
  }
  std::vector<std::uint64_t> asked;
  for (std::size_t s = 0; s < parts_.size(); ++s) {
    if (parts_[s].rows.empty()) continue;
    Message push = of_part(Kind::push_rows, s);
    push.task = pushes_;
    push.rate = rate > 0 ? rate : options_.optimizer.rate;
    push.data = parts_[s].values;
    asked.push_back(link_->start(std::move(push)));
  }
  for (const std::uint64_t id : asked) link_->wait(id);
}

}  // namespace convoy
