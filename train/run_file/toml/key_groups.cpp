// Groups of rows, and their two forms.
#include "train/run_file/toml/key_groups.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>

#include "engine/error.h"
#include "train/run_file/toml/nearest.h"

namespace weft {
namespace {

constexpr size_t line_length = 100;
constexpr size_t longest_default = 16;  ///< that stands in a column

std::string default_of(const KeyRow& row) {
  if (row.is_table()) return "";
  if (!row.unset.empty()) return row.unset;
  return row.value.empty() ? "none" : row.value;
}

/// "indent lead word, word, ..", broken between words.
std::string wrapped(const std::string& lead, const Words& words) {
  std::string text, line = "      " + lead;
  for (size_t i = 0; i < words.size(); ++i) {
    const std::string item = words[i] + (i + 1 < words.size() ? "," : "");
    if (line.size() + 1 + item.size() > line_length) {
      text += line + "\n";
      line = "       ";
    }
    line += " " + item;
  }
  return text + line + "\n";
}

/// A path as an override or a user may write it: without the place of a list's name.
std::string plain(std::string path) {
  if (const size_t at = path.find(".NAME."); at != std::string::npos) path.erase(at, 5);
  return path;
}

std::string sentence(std::string text) {
  text[0] = static_cast<char>(std::toupper(static_cast<unsigned char>(text[0])));
  return text + ".";
}

bool belongs(const std::string& path, const std::string& part) {
  return path == part || path.rfind(part + ".", 0) == 0;
}

}  // namespace

std::vector<KeyGroup> key_groups(const char* top, const char* meaning, const Visit& visit) {
  std::vector<KeyGroup> groups{{top, top, sentence(meaning), {}}};
  for (KeyRow& row : key_rows(visit)) {
    const bool at_top = row.path.find('.') == std::string::npos;
    if (at_top && row.is_table()) {
      const bool list = row.type == "tables";
      const std::string heading = (list ? "[[" : "[") + row.path + (list ? "]]" : "]");
      groups.push_back({row.path, heading, sentence(row.meaning), {}});
    } else {
      groups[at_top ? 0 : groups.size() - 1].rows.push_back(std::move(row));
    }
  }
  return groups;
}

std::vector<KeyGroup> part_of(const std::vector<KeyGroup>& groups, const std::string& part) {
  std::vector<KeyGroup> found;
  Words names, words;
  for (const KeyGroup& group : groups) {
    if (group.name == part) return {group};
    names.push_back(group.name);
    KeyGroup some{group.name, group.heading, group.meaning, {}};
    for (const KeyRow& row : group.rows) {
      words.push_back(plain(row.path));
      if (belongs(row.path, part) || belongs(words.back(), part)) some.rows.push_back(row);
    }
    if (!some.rows.empty()) found.push_back(some);
  }
  if (!found.empty()) return found;
  words.insert(words.begin(), names.begin(), names.end());
  throw ConfigError(fmt::format("keys: there is no '{}'; did you mean '{}'? The groups: {}", part,
                                nearest(part, words), fmt::join(names, ", ")));
}

std::string keys_text(const std::vector<KeyGroup>& groups) {
  std::string text;
  for (const KeyGroup& group : groups) {
    text += fmt::format("{}{}  {}\n", text.empty() ? "" : "\n", group.heading, group.meaning);
    size_t path = 0, type = 0, value = 0;
    for (const KeyRow& row : group.rows) {
      path = std::max(path, row.path.size());
      type = std::max(type, row.type.size());
      if (const size_t size = default_of(row).size(); size <= longest_default)
        value = std::max(value, size);
    }
    for (const KeyRow& row : group.rows) {
      const std::string standard = default_of(row);
      const bool fits = standard.size() <= longest_default;
      text += fmt::format("  {:<{}}  {:<{}}  {:<{}}  {}\n", row.path, path, row.type, type,
                          fits ? standard : "", value, row.meaning);
      if (!row.words.empty()) text += wrapped("one of", row.words);
      if (!fits) text += fmt::format("      default: {}\n", standard);
      if (!row.owners.empty()) text += fmt::format("      of {} alone\n", row.owners);
    }
  }
  return text;
}

std::string keys_markdown(const std::vector<KeyGroup>& groups) {
  std::string text;
  for (const KeyGroup& group : groups) {
    text += fmt::format("{}## {}\n\n{}\n\n| key | type | default | meaning |\n|---|---|---|---|\n",
                        text.empty() ? "" : "\n", group.heading, group.meaning);
    for (const KeyRow& row : group.rows) {
      const std::string type =
          row.words.empty() ? row.type : fmt::format("`{}`", fmt::join(row.words, "` `"));
      const std::string standard = row.unset.empty() && !row.value.empty()
                                       ? fmt::format("`{}`", row.value)
                                       : default_of(row);
      text += fmt::format("| `{}` | {} | {} | {}{} |\n", row.path, type, standard, row.meaning,
                          row.owners.empty() ? "" : fmt::format(" ({} alone)", row.owners));
    }
  }
  return text;
}

}  // namespace weft
