// Values as TOML text that reads back to the same bits: strings with quotes and escapes, doubles in
// their shortest form, lists and arrays in brackets, labels {3 = 4, "road" = 0}.
#pragma once

#include <fmt/format.h>

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace weft {

/// Any UTF-8 text as a TOML string, quotes and all: "a \"b\"".
std::string toml_string(const std::string& text);

std::string toml_value(bool value);
std::string toml_value(int value);
std::string toml_value(int64_t value);
std::string toml_value(double value);
std::string toml_value(const std::string& value);
std::string toml_value(const std::vector<std::string>& value);
/// Both halves of a table of labels, ids first.
std::string toml_labels(const std::map<int, int>& ids, const std::map<std::string, int>& words);

template <class List>
std::string toml_list(const List& list) {
  std::vector<std::string> items;
  for (const auto& item : list) items.push_back(toml_value(item));
  return fmt::format("[{}]", fmt::join(items, ", "));
}
template <class T, size_t N>
std::string toml_value(const std::array<T, N>& value) {
  return toml_list(value);
}
template <class T>
std::string toml_value(const std::vector<T>& value) {
  return toml_list(value);
}
/// "" where there is none.
template <class T>
std::string toml_value(const std::optional<T>& value) {
  return value ? toml_value(*value) : "";
}

}  // namespace weft
