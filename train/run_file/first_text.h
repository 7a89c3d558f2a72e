// A first run file for texts: which columns hold free text, and how a small VD-CNN reads them. The
// network reads the bytes of UTF-8, so that no letter of any language is unknown, and so many of them that
// at most one text in twenty is cut, of long ones 1,024. A first network is a quarter of the paper's width
// under one layer, which learns a small set in minutes (bench/results/studies/README.md).
#pragma once

#include <string>
#include <vector>

namespace weft {

/// Of the cells that are filled: hardly one like another, of five words and 24 bytes in the mean or more.
/// Names and addresses are none.
bool is_free_text(const std::vector<std::string>& cells);

struct FirstText {
  std::string model;     ///< [model]
  std::string input;     ///< of [data]: kind, columns, length
  std::string schedule;  ///< [warmup] and [policy] of several tasks, [retrain], [eval]
};
/// `texts`: of each row its columns, joined; `columns` that they are of.
FirstText first_text(const std::vector<std::string>& texts, const std::vector<std::string>& columns,
                     size_t tasks);

}  // namespace weft
