#pragma once
// Which rows of what is stored are the samples of a split.
#include <cstdint>
#include <memory>
#include <numeric>
#include <span>
#include <vector>

namespace convoy {

/// All rows 0 .. n-1, which takes no memory, or some of them, ascending. Copies share the list.
class RowList {
 public:
  RowList() = default;
  static RowList all(std::int64_t count) {
    RowList rows;
    rows.size_ = count;
    return rows;
  }
  static RowList of(std::vector<std::int64_t> list) {
    auto owner = std::make_shared<const std::vector<std::int64_t>>(std::move(list));
    RowList rows = view(*owner);
    rows.owner_ = std::move(owner);
    return rows;
  }
  /// `list` must outlive this and its copies.
  static RowList view(std::span<const std::int64_t> list) {
    RowList rows;
    rows.list_ = list.data();
    rows.size_ = static_cast<std::int64_t>(list.size());
    return rows;
  }

  std::int64_t size() const { return size_; }
  bool is_all() const { return list_ == nullptr; }
  std::int64_t operator[](std::int64_t i) const { return list_ == nullptr ? i : list_[i]; }
  std::vector<std::int64_t> slice(std::int64_t begin, std::int64_t end) const {
    std::vector<std::int64_t> rows(static_cast<std::size_t>(end - begin));
    std::iota(rows.begin(), rows.end(), begin);
    for (std::int64_t& row : rows) row = (*this)[row];
    return rows;
  }

 private:
  std::shared_ptr<const std::vector<std::int64_t>> owner_;
  const std::int64_t* list_ = nullptr;
  std::int64_t size_ = 0;
};

}  // namespace convoy
