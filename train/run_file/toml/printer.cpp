// toml_text: a visitor that writes what it is shown.
#include "train/run_file/toml/printer.h"

#include "train/run_file/toml/values.h"

namespace weft {
namespace {

template <class T>
bool is_set(const T&) {
  return true;
}
template <class T>
bool is_set(const std::optional<T>& value) {
  return value.has_value();
}
template <class T>
bool is_set(const std::vector<T>& value) {
  return !value.empty();
}

class Printer final : public EachField<Printer> {
 public:
  std::string text;

  template <class T>
  void each(const char* key, const T& value) {
    if (is_set(value)) put(key, toml_value(value));
  }

 protected:
  void visit_labels(const char* key, std::map<int, int>& ids,
                    std::map<std::string, int>& words) override {
    if (!ids.empty() || !words.empty()) put(key, toml_labels(ids, words));
  }
  void visit_word(const char* key, std::string& value, const Words&) override {
    if (!value.empty()) put(key, toml_string(value));
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

std::string toml_text(const Visit& visit) {
  Printer printer;
  visit(printer);
  return printer.text;
}

}  // namespace weft
