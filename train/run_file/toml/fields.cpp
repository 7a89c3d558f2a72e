// key_names: a visitor that writes down where it is.
#include "train/run_file/toml/fields.h"

namespace weft {
namespace {

class KeyList final : public FieldVisitor {
 public:
  std::vector<std::string> keys;

  void field(const char* key, bool&) override { add(key); }
  void field(const char* key, int&) override { add(key); }
  void field(const char* key, int64_t&) override { add(key); }
  void field(const char* key, double&) override { add(key); }
  void field(const char* key, std::string&) override { add(key); }
  void field(const char* key, std::optional<int>&) override { add(key); }
  void field(const char* key, std::optional<double>&) override { add(key); }
  void field(const char* key, std::array<int, 2>&) override { add(key); }
  void field(const char* key, std::array<double, 2>&) override { add(key); }
  void field(const char* key, std::vector<double>&) override { add(key); }
  void field(const char* key, std::vector<int64_t>&) override { add(key); }
  void field(const char* key, Words&) override { add(key); }
  void field(const char* key, std::vector<Words>&) override { add(key); }
  void labels(const char* key, std::map<int, int>&, std::map<std::string, int>&) override {
    add(key);
  }
  void word(const char* key, std::string&, const Words&) override { add(key); }
  bool begin(const char* key) override {
    add(key);
    paths_.push_back(keys.back());
    return true;
  }
  void end() override { paths_.pop_back(); }
  size_t begin_list(const char* key, size_t present) override {
    add(key);
    return present > 0 ? present : 1;
  }
  std::string begin_item(const char* key, size_t, const std::string& name) override {
    paths_.push_back(join_key(paths_.back(), key) + "." + (name.empty() ? "NAME" : name));
    return name;
  }

 private:
  void add(const char* key) { keys.push_back(join_key(paths_.back(), key)); }

  std::vector<std::string> paths_{""};
};

}  // namespace

std::string join_key(const std::string& table, std::string_view key) {
  return table.empty() ? std::string(key) : table + "." + std::string(key);
}

std::vector<std::string> key_names(const Visit& visit) {
  KeyList list;
  visit(list);
  return list.keys;
}

}  // namespace weft
