// TomlDocument. Overrides are written into the TOML table, so that they and the file are read,
// typed and complained about by the same code.
#include "train/run_file/toml/toml_document.h"

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <limits>
#include <sstream>
#include <utility>

#include "engine/error.h"
#include "train/run_file/toml/key_rows.h"
#include "train/run_file/toml/nearest.h"
#include "train/run_file/toml/toml_plus.h"

namespace weft {
namespace {

/// What an item of a list is called: its name, or else its kind.
std::string item_name(const toml::table& item) {
  if (auto name = item["name"].value<std::string>()) return *name;
  return item["kind"].value<std::string>().value_or("");
}

/// Fills a struct from a TOML table; remembers where each key stands and what nobody asked for.
class Reader final : public FieldVisitor {
 public:
  std::map<std::string, std::string> places;

  void read(toml::table& root, const Visit& visit) {
    levels_.push_back({&root, "", {}});
    visit(*this);
    end();
    if (unknown_.empty()) return;
    const auto& [key, place] = unknown_.front();
    throw ConfigError(fmt::format("{}: unknown key '{}'; did you mean '{}'?", place, key,
                                  nearest(key, key_names(visit))));
  }

  void visit(const char* key, bool& value) override {
    if (auto* node = find(key)) value = get<bool>(key, *node, "true or false");
  }
  void visit(const char* key, int& value) override {
    if (auto* node = find(key)) value = integer(key, *node);
  }
  void visit(const char* key, int64_t& value) override {
    if (auto* node = find(key)) value = get<int64_t>(key, *node, "an integer");
  }
  void visit(const char* key, double& value) override {
    if (auto* node = find(key)) value = number(key, *node);
  }
  void visit(const char* key, std::string& value) override {
    if (auto* node = find(key)) value = get<std::string>(key, *node, "a string");
  }
  void visit(const char* key, std::optional<int>& value) override {
    if (auto* node = find(key)) value = integer(key, *node);
  }
  void visit(const char* key, std::optional<double>& value) override {
    if (auto* node = find(key)) value = number(key, *node);
  }
  void visit(const char* key, std::array<int, 2>& value) override {
    auto* node = find(key);
    if (!node) return;
    if (node->is_integer()) {
      value.fill(integer(key, *node));
      return;
    }
    const toml::array& pair = array(key, *node, "two integers, [height, width]", 2);
    value = {integer(key, pair[0]), integer(key, pair[1])};
  }
  void visit(const char* key, std::array<double, 2>& value) override {
    auto* node = find(key);
    if (!node) return;
    const toml::array& pair = array(key, *node, "two numbers, [a, b]", 2);
    value = {number(key, pair[0]), number(key, pair[1])};
  }
  void visit(const char* key, std::vector<double>& value) override {
    auto* node = find(key);
    if (!node) return;
    value.clear();
    for (const toml::node& item : array(key, *node, "an array of numbers")) {
      value.push_back(number(key, item));
    }
  }
  void visit(const char* key, std::vector<int64_t>& value) override {
    auto* node = find(key);
    if (!node) return;
    value.clear();
    for (const toml::node& item : array(key, *node, "an array of integers"))
      value.push_back(get<int64_t>(key, item, "integers"));
  }
  void visit(const char* key, Words& value) override {
    if (auto* node = find(key)) value = words(key, *node, "an array of strings");
  }
  void visit(const char* key, std::vector<Words>& value) override {
    constexpr const char* want = "an array of arrays of strings";
    auto* node = find(key);
    if (!node) return;
    value.clear();
    for (const toml::node& item : array(key, *node, want)) value.push_back(words(key, item, want));
  }
  void visit_labels(const char* key, std::map<int, int>& ids,
                    std::map<std::string, int>& words) override {
    auto* node = find(key);
    if (!node) return;
    if (!node->is_table()) wrong(key, *node, "a table such as {0 = 0, 7 = 1}");
    ids.clear();
    words.clear();
    for (auto&& [from, to] : *node->as_table()) {
      const std::string_view text = from.str();
      int id = 0;
      const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), id);
      const bool is_id = error == std::errc() && stop == text.data() + text.size();
      (is_id ? ids[id] : words[std::string(text)]) = integer(key, to);
    }
  }
  void visit_word(const char* key, std::string& value, const Words& words) override {
    auto* node = find(key);
    if (!node) return;
    value = get<std::string>(key, *node, "a string");
    if (std::find(words.begin(), words.end(), value) != words.end()) return;
    fail(*node, fmt::format("'{}' is \"{}\"; it is one of {}; did you mean \"{}\"?", path(key),
                            value, fmt::join(words, ", "), nearest(value, words)));
  }
  bool unfitting() const override { return true; }
  bool begin(const char* key) override {
    auto* node = find(key);
    if (!node) return false;
    if (!node->is_table()) wrong(key, *node, fmt::format("a table, [{}]", path(key)));
    levels_.push_back({node->as_table(), path(key), {}});
    return true;
  }
  void end() override {
    const Level& level = levels_.back();
    for (auto&& [key, node] : *level.table) {
      const auto& known = level.known;
      if (std::find(known.begin(), known.end(), key.str()) == known.end()) {
        unknown_.emplace_back(join_key(level.path, key.str()), place_of(node));
      }
    }
    levels_.pop_back();
  }
  size_t begin_list(const char* key, size_t) override {
    auto* node = find(key);
    if (!node) return 0;
    if (!node->is_array_of_tables())
      wrong(key, *node, fmt::format("one or more tables, [[{}]]", path(key)));
    return node->as_array()->size();
  }
  std::string begin_item(const char* key, size_t index, const std::string&) override {
    toml::node& item = *levels_.back().table->get(key)->as_array()->get(index);
    std::string name = item_name(*item.as_table());
    const std::string item_path = path(key) + "." + name;
    places[item_path] = place_of(item);
    levels_.push_back({item.as_table(), item_path, {}});
    return name;
  }

