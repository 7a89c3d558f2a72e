// CSV as RFC 4180 writes it; see csv.h. One pass over the characters, quoted or not.
#include "train/data/csv.h"

#include <fmt/ranges.h>

#include <algorithm>

#include "engine/error.h"
#include "train/data/files.h"

namespace weft {
namespace {

/// Reads one record from text[at..] and moves `at` and `line` behind it.
std::vector<std::string> read_record(std::string_view text, size_t& at, int& line,
                                     const std::string& path) {
  const int start = line;
  std::vector<std::string> cells(1);
  bool quoted = false, closed = false;
  for (; at < text.size(); ++at) {
    const char c = text[at];
    if (c == '\n') ++line;
    if (quoted) {
      if (c != '"') {
        cells.back() += c;
      } else if (at + 1 < text.size() && text[at + 1] == '"') {
        cells.back() += text[++at];
      } else {
        quoted = false;
        closed = true;
      }
    } else if (c == ',') {
      cells.emplace_back();
      closed = false;
    } else if (c == '\n') {
      ++at;
      return cells;
    } else if (c == '\r' && (at + 1 == text.size() || text[at + 1] == '\n')) {
      continue;
    } else if (c == '"' && cells.back().empty() && !closed) {
      quoted = true;
    } else if (closed) {
      throw DataError(fmt::format("{}:{}: text after a closing quote", path, start));
    } else {
      cells.back() += c;
    }
  }
  if (quoted) throw DataError(fmt::format("{}:{}: a quote is never closed", path, start));
  return cells;
}

}  // namespace

int Csv::find(std::string_view name) const {
  const auto it = std::find(header.begin(), header.end(), name);
  return it == header.end() ? -1 : static_cast<int>(it - header.begin());
}

int Csv::column(std::string_view name) const {
  const int index = find(name);
  if (index >= 0) return index;
  throw DataError(
      fmt::format("{}: no column '{}'; there are: {}", path, name, fmt::join(header, ", ")));
}

Csv parse_csv(std::string_view text, const std::string& path, const CsvFormat& format) {
  if (text.substr(0, 3) == "\xEF\xBB\xBF") text.remove_prefix(3);
  Csv csv;
  csv.path = path;
  csv.header = format.header;
  size_t at = 0;
  int line = 1;
  while (at < text.size()) {
    const int start = line;
    if (!format.comment.empty() && text.substr(at, format.comment.size()) == format.comment) {
      at = std::min(text.find('\n', at), text.size() - 1) + 1;
      ++line;
      continue;
    }
    std::vector<std::string> cells = read_record(text, at, line, path);
    if (cells.size() == 1 && cells[0].empty()) continue;  // a blank line
    if (csv.header.empty()) {
      csv.header = std::move(cells);
      continue;
    }
    if (cells.size() != csv.header.size()) {
      throw DataError(fmt::format("{}:{}: {} cells, but the header names {} columns", path, start,
                                  cells.size(), csv.header.size()));
    }
    csv.rows.push_back(std::move(cells));
    csv.lines.push_back(start);
  }
  if (csv.header.empty()) throw DataError(fmt::format("{}: is empty, expected a header", path));
  return csv;
}

Csv read_csv(const std::string& path, const CsvFormat& format) {
  const std::vector<uint8_t> bytes = read_gzip(path);
  return parse_csv({reinterpret_cast<const char*>(bytes.data()), bytes.size()}, path, format);
}

}  // namespace weft
