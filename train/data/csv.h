// CSV as RFC 4180 writes it: commas, optional double quotes, "" for a quote inside quotes, line
// ends inside quotes, LF or CRLF, a byte-order mark skipped. The first line names the columns; a
// row with another number of cells is a DataError with file and line.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace weft {

struct Csv {
  std::string path;
  std::vector<std::string> header;
  std::vector<std::vector<std::string>> rows;
  std::vector<int> lines;  ///< where each row starts in the file, from 1

  /// The column's number, or -1.
  int find(std::string_view name) const;
  /// The column's number; a DataError lists the columns there are.
  int column(std::string_view name) const;
};

struct CsvFormat {
  std::vector<std::string> header;  ///< the columns of a file whose first line names none
  std::string comment;              ///< lines that begin so are skipped; empty: none are
};

Csv parse_csv(std::string_view text, const std::string& path, const CsvFormat& format = {});
/// The file may be packed by gzip.
Csv read_csv(const std::string& path, const CsvFormat& format = {});

}  // namespace weft