 private:
  struct Level {
    toml::table* table;
    std::string path;
    std::vector<std::string> known;
  };

  std::string path(const char* key) const { return join_key(levels_.back().path, key); }

  toml::node* find(const char* key) {
    levels_.back().known.emplace_back(key);
    toml::node* node = levels_.back().table->get(key);
    if (node) places[path(key)] = place_of(*node);
    return node;
  }

  [[noreturn]] void fail(const toml::node& node, const std::string& message) const {
    throw ConfigError(fmt::format("{}: {}", place_of(node), message));
  }
  [[noreturn]] void wrong(const char* key, const toml::node& node, const std::string& want) const {
    fail(node, fmt::format("'{}' expects {}, got {}", path(key), want, type_name(node)));
  }

  template <class T>
  T get(const char* key, const toml::node& node, const char* want) const {
    if (!node.is<T>()) wrong(key, node, want);
    return node.as<T>()->get();
  }
  int integer(const char* key, const toml::node& node) const {
    const int64_t value = get<int64_t>(key, node, "an integer");
    if (value < std::numeric_limits<int>::min() || value > std::numeric_limits<int>::max()) {
      fail(node, fmt::format("'{}' is {}, which is out of range", path(key), value));
    }
    return static_cast<int>(value);
  }
  double number(const char* key, const toml::node& node) const {
    if (node.is_integer()) return static_cast<double>(node.as_integer()->get());
    const double value = get<double>(key, node, "a number");
    if (!std::isfinite(value)) fail(node, fmt::format("'{}' must be finite", path(key)));
    return value;
  }
  Words words(const char* key, const toml::node& node, const char* want) const {
    Words out;
    for (const toml::node& item : array(key, node, want))
      out.push_back(get<std::string>(key, item, want));
    return out;
  }
  const toml::array& array(const char* key, const toml::node& node, const char* want,
                           size_t size = 0) const {
    if (!node.is_array()) wrong(key, node, want);
    const toml::array& items = *node.as_array();
    if (size && items.size() != size) {
      fail(node, fmt::format("'{}' expects {}, got {} values", path(key), want, items.size()));
    }
    return items;
  }

  std::vector<Level> levels_;
  std::vector<std::pair<std::string, std::string>> unknown_;
};

toml::table parse_toml(const std::string& text, const std::string& source) {
  try {
    return toml::parse(text, source);
  } catch (const toml::parse_error& error) {
    throw ConfigError(
        fmt::format("{}:{}: {}", source, error.source().begin.line, error.description()));
  } catch (const BrokenToml&) {
    throw ConfigError(fmt::format("{}: this is no TOML: a key is broken", source));
  }
}

