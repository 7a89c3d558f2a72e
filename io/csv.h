// CSV as RFC 4180 writes it: optional double quotes, "" for a quote inside quotes, line ends inside
// quotes; lines end with LF, CRLF or CR alone. Columns are separated by ',' ';' or tabs: as the
// first line shows, as a first line "sep=;" says, or as data.separator does. Text is UTF-8, with or
// without a byte-order mark; UTF-16 is named. Cells lose the spaces and tabs at their ends. The
// first line names the columns: each has a name of its own. Complaints name file, line and column.
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
  std::vector<std::string> header;        ///< the columns of a file whose first line names none
  std::string comment;                    ///< lines that begin so are skipped; empty: none are
  std::string separator{};                ///< "," ";" or "tab"; empty: the one that fits the file
  std::string header_by = "data.header";  ///< who gives `header`, in messages
};

Csv parse_csv(std::string_view text, const std::string& path, const CsvFormat& format = {});
/// The file may be packed by gzip.
Csv read_csv(const std::string& path, const CsvFormat& format = {});

}  // namespace weft
