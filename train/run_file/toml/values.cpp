// Scalars, strings and labels; see values.h.
#include "train/run_file/toml/values.h"

namespace weft {

std::string toml_string(const std::string& text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      out += fmt::format("\\{}", c);
    } else if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) {
      out += fmt::format("\\u{:04x}", static_cast<int>(c));
    } else {
      out += c;
    }
  }
  return out + "\"";
}

std::string toml_value(bool value) { return value ? "true" : "false"; }
std::string toml_value(int value) { return fmt::to_string(value); }
std::string toml_value(int64_t value) { return fmt::to_string(value); }
std::string toml_value(double value) {
  const std::string shortest = fmt::to_string(value);
  return shortest.find_first_of(".e") == std::string::npos ? shortest + ".0" : shortest;
}
std::string toml_value(const std::string& value) { return toml_string(value); }
std::string toml_value(const std::vector<std::string>& value) { return toml_list(value); }

std::string toml_labels(const std::map<int, int>& ids, const std::map<std::string, int>& words) {
  std::vector<std::string> items;
  for (auto [from, to] : ids) items.push_back(fmt::format("{} = {}", from, to));
  for (const auto& [from, to] : words)
    items.push_back(fmt::format("{} = {}", toml_string(from), to));
  return fmt::format("{{{}}}", fmt::join(items, ", "));
}

}  // namespace weft
