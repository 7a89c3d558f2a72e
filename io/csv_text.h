// What comes before the cells of a CSV: is it text at all, and which character separates columns? And a
// cell's way back to text.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace weft {

/// The text without a byte-order mark. UTF-16, NUL bytes and what is not UTF-8 are a DataError that
/// names the line.
std::string_view checked_text(std::string_view text, const std::string& path);

bool is_utf8(std::string_view text);

/// Reads one record from text[at..], moves `at` and `line` behind it. Cells are trimmed.
std::vector<std::string> read_record(std::string_view text, char separator, size_t& at, int& line,
                                     const std::string& path);

/// A cell as it is written: in quotes where it has to be.
std::string csv_cell(const std::string& text);

/// Where the line that begins at `at` ends: behind its LF, CRLF or CR.
size_t next_line(std::string_view text, size_t at);

/// The separator that data.separator's word means ("tab"); a ConfigError lists them.
char separator_of(const std::string& word);

/// The separator that fits the records at `text`, all of as many cells as the first (or as
/// `columns`, where that is known). Two that fit are a DataError: data.separator decides.
char find_separator(std::string_view text, size_t columns, const std::string& comment,
                    const std::string& path);

}  // namespace weft
