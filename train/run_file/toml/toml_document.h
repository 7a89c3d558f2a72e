// A TOML file that fills a struct: parsed once, changed by overrides "key=value", read by a visit
// (train/run_file/toml/fields.h). What is wrong is a ConfigError "file:line: ...": no TOML, a wrong
// type, a word out of no list, and a key that nobody asked for, with the nearest that somebody
// would.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "train/run_file/toml/fields.h"

namespace weft {

/// A list below a table whose keys are anybody's: "grid" of a study.
struct ValueList {
  std::string key, place;  ///< dotted, below the table; "file:line"
  Words values;            ///< as TOML text
};

class TomlDocument {
 public:
  /// `source` is the file's name in complaints.
  TomlDocument(const std::string& text, const std::string& source);
  ~TomlDocument();
  TomlDocument(const TomlDocument&) = delete;
  TomlDocument& operator=(const TomlDocument&) = delete;

  /// policy.sharing=0.1, task.seg.weight=2 (the [[task]] of that name); a bare word is a string.
  void apply(const std::string& key_and_value);
  /// Whether the file has this key or table at its top.
  bool has(const char* key) const;
  /// Takes a table out of the file: its lists and those of the tables in it, as they stand there. ""
  /// is the whole file. ConfigError where something else than lists is there.
  std::vector<ValueList> take_lists(const std::string& table);
  /// Keys that are not in the file keep their value. Returns "file:line" of each key and table that
  /// is, by its dotted path.
  std::map<std::string, std::string> read(const Visit& visit);

 private:
  struct Root;
  std::unique_ptr<Root> root_;
};

/// The text of a file; ConfigError "cannot read WHAT 'path': why".
std::string read_toml_text(const std::string& path, const char* what);

}  // namespace weft
