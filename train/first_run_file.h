// weft new: a first run file for somebody's own data, guessed from a CSV index. One column holds
// image files, one may hold the split; every other column is a task whose kind is read off its
// first files or values. What was guessed is said in comments, to be corrected by hand.
#pragma once

#include <string>

namespace weft {

/// `data` is an index, or a folder with index.csv or a single CSV in it.
std::string first_run_file(const std::string& data, const std::string& name);

}  // namespace weft
