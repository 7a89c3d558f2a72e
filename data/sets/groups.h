// data.group: which rows of a table are one group, such as a device's geometry.
//   A column whose filled cells are all numbers is compared as numbers: 7, 7.0 and 0.7e1 are one.
//   Any other column is compared as text, letter by letter. A missing cell is like another missing one.
// A group's name is its cells joined by 'x', numbers as short as they can be written: "0.42x0.15".
#pragma once

#include <string>
#include <vector>

#include "data/sets/table.h"

namespace weft {

class Groups {
 public:
  /// `columns`: data.group; a DataError where the table lacks one. All rows decide what is a number.
  Groups(const Table& table, const std::vector<std::string>& columns);

  /// The name of a row's group.
  std::string of(const Table& table, int64_t row) const;
  /// The name of the group that somebody writes so (task.train_groups): "7.0x0.50" is 7x0.5.
  std::string named(const std::string& written) const;

 private:
  struct Column {
    int number = 0;
    bool numeric = true;
  };
  static std::string text_of(const Column& column, const std::string& cell);

  std::vector<Column> columns_;
};

}  // namespace weft
