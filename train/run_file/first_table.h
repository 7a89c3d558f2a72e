// A first run file for a table, a CSV without a column of pictures: which columns are numbers, which
// words (categories), which are left out (the same in every row, a number of the row, words that
// never come again, text beside other inputs), and which are tasks: those that are named, or else those called label, target,
// class, y and the like; or else those that hold sets of classes, which are poor inputs, and the last
// ones whose names are those of results (price, sold, ...); or else the last. Words such as "NA" among
// numbers are missing cells, and NA, N/A, nan and null among the words of a label. Where text is all that
// is left beside the tasks, it is a set of texts (first_text.h).
#pragma once

#include <string>
#include <vector>

#include "io/csv.h"
#include "train/run_file/first.h"

namespace weft {

/// `tasks`: columns; empty: guessed. DataError where a column is not there or no label.
FirstRunFile first_table_run_file(const Csv& csv, const std::string& name,
                                  const std::vector<std::string>& tasks);

/// "root = ...\nindex = ...\n" of [data].
std::string root_and_index(const std::string& index);

}  // namespace weft
