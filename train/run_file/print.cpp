// The run file with every key resolved: what a run folder's run.toml holds. Tables inside a table
// are written inline; doubles in the shortest form that reads back to the same bits.
#include <fmt/format.h>

#include "train/run_file/keys.h"
#include "train/run_file/toml/toml_document.h"

namespace weft {
namespace {

class Printer final : public FieldVisitor {
 public:
  std::string text;

  void field(const char* key, bool& value) override { put(key, value ? "true" : "false"); }
  void field(const char* key, int& value) override { put(key, fmt::to_string(value)); }
  void field(const char* key, int64_t& value) override { put(key, fmt::to_string(value)); }
  void field(const char* key, double& value) override { put(key, number(value)); }
  void field(const char* key, std::string& value) override { put(key, toml_string(value)); }
  void field(const char* key, std::optional<int>& value) override {
    if (value) put(key, fmt::to_string(*value));
  }
  void field(const char* key, std::optional<double>& value) override {
    if (value) put(key, number(*value));
  }
  void field(const char* key, std::array<int, 2>& value) override {
    put(key, fmt::format("[{}, {}]", value[0], value[1]));
  }
  void field(const char* key, std::array<double, 2>& value) override {
    put(key, fmt::format("[{}, {}]", number(value[0]), number(value[1])));
  }
  void field(const char* key, std::vector<double>& value) override {
    std::vector<std::string> items;
    for (double item : value) items.push_back(number(item));
    if (!items.empty()) put(key, fmt::format("[{}]", fmt::join(items, ", ")));
  }
  void field(const char* key, std::vector<int64_t>& value) override {
    if (!value.empty()) put(key, fmt::format("[{}]", fmt::join(value, ", ")));
  }
  void field(const char* key, Words& value) override {
    if (!value.empty()) put(key, array(value));
  }
  void field(const char* key, std::vector<Words>& value) override {
    std::vector<std::string> items;
    for (const Words& item : value) items.push_back(array(item));
    if (!items.empty()) put(key, fmt::format("[{}]", fmt::join(items, ", ")));
  }
  void labels(const char* key, std::map<int, int>& ids,
              std::map<std::string, int>& words) override {
    std::vector<std::string> items;
    for (auto [from, to] : ids) items.push_back(fmt::format("{} = {}", from, to));
    for (const auto& [from, to] : words)
      items.push_back(fmt::format("{} = {}", toml_string(from), to));
    if (!items.empty()) put(key, fmt::format("{{{}}}", fmt::join(items, ", ")));
  }
  void word(const char* key, std::string& value, const Words&) override {
    put(key, toml_string(value));
  }

  bool begin(const char* key) override {
    if (depth_++ == 0) {
      text += fmt::format("\n[{}]\n", key);
    } else {
      text += fmt::format("{} = {{", key);
      first_ = true;
    }
    return true;
  }
  void end() override {
    if (--depth_ == 1) text += "}\n";
  }
  size_t begin_list(const char*, size_t present) override { return present; }
  std::string begin_item(const char* key, size_t, const std::string& name) override {
    text += fmt::format("\n[[{}]]\n", key);
    depth_ = 1;
    return name;
  }

 private:
  template <class T>
  static std::string number(T value) {
    const std::string shortest = fmt::to_string(value);
    return shortest.find_first_of(".e") == std::string::npos ? shortest + ".0" : shortest;
  }
  static std::string array(const Words& words) {
    std::vector<std::string> items;
    for (const std::string& word : words) items.push_back(toml_string(word));
    return fmt::format("[{}]", fmt::join(items, ", "));
  }
  void put(const char* key, const std::string& value) {
    if (depth_ < 2) {
      text += fmt::format("{} = {}\n", key, value);
    } else {
      text += fmt::format("{}{} = {}", first_ ? "" : ", ", key, value);
      first_ = false;
    }
  }

  int depth_ = 0;  ///< 0: top level, 1: in [table], 2: in an inline table
  bool first_ = true;
};

}  // namespace

std::string print_run_file(const RunFile& run) {
  RunFile copy = run;
  Printer printer;
  visit_fields(printer, copy);
  return printer.text;
}

}  // namespace weft
