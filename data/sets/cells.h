// What the cells of a CSV say: numbers, yes and no, parts of the data, labels; and patterns of
// column names. An empty cell says nothing; every complaint names file, line and column.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "data/dataset.h"
#include "data/spec.h"
#include "io/number_text.h"

namespace weft {

/// Also 1 for true and yes, 0 for false and no, in any case: where a number is expected.
std::optional<double> number_or_truth(const std::string& cell);
/// train, val, test and their usual synonyms; `place` and `column` are for the message.
Split split_of(const std::string& cell, const std::string& place, const std::string& column);

/// What data.task_column says of the task's rows: its `rows`, or its name.
const std::string& task_value(const TaskSpec& task);
/// The task of the row whose cell of data.task_column this is; -1 where it is empty.
int owner_of(const std::string& cell, const std::vector<TaskSpec>& tasks, const std::string& place,
             const std::string& column);

/// The distinct words of a classification, binary or multilabel task's column, sorted: class id = position (or
/// the task's `names`, which then have to hold them all).
/// Empty where the column holds numbers (binary: or yes and no, true and false), or `map` says
/// which word is which class. More words than classes are a DataError.
std::vector<std::string> names_of_classes(const std::vector<std::vector<std::string>>& rows,
                                          int column, const std::string& column_name,
                                          const TaskSpec& task, const std::string& path);

/// The label of an image (or row): class id, 0 or 1, or value * scale, finite; NaN where it is
/// `invalid` or `ignore`; of a multilabel task, one of its classes. The cell is not empty; `names` as names_of_classes gives them.
float label_of_cell(const std::string& cell, const std::vector<std::string>& names,
                    const TaskSpec& task, const std::string& place, const std::string& column);

}  // namespace weft
