// weft new: a first run file for somebody's own data, guessed from a CSV. In an index of pictures one
// column holds image files, one may hold the split; every other column is a task whose kind is read
// off its first files or values. Any other CSV is a table or texts (first_table.h). What was guessed is said in
// comments, to be corrected by hand. Names of folders and columns may be anything that is UTF-8: the
// text parses.
#pragma once

#include <string>
#include <vector>

namespace weft {

struct FirstRunFile {
  std::string text;
  std::vector<std::string> remarks;  ///< of each task: its labels, and what a constant says of them
  std::string why_tasks;             ///< why these columns are the tasks; empty: they were named
  std::vector<std::string> inputs, left_out;  ///< columns
};

/// `data` is an index, or a folder with index.csv or a single CSV in it. `name` is made plain.
/// `tasks`: the columns that are; empty: all that may be, of a table as guessed. DataError where one of
/// them is no label; ConfigError where it is named twice.
FirstRunFile first_run_file(const std::string& data, const std::string& name,
                            const std::vector<std::string>& tasks = {});

/// A name that a run may have: letters, digits, '-', '_' and '.'; other characters become '-'.
std::string plain_run_name(const std::string& name);

}  // namespace weft
