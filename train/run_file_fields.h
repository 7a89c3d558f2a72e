// The table of the run file's keys, visited by whoever reads, prints or lists them.
// A FieldVisitor gets each key with a reference to its value; a word is a string out of a list.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "train/run_file.h"

namespace weft {

using Words = std::vector<std::string>;

class FieldVisitor {
 public:
  virtual ~FieldVisitor() = default;

  virtual void field(const char* key, bool& value) = 0;
  virtual void field(const char* key, int& value) = 0;
  virtual void field(const char* key, int64_t& value) = 0;
  virtual void field(const char* key, float& value) = 0;
  virtual void field(const char* key, double& value) = 0;
  virtual void field(const char* key, std::string& value) = 0;
  virtual void field(const char* key, std::optional<int>& value) = 0;
  virtual void field(const char* key, std::optional<double>& value) = 0;
  virtual void field(const char* key, std::array<int, 2>& value) = 0;
  virtual void field(const char* key, std::array<double, 2>& value) = 0;
  virtual void field(const char* key, std::vector<double>& value) = 0;
  virtual void field(const char* key, std::map<int, int>& value) = 0;
  virtual void word(const char* key, std::string& value, const Words& words) = 0;

  /// An enum whose values are 0, 1, 2, ... in the order of `words`.
  template <class Enum>
  void choice(const char* key, Enum& value, const Words& words) {
    std::string text = words[static_cast<size_t>(value)];
    word(key, text, words);
    for (size_t i = 0; i < words.size(); ++i) {
      if (words[i] == text) value = static_cast<Enum>(i);
    }
  }

  /// begin() of a table; false where there is nothing to visit in it.
  virtual bool begin(const char* key) = 0;
  virtual void end() = 0;
  /// [[task]]: visits every task between begin_task and end.
  virtual void tasks(std::vector<TaskSpec>& tasks) = 0;

  template <class Body>
  void table(const char* key, Body&& body) {
    if (!begin(key)) return;
    body();
    end();
  }
};

void visit_fields(FieldVisitor& v, RunFile& run);
void visit_fields(FieldVisitor& v, TaskSpec& task);

/// "table.key", or the key alone at the top.
std::string join_key(const std::string& table, std::string_view key);

/// Every key and table as a dotted path; tasks go by their names.
std::vector<std::string> key_names(const RunFile& run);

}  // namespace weft
