// A table on disk: data.index, and below it data.test_index where the test rows are a file of their
// own. Columns are found by name: the test file names the same ones, in any order (or data.header
// names those of both files). Words of data.missing become empty, which is missing.
#pragma once

#include <string>
#include <vector>

#include "data/dataset.h"
#include "data/spec.h"

namespace weft {

struct Table {
  std::vector<std::string> header;
  std::vector<std::vector<std::string>> rows;
  int64_t first_test = 0;  ///< rows from here on stand in test_index

  /// The column's number; a DataError lists the columns there are.
  int column(const std::string& name) const;
  /// "adult.data.gz:17", the same wherever the folder is.
  std::string place(int64_t row) const;

  /// Leaves the rows that are marked, in their order.
  void keep(const std::vector<bool>& marked);

  std::string index, test_index;
  std::vector<int> lines;
};

/// What messages say to whom the columns' names are given, by data.header.
struct GivenHeader {
  std::string by = "data.header";  ///< who names them: a task may, or a run that is there already
  /// What to do about a file that has a line of names itself; empty: leave out `by`.
  std::string advice = {};
};
Table read_table(const DataSpec& data, const GivenHeader& given = {});
/// The part of each row: by the column data.split, or else the index is divided by data.ratio, row
/// by row, and the rows of test_index are the test's.
std::vector<Split> splits_of(const Table& table, const DataSpec& data);
/// A DataError where a cell of the tasks' column is filled and says none of the `known` values.
void check_task_values(const Table& table, const std::string& column,
                       const std::vector<std::string>& known);

}  // namespace weft
