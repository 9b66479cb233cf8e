#pragma once
// From Arrow's arrays to numbers and categories.
#include <arrow/array.h>
#include <arrow/type.h>

#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "data/formats/columnar_component.hpp"

namespace convoy::columnar {

/// Where the values of a field are in the file's column: members of structs from the outside in,
/// then an element of a list.
struct FieldPlace {
  int column = 0;
  std::vector<int> members;
  std::int64_t element = -1;  ///< -1: no list
  std::int64_t width = 0;     ///< elements of each of the lists
};

/// What values of this type are; a list is unreadable here.
Kind kind_of(const arrow::DataType& type);

/// Where in an array the values of successive rows are.
class Positions;

/// Appends values of one column, arrays of it after each other.
class Appender {
 public:
  /// `index`: of the column among those that are wanted, for messages.
  Appender(FieldPlace place, bool as_text, std::size_t index)
      : place_(std::move(place)), as_text_(as_text), index_(index) {}

  /// `first`: the number of the array's first row, for messages. Throws RowError when a list has
  /// another length, std::runtime_error for a damaged array.
  void append(const std::shared_ptr<arrow::Array>& column, std::int64_t first, Values& into);

  /// The values begin anew: so do the categories.
  void restart();

 private:
  void append_values(const arrow::Array& array, const Positions& rows, Values& into);
  void append_texts(const arrow::Array& array, const Positions& rows, Values& into);
  void append_dictionary(const arrow::DictionaryArray& array, const Positions& rows, Values& into);
  void learn_dictionary(const std::shared_ptr<arrow::Array>& dictionary);
  std::int32_t code_of(std::string_view text, Values& into);

  FieldPlace place_;
  bool as_text_ = false;
  std::size_t index_ = 0;
  std::shared_ptr<arrow::Array> dictionary_;    // that `dictionary_codes_` are of
  std::vector<std::int32_t> dictionary_codes_;  // unknown_code: not met yet
  std::vector<double> dictionary_numbers_;
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const {
      return std::hash<std::string_view>{}(text);
    }
  };
  std::unordered_map<std::string, std::int32_t, Hash, std::equal_to<>> codes_;
};

}  // namespace convoy::columnar
