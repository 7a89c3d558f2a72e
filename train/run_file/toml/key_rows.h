// What a visit visits, as rows to be shown: each key and table with its path, type, value, meaning.
// Visited with the structs' initial values, a row's value is the key's default.
#pragma once

#include <string>
#include <vector>

#include "train/run_file/toml/fields.h"

namespace weft {

struct KeyRow {
  std::string path;     ///< dotted; the items of a list go by their names: "task.NAME.weight"
  std::string type;     ///< "integer", "2 numbers", "word"; a table's is "table" or "tables"
  std::string value;    ///< as TOML; "" where nothing is set
  std::string meaning;  ///< one line
  std::string unset;    ///< what it stands at that nobody sets, where that is not `value`
  std::string owners;   ///< words of another key beside which it means something; "": all
  Words words;          ///< those that a word is one of

  bool is_table() const { return type == "table" || type == "tables"; }
};

/// Every row; a list without items shows one called NAME. Keys that do not fit the values beside
/// them are there where `unfitting`.
std::vector<KeyRow> key_rows(const Visit& visit, bool unfitting = true);
/// The paths of those that fit.
std::vector<std::string> key_names(const Visit& visit);

}  // namespace weft
