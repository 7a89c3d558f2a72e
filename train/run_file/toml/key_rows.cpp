// A visitor that writes down where it is and what it was told.
#include "train/run_file/toml/key_rows.h"

#include "train/run_file/toml/values.h"

namespace weft {
namespace {

std::string type_of(bool) { return "boolean"; }
std::string type_of(int64_t) { return "integer"; }
std::string type_of(int) { return "integer"; }
std::string type_of(double) { return "number"; }
std::string type_of(const std::string&) { return "string"; }
std::string type_of(const Words&) { return "strings"; }
std::string type_of(const std::vector<Words>&) { return "lists of strings"; }
template <class T>
std::string type_of(const std::optional<T>&) {
  return type_of(T{});
}
template <class T, size_t N>
std::string type_of(const std::array<T, N>&) {
  return fmt::format("{} {}s", N, type_of(T{}));
}
template <class T>
std::string type_of(const std::vector<T>&) {
  return type_of(T{}) + "s";
}

class Rows final : public EachField<Rows> {
 public:
  explicit Rows(bool unfitting) : unfitting_(unfitting) {}
  std::vector<KeyRow> rows;

  template <class T>
  void each(const char* key, const T& value) {
    add(key, type_of(value), toml_value(value));
  }
  bool unfitting() const override { return unfitting_; }

 protected:
  void describe(const About& about) override {
    next_.meaning = about.meaning;
    next_.unset = about.unset;
    next_.owners = about.owners;
  }
  void visit_labels(const char* key, std::map<int, int>& ids,
                    std::map<std::string, int>& words) override {
    add(key, "{label = class}", toml_labels(ids, words));
  }
  void visit_word(const char* key, std::string& value, const Words& words) override {
    add(key, "word", value.empty() ? "" : toml_string(value));
    rows.back().words = words;
  }
  bool begin(const char* key) override {
    add(key, "table", "");
    paths_.push_back(rows.back().path);
    return true;
  }
  void end() override { paths_.pop_back(); }
  size_t begin_list(const char* key, size_t present) override {
    add(key, "tables", "");
    return present > 0 ? present : 1;
  }
  std::string begin_item(const char* key, size_t, const std::string& name) override {
    paths_.push_back(join_key(paths_.back(), key) + "." + (name.empty() ? "NAME" : name));
    return name;
  }

 private:
  void add(const char* key, std::string type, std::string value) {
    next_.path = join_key(paths_.back(), key);
    next_.type = std::move(type);
    next_.value = std::move(value);
    rows.push_back(std::exchange(next_, {}));
  }

  bool unfitting_;
  KeyRow next_;
  std::vector<std::string> paths_{""};
};

}  // namespace

std::vector<KeyRow> key_rows(const Visit& visit, bool unfitting) {
  Rows rows(unfitting);
  visit(rows);
  return std::move(rows.rows);
}

std::vector<std::string> key_names(const Visit& visit) {
  std::vector<std::string> names;
  for (KeyRow& row : key_rows(visit, false)) names.push_back(std::move(row.path));
  return names;
}

}  // namespace weft
