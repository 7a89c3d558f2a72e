// TomlDocument: lists under keys of anybody's.
#include <algorithm>

#include "engine/error.h"
#include "train/run_file/toml/toml_plus.h"
#include "train/run_file/toml/values.h"

namespace weft {
namespace {

/// A value as TOML; "" for what is none that a key has.
std::string value_text(const toml::node& node) {
  if (const auto* array = node.as_array()) {
    Words items;
    for (const toml::node& item : *array) items.push_back(value_text(item));
    const bool whole = std::count(items.begin(), items.end(), "") == 0;
    return whole ? fmt::format("[{}]", fmt::join(items, ", ")) : "";
  }
  if (node.is_boolean()) return toml_value(node.as_boolean()->get());
  if (node.is_integer()) return toml_value(node.as_integer()->get());
  if (node.is_floating_point()) return toml_value(node.as_floating_point()->get());
  if (node.is_string()) return toml_value(node.as_string()->get());
  return "";
}

/// With the place in the file, so that they can be sorted: a table's keys are in no order.
using PlacedList = std::pair<toml::source_position, ValueList>;

void add_lists(const toml::table& table, const std::string& path, const std::string& shown,
               std::vector<PlacedList>& out) {
  for (auto&& [name, node] : table) {
    const std::string key = join_key(path, name.str());
    if (const toml::table* inner = node.as_table()) {
      add_lists(*inner, key, shown, out);
      continue;
    }
    ValueList list{key, place_of(node), {}};
    const auto wrong = [&](const std::string& got) {
      throw ConfigError(fmt::format("{}: '{}' expects a list of values, [a, b], got {}", list.place,
                                    join_key(shown, key), got));
    };
    if (!node.is_array()) wrong(type_name(node));
    for (const toml::node& item : *node.as_array()) {
      list.values.push_back(value_text(item));
      if (list.values.back().empty()) wrong(fmt::format("one with {}", type_name(item)));
    }
    if (list.values.empty()) wrong("an empty one");
    out.emplace_back(node.source().begin, list);
  }
}

}  // namespace

bool TomlDocument::has(const char* key) const { return root_->table.contains(key); }

std::vector<ValueList> TomlDocument::take_lists(const std::string& table) {
  toml::table taken;
  if (table.empty()) {
    taken = std::move(root_->table);
    root_->table = {};
  } else if (toml::node* node = root_->table.get(table)) {
    if (!node->is_table())
      throw ConfigError(fmt::format("{}: '{}' expects a table, [{}], got {}", place_of(*node),
                                    table, table, type_name(*node)));
    taken = std::move(*node->as_table());
    root_->table.erase(table);
  }
  std::vector<PlacedList> lists;
  add_lists(taken, "", table, lists);
  std::sort(lists.begin(), lists.end(),
            [](const PlacedList& a, const PlacedList& b) { return a.first < b.first; });
  std::vector<ValueList> out;
  for (PlacedList& list : lists) out.push_back(std::move(list.second));
  return out;
}

}  // namespace weft
