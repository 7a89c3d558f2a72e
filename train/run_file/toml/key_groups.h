// Rows of keys as people read them: by table, as text for a terminal or as a page of Markdown.
#pragma once

#include <string>
#include <vector>

#include "train/run_file/toml/key_rows.h"

namespace weft {

/// A table's keys, those of the tables inside it too; or the keys of a file that are in no table.
struct KeyGroup {
  std::string name;     ///< "policy"
  std::string heading;  ///< "[policy]", "[[task]]", or the name where it is no table
  std::string meaning;  ///< one line, a sentence
  std::vector<KeyRow> rows;
};

/// What `visit` visits, with defaults as values: first the keys at the top as a group of that name
/// and meaning, then each table, in the order of the visit.
std::vector<KeyGroup> key_groups(const char* top, const char* meaning, const Visit& visit);

/// One of the groups by its name, or what is left of them for a table inside ("policy.optimizer") or
/// a key ("task.weight"). ConfigError where there is none, with the nearest and the groups.
std::vector<KeyGroup> part_of(const std::vector<KeyGroup>& groups, const std::string& part);

/// A key a line: path, type, default, meaning; below it the words that it is one of, and a default
/// that is longer than a word. Lines of at most 100 characters where words allow.
std::string keys_text(const std::vector<KeyGroup>& groups);
/// The same as Markdown tables under headings of level 2.
std::string keys_markdown(const std::vector<KeyGroup>& groups);

}  // namespace weft
