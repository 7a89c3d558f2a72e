// html_of_markdown: line by line; a table ends with the first line that is no row.
#include <fmt/format.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "train/pictures/svg.h"
#include "train/report/page.h"

namespace weft {
namespace {

/// **bold** and `code` within a line.
std::string inline_html(std::string_view words) {
  std::string out, plain;
  const auto flush = [&] {
    out += escape_markup(plain);
    plain.clear();
  };
  for (size_t at = 0; at < words.size();) {
    const std::string_view rest = words.substr(at);
    const std::string_view mark = rest.substr(0, 2) == "**" ? "**" : rest[0] == '`' ? "`" : "";
    const size_t end = mark.empty() ? mark.npos : rest.find(mark, mark.size());
    if (end != mark.npos) {
      flush();
      const char* tag = mark == "`" ? "code" : "strong";
      out += fmt::format("<{0}>{1}</{0}>", tag,
                         escape_markup(rest.substr(mark.size(), end - mark.size())));
      at += end + mark.size();
    } else {
      plain += rest[0];
      ++at;
    }
  }
  flush();
  return out;
}

std::string_view trimmed(std::string_view words) {
  while (!words.empty() && words.front() == ' ') words.remove_prefix(1);
  while (!words.empty() && words.back() == ' ') words.remove_suffix(1);
  return words;
}

/// "| a | b |"; "\|" is a bar within a cell.
std::vector<std::string> cells_of(std::string_view line) {
  std::vector<std::string> cells;
  std::string cell;
  for (size_t i = 1; i < line.size(); ++i) {
    if (line[i] == '\\' && i + 1 < line.size() && line[i + 1] == '|')
      cell += line[++i];
    else if (line[i] == '|')
      cells.emplace_back(trimmed(std::exchange(cell, {})));
    else
      cell += line[i];
  }
  return cells;
}

std::string row_html(std::string_view line, const char* tag) {
  std::string out = "<tr>";
  for (const std::string& cell : cells_of(line))
    out += fmt::format("<{0}>{1}</{0}>", tag, inline_html(cell));
  return out + "</tr>\n";
}

}  // namespace

std::string plain_cell(std::string text) {
  for (char& c : text)
    if (std::string_view("|*`\\").find(c) != std::string_view::npos ||
        static_cast<unsigned char>(c) < 0x20)
      c = '?';
  return text;
}

std::string html_of_markdown(std::string_view text) {
  std::string out, paragraph;
  bool table = false;
  const auto end_paragraph = [&] {
    if (!paragraph.empty()) out += "<p>" + paragraph + "</p>\n";
    paragraph.clear();
  };
  const auto end_table = [&] {
    if (table) out += "</tbody></table></div>\n";
    table = false;
  };
  while (!text.empty()) {
    const size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (line.substr(0, 2) == "|-") continue;  // the line below a table's head
    if (!line.empty() && line[0] == '|') {
      end_paragraph();
      if (!table)
        out += "<div class=wide><table><thead>" + row_html(line, "th") + "</thead><tbody>\n";
      else
        out += row_html(line, "td");
      table = true;
      continue;
    }
    end_table();
    if (line.empty()) {
      end_paragraph();
    } else if (line[0] == '#') {
      end_paragraph();
      const size_t level = std::min(line.find_first_not_of('#'), line.size());
      out += fmt::format("<h{0}>{1}</h{0}>\n", std::min<size_t>(level + 2, 6),
                         inline_html(trimmed(line.substr(level))));
    } else {
      paragraph += (paragraph.empty() ? "" : "\n") + inline_html(line);
    }
  }
  end_paragraph();
  end_table();
  return out;
}

}  // namespace weft
