// What a first run file guesses of a column's cells, of pictures and of tables alike.
//   yes and no, 0 and 1, two words: binary      other words that come again: classes, by name
//   few whole numbers: classes                  other numbers: regression
//   several words a cell, "cat;dog", that come again in other cells: a set of classes
// Beside each guess stand how many labels there are and what a constant says of them: the most
// frequent class is right so often, the mean is off by so much (its root mean square).
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

namespace weft {

/// What a column turned out to be: the keys of its task and a remark on its labels, or why it is none.
struct Guess {
  std::string keys, no_task, labels;
};

/// What stands between the classes of a column's cells, ";" "|" or ","; "" where they hold no sets.
std::string separator_of_sets(const std::vector<std::string>& cells);

/// Of the cells that are filled; no task where there are none, or all say the same. `most`: so many
/// whole numbers are classes; `rows` of the table.
Guess guess_cells(const std::vector<std::string>& cells, size_t most, size_t rows);

/// The keys of a segmentation or class task with these ids. 255 beside small ids is void; a few ids
/// with values far apart (0, 128, 255) are gray values, each a class.
std::string class_keys(const std::set<int>& ids);

/// "412 of 500 labels; the most frequent class alone is right in 61.2 %"
std::string remark_on_classes(const std::map<std::string, size_t>& counts, size_t rows,
                              const std::string& what = "labels");
std::string remark_on_numbers(const std::vector<double>& values, size_t rows,
                              const std::string& what = "labels");

/// The column's name with what a task may not be called replaced, and a number where that makes it
/// another task's.
std::string first_task_name(const std::string& column, std::set<std::string>& taken);

/// `text` with each character outside of letters, digits and `allowed` replaced, not too long for
/// the name of a file.
std::string plain_text(const std::string& text, const std::string& allowed, char other);

}  // namespace weft
