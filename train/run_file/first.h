// weft new: a first run file for somebody's own data, guessed from a CSV index. One column holds
// image files, one may hold the split; every other column is a task whose kind is read off its
// first files or values. What was guessed is said in comments, to be corrected by hand.
// Names of folders and columns may be anything that is UTF-8: the text parses.
#pragma once

#include <string>

namespace weft {

/// `data` is an index, or a folder with index.csv or a single CSV in it. `name` is made plain.
std::string first_run_file(const std::string& data, const std::string& name);

/// A name that a run may have: letters, digits, '-', '_' and '.'; other characters become '-'.
std::string plain_run_name(const std::string& name);

}  // namespace weft