/// The value of an override: TOML where it is TOML, else a bare word is a string.
toml::table override_value(const std::string& text) {
  try {
    toml::table table = toml::parse("value = " + text, command_line);
    if (table.size() == 1) return table;
  } catch (const toml::parse_error&) {
    // a bare word such as hard or a path
  } catch (const BrokenToml&) {
    // likewise
  }
  return toml::table{{"value", text}};
}

void merge(toml::table& into, std::string_view key, toml::node& value) {
  toml::node* old = into.get(key);
  if (old && old->is_table() && value.is_table()) {
    for (auto&& [inner, node] : *value.as_table()) merge(*old->as_table(), inner.str(), node);
  } else {
    into.insert_or_assign(key, std::move(value));
  }
}

/// The [[list]]'s item of that name, a task or a column; of the name *, all of them.
std::vector<toml::table*> find_items(toml::table& root, const std::string& list,
                                     const std::string& name) {
  Words names;
  std::vector<toml::table*> found;
  if (toml::array* items = root[list].as_array()) {
    for (toml::node& item : *items) {
      if (!item.is_table()) continue;
      names.push_back(item_name(*item.as_table()));
      if (name == "*" || names.back() == name) found.push_back(item.as_table());
    }
  }
  if (names.empty()) throw ConfigError(fmt::format("{}: there is no [[{}]]", command_line, list));
  if (name != "*" && !found.empty()) found.resize(1);
  if (!found.empty()) return found;
  throw ConfigError(fmt::format("{}: there is no {} '{}'; did you mean '{}'?", command_line, list,
                                name, nearest(name, names)));
}

void apply_override(toml::table& root, const std::string& text) {
  const size_t equals = text.find('=');
  if (equals == std::string::npos || equals == 0) {
    throw ConfigError(
        fmt::format("{}: '{}' is no override; write key=value, such as policy.sharing=0.1",
                    command_line, text));
  }
  Words parts;
  std::istringstream key(text.substr(0, equals));
  for (std::string part; std::getline(key, part, '.');) parts.push_back(part);
  if (parts.size() < 1 || std::count(parts.begin(), parts.end(), "") > 0) {
    throw ConfigError(fmt::format("{}: '{}' has an empty key", command_line, text));
  }
  std::vector<toml::table*> tables{&root};
  size_t first = 0;
  if ((parts[0] == "task" || parts[0] == "column") && parts.size() > 2) {
    tables = find_items(root, parts[0], parts[1]);
    first = 2;
  }
  for (toml::table* table : tables) {
    for (size_t next = first; next + 1 < parts.size(); ++next) {
      toml::node* node = table->get(parts[next]);
      if (!node) node = &table->insert(parts[next], toml::table{}).first->second;
      if (!node->is_table()) {
        throw ConfigError(fmt::format("{}: unknown key '{}': '{}' is no table", command_line,
                                      text.substr(0, equals), parts[next]));
      }
      table = node->as_table();
    }
    toml::table value = override_value(text.substr(equals + 1));
    merge(*table, parts.back(), *value.get("value"));
  }
}

}  // namespace

TomlDocument::TomlDocument(const std::string& text, const std::string& source)
    : root_(std::make_unique<Root>(Root{parse_toml(text, source)})) {}

TomlDocument::~TomlDocument() = default;

void TomlDocument::apply(const std::string& key_and_value) {
  apply_override(root_->table, key_and_value);
}

std::map<std::string, std::string> TomlDocument::read(const Visit& visit) {
  Reader reader;
  reader.read(root_->table, visit);
  return reader.places;
}

std::string read_toml_text(const std::string& path, const char* what) {
  std::ifstream file(path, std::ios::binary);
  if (!file || std::filesystem::is_directory(path)) {
    const char* reason = std::filesystem::is_directory(path) ? "a folder" : std::strerror(errno);
    throw ConfigError(fmt::format("cannot read {} '{}': {}", what, path, reason));
  }
  return std::string(std::istreambuf_iterator<char>(file), {});
}

}  // namespace weft
