// CSV as RFC 4180 writes it; see csv.h. csv_text.h reads the records.
#include "io/csv.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <cstdint>
#include <map>

#include "engine/error.h"
#include "io/csv_text.h"
#include "io/gzip.h"

namespace weft {
namespace {

/// Every column has a name, and a name of its own.
void check_header(const std::vector<std::string>& header, const std::string& place) {
  std::map<std::string, size_t> columns;
  for (size_t i = 0; i < header.size(); ++i) {
    if (header[i].empty()) {
      throw DataError(fmt::format("{}: column {} of {} has no name; name it or take it out", place,
                                  i + 1, header.size()));
    }
    const auto [first, fresh] = columns.emplace(header[i], i + 1);
    if (!fresh) {
      throw DataError(fmt::format("{}: columns {} and {} are both called '{}'; rename one", place,
                                  first->second, i + 1, header[i]));
    }
  }
}

/// The separator that a first line "sep=;" names, as spreadsheets write it; it is cut off.
std::string take_separator_line(std::string_view& text, const std::string& path) {
  const size_t next = next_line(text, 0);
  std::string_view line = text.substr(0, next);
  while (!line.empty() && (line.back() == '\n' || line.back() == '\r')) line.remove_suffix(1);
  if (line.size() > 2 && line.front() == '"' && line.back() == '"')
    line = line.substr(1, line.size() - 2);
  if (line.size() < 4 || (line.substr(0, 4) != "sep=" && line.substr(0, 4) != "SEP=")) return "";
  const std::string word(line.substr(4));
  if (word != "," && word != ";" && word != "\t") {
    throw DataError(
        fmt::format("{}:1: sep={}: columns are separated by ',' ';' or tabs", path, word));
  }
  text.remove_prefix(next);
  return word;
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
  text = checked_text(text, path);
  Csv csv;
  csv.path = path;
  csv.header = format.header;
  if (!csv.header.empty()) check_header(csv.header, format.header_by);
  int line = 1;
  const size_t whole = text.size();
  const std::string named = take_separator_line(text, path);
  if (text.size() != whole) ++line;
  const std::string& word = format.separator.empty() ? named : format.separator;
  const char separator = word.empty()
                             ? find_separator(text, csv.header.size(), format.comment, path)
                             : separator_of(word);
  if (!named.empty() && separator_of(named) != separator) {
    throw DataError(fmt::format("{}:1: says sep={}, but data.separator is \"{}\"", path, named,
                                format.separator));
  }
  size_t at = 0;
  while (at < text.size()) {
    const int start = line;
    if (!format.comment.empty() && text.substr(at, format.comment.size()) == format.comment) {
      at = next_line(text, at);
      ++line;
      continue;
    }
    std::vector<std::string> cells = read_record(text, separator, at, line, path);
    if (cells.size() == 1 && cells[0].empty()) continue;  // a blank line
    if (csv.header.empty()) {
      check_header(cells, fmt::format("{}:{}", path, start));
      csv.header = std::move(cells);
      continue;
    }
    if (cells.size() != csv.header.size()) {
      const std::string named = format.header.empty()
                                    ? fmt::format("{} columns are named", csv.header.size())
                                    : fmt::format("{} names {} columns: {}", format.header_by,
                                                  csv.header.size(), fmt::join(csv.header, ", "));
      throw DataError(fmt::format("{}:{}: {} cells, but {}", path, start, cells.size(), named));
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
