// Predictions for the rows of a table, in the units of its columns: a class by its word, a number
// that was standardised or computed from columns (data/target.h) turned back into what it was.
#pragma once

#include <string>
#include <vector>

#include "data/learned.h"
#include "models/sharing/sharing.h"
#include "train/run_file/run_file.h"

namespace weft {

/// What of a table is asked for. Texts that tasks read each in a way of its own (task.columns, task.header)
/// have to be asked for by task.
struct AskedRows {
  std::vector<int> lines;  ///< of the rows that begin on these lines of the file; empty: of all
  std::vector<std::string> tasks;  ///< by these tasks, their names; empty: by all
};

/// The CSV `path` once more, a line for each row and task of the row (data.task_column; without it, or
/// where its cell is empty, every task), with the columns "predicted.task" and "predicted" behind its own, and for each of
/// the tasks' slopes ("gm: vgs") "predicted.gm", exactly (train/step/slopes.h); where a task has classes
/// "predicted.probability", how sure the network is of the one it names, and for each class of each of
/// them "TASK.p.CLASS", filled in that task's lines. Needs the input
/// columns and those that targets are computed with, no labels and no data.split. DataError as
/// for training data, and where a row says no task, but its inputs depend on it (input_scale);
/// ConfigError where the table has one of the new columns already. Of texts the same, with data.columns for inputs.
std::string predict_table(AnyContext context, Model& model, const RunFile& run,
                          const BinaryPolicy* policy, const LearnedFromData& learned,
                          const std::string& path, const AskedRows& asked = {});

}  // namespace weft
