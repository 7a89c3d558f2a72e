// c_encode: the alphabet asked character by character, and written as tables.
#include "train/export/c_text.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <vector>

#include "data/alphabet.h"

namespace weft {
namespace {

int id_of(const Alphabet& alphabet, const std::string& character) {
  float id = 0;
  alphabet.encode(character, 1, &id);
  return static_cast<int>(id);
}

/// The alphabet's characters that are more than a byte of UTF-8.
std::vector<std::string> long_characters(const std::string& alphabet) {
  std::vector<std::string> out;
  for (const char c : alphabet) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte >= 0xC0) out.emplace_back();
    if (byte >= 0x80) out.back() += c;
  }
  return out;
}

std::string c_string(const std::string& bytes) {
  std::string text = "\"";
  for (const char c : bytes) text += fmt::format("\\x{:02x}", static_cast<unsigned char>(c));
  return text + "\"";
}

constexpr const char* of_bytes = R"(
  for (int i = 0; i < %L%; ++i)
    if (*text)
      input[i] = (float)(1 + (unsigned char)*text++);
    else
      input[i] = 0.0f;
)";

constexpr const char* of_characters = R"(
  static const unsigned short ascii[128] = {%ascii%};
%table%  for (int i = 0; i < %L%; ++i) {
    size_t n = 1;
    int id = 1; /* not in the alphabet */
    if (!*text) {
      input[i] = 0.0f;
      continue;
    }
    while (((unsigned char)text[n] & 0xC0) == 0x80) ++n;
    if (n == 1 && (unsigned char)*text < 128) id = ascii[(unsigned char)*text];
%search%    input[i] = (float)id;
    text += n;
  }
)";

constexpr const char* others_search =
    R"(    for (size_t j = 0; n > 1 && j < sizeof others / sizeof others[0]; ++j)
      if (strlen(others[j].utf8) == n && memcmp(others[j].utf8, text, n) == 0) id = others[j].id;
)";

void replace(std::string& text, const std::string& what, const std::string& by) {
  for (size_t at; (at = text.find(what)) != std::string::npos;) text.replace(at, what.size(), by);
}

}  // namespace

std::string c_encode_prototype(const std::string& name) {
  return fmt::format("void {}_encode(const char *text, float *input)", name);
}

std::string c_encode(const std::string& name, const std::string& alphabet, int64_t length) {
  std::string body = alphabet.empty() ? of_bytes : of_characters;
  replace(body, "%L%", fmt::format("{}", length));
  if (!alphabet.empty()) {
    const Alphabet of(alphabet);
    std::vector<int> ascii;
    for (int c = 0; c < 128; ++c) ascii.push_back(id_of(of, std::string(1, static_cast<char>(c))));
    replace(body, "%ascii%", fmt::format("{}", fmt::join(ascii, ", ")));
    std::string table;
    for (const std::string& c : long_characters(alphabet))
      table += fmt::format("{}{{{}, {}}}", table.empty() ? "" : ", ", c_string(c), id_of(of, c));
    const bool others = !table.empty();
    if (others)
      table = fmt::format(
          "  static const struct {{\n    const char *utf8;\n    int id;\n  }} others[] = {{{}}};\n",
          table);
    replace(body, "%table%", table);
    replace(body, "%search%", others ? others_search : "");
  }
  return fmt::format("\n{} {{{}}}\n", c_encode_prototype(name), body);
}

}  // namespace weft
