// The text of a CSV and its separator; see csv_text.h. A record is read in one pass over its
// characters, quoted or not.
#include "io/csv_text.h"

#include <algorithm>
#include <array>

#include "engine/error.h"
#include "io/number_text.h"

namespace weft {
namespace {

constexpr std::array<char, 3> separators{',', ';', '\t'};
constexpr int records_tried = 32;

const char* spelled(char separator) {
  return separator == '\t' ? "tab" : separator == ';' ? "';'" : "','";
}

bool starts(std::string_view text, std::string_view with) {
  return text.substr(0, with.size()) == with;
}

/// The bytes of the UTF-8 character that `text` begins with; 0: it is none.
size_t character(std::string_view text) {
  const auto byte = [&](size_t i) {
    return i < text.size() ? static_cast<unsigned char>(text[i]) : 0;
  };
  const unsigned first = byte(0);
  if (first < 0x80) return 1;
  const size_t size = first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : 2;
  if (first < 0xC2 || first > 0xF4) return 0;
  for (size_t i = 1; i < size; ++i)
    if ((byte(i) & 0xC0) != 0x80) return 0;
  const unsigned second = byte(1);  // overlong forms, surrogates, beyond the last character
  const bool wrong = (first == 0xE0 && second < 0xA0) || (first == 0xED && second > 0x9F) ||
                     (first == 0xF0 && second < 0x90) || (first == 0xF4 && second > 0x8F);
  return wrong ? 0 : size;
}

bool blank(std::string_view text) {
  return text.find_first_not_of(" \t") == std::string_view::npos;
}

/// The first line that is neither blank nor a comment.
std::string_view first_line(std::string_view text, const std::string& comment) {
  for (size_t at = 0; at < text.size();) {
    const size_t next = next_line(text, at);
    const std::string_view line = text.substr(at, next - at);
    at = next;
    if (line.find_first_not_of(" \t\r\n") == std::string_view::npos) continue;
    if (comment.empty() || !starts(line, comment)) return line;
  }
  return {};
}

bool outside_quotes(std::string_view line, char wanted) {
  bool quoted = false;
  for (const char c : line) {
    quoted ^= c == '"';
    if (c == wanted && !quoted) return true;
  }
  return false;
}

/// Cells of each of the first records, all alike; 0: they differ, or the quotes do not close.
size_t cells_per_record(std::string_view text, char separator, const std::string& comment) {
  size_t at = 0, cells = 0;
  int line = 1;
  try {
    for (int read = 0; at < text.size() && read < records_tried;) {
      if (!comment.empty() && starts(text.substr(at), comment)) {
        at = next_line(text, at);
        continue;
      }
      const auto record = read_record(text, separator, at, line, "");
      if (record.size() == 1 && record[0].empty()) continue;
      if (read++ > 0 && record.size() != cells) return 0;
      cells = record.size();
    }
  } catch (const DataError&) {
    return 0;
  }
  return cells;
}

}  // namespace

std::string_view checked_text(std::string_view text, const std::string& path) {
  if (starts(text, "\xEF\xBB\xBF")) text.remove_prefix(3);
  // ASCII as UTF-16 has a NUL in every other byte.
  const bool wide = starts(text, "\xFF\xFE") || starts(text, "\xFE\xFF") ||
                    (text.size() > 1 && (text[0] == '\0') != (text[1] == '\0'));
  if (wide) throw DataError(fmt::format("{}: is UTF-16 text; save it as UTF-8", path));
  int line = 1;
  for (size_t at = 0; at < text.size();) {
    const size_t size = text[at] == '\0' ? 0 : character(text.substr(at));
    if (size == 0) {
      throw DataError(fmt::format("{}:{}: byte 0x{:02x} is no UTF-8 text; save the file as UTF-8",
                                  path, line, static_cast<unsigned char>(text[at])));
    }
    line += text[at] == '\n' || (text[at] == '\r' && text.substr(at, 2) != "\r\n");
    at += size;
  }
  return text;
}

bool is_utf8(std::string_view text) {
  for (size_t at = 0, size = 0; at < text.size(); at += size)
    if ((size = character(text.substr(at))) == 0) return false;
  return true;
}

std::vector<std::string> read_record(std::string_view text, char separator, size_t& at, int& line,
                                     const std::string& path) {
  const int start = line;
  std::vector<std::string> cells(1);
  bool quoted = false, closed = false;
  for (; at < text.size(); ++at) {
    const char c = text[at];
    const bool ends = c == '\n' || (c == '\r' && text.substr(at, 2) != "\r\n");
    line += ends;
    if (quoted) {
      if (c != '"') {
        cells.back() += c;
      } else if (text.substr(at + 1, 1) == "\"") {
        cells.back() += text[++at];
      } else {
        quoted = false;
        closed = true;
      }
    } else if (c == separator) {
      cells.emplace_back();
      closed = false;
    } else if (ends) {
      ++at;
      break;
    } else if (c == '\r') {
      continue;  // of CRLF
    } else if (c == '"' && !closed && blank(cells.back())) {
      cells.back().clear();
      quoted = true;
    } else if (closed && c != ' ' && c != '\t') {
      throw DataError(
          fmt::format("{}:{}: column {}: text after a closing quote", path, start, cells.size()));
    } else {
      cells.back() += c;
    }
  }
  if (quoted) {
    throw DataError(
        fmt::format("{}:{}: column {}: a quote is never closed", path, start, cells.size()));
  }
  for (std::string& cell : cells) cell = std::string(trimmed(cell));
  return cells;
}

size_t next_line(std::string_view text, size_t at) {
  at = text.find_first_of("\r\n", at);
  if (at == std::string_view::npos) return text.size();
  return at + (text.substr(at, 2) == "\r\n" ? 2 : 1);
}

char separator_of(const std::string& word) {
  if (word == "," || word == ";") return word[0];
  if (word == "tab" || word == "\t") return '\t';
  throw ConfigError(fmt::format("data.separator: '{}' is not one of \",\" \";\" \"tab\"", word));
}

char find_separator(std::string_view text, size_t columns, const std::string& comment,
                    const std::string& path) {
  std::vector<char> seen, fit;
  const std::string_view line = first_line(text, comment);
  for (const char separator : separators) {
    if (!outside_quotes(line, separator)) continue;
    seen.push_back(separator);
    const size_t cells = cells_per_record(text, separator, comment);
    if (cells > 1 && (columns == 0 || cells == columns)) fit.push_back(separator);
  }
  if (seen.empty()) return ',';
  if (seen.size() == 1) return seen[0];
  if (fit.size() == 1) return fit[0];
  throw DataError(fmt::format("{}:1: columns may be separated by {} or by {}; set data.separator",
                              path, spelled(seen[0]), spelled(seen[1])));
}

std::string csv_cell(const std::string& text) {
  if (text.find_first_of(",\"\r\n") == std::string::npos) return text;
  std::string out = "\"";
  for (const char c : text) out += c == '"' ? "\"\"" : std::string(1, c);
  return out + "\"";
}

}  // namespace weft
