// Rows of cells to text.
#include "train/study/table_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <string_view>
#include <utility>

#include "io/csv_text.h"

namespace weft {
namespace {

/// Columns on a terminal: bytes that do not continue a UTF-8 character.
size_t columns(const std::string& text) {
  return static_cast<size_t>(std::count_if(
      text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) >> 6) != 2; }));
}

/// The first column is text and padded on the right, the others are numbers and padded on the left.
std::string aligned(const std::vector<Cells>& rows) {
  std::vector<size_t> widths;
  for (const Cells& row : rows) {
    widths.resize(std::max(widths.size(), row.size()), 0);
    for (size_t c = 0; c < row.size(); ++c) widths[c] = std::max(widths[c], columns(row[c]));
  }
  std::string text;
  for (const Cells& row : rows) {
    for (size_t c = 0; c < row.size(); ++c) {
      const std::string space(widths[c] - columns(row[c]), ' ');
      text += c == 0 ? row[c] + space : "  " + space + row[c];
    }
    text += "\n";
  }
  return text;
}

template <class F>
std::string joined(const Cells& cells, const char* between, F&& of) {
  std::string text;
  for (size_t c = 0; c < cells.size(); ++c) text += (c == 0 ? "" : between) + of(cells[c]);
  return text;
}

const auto as_it_is = [](const std::string& cell) { return cell; };

std::string latex(const std::vector<Cells>& rows) {
  std::string text = "\\begin{tabular}{l" + std::string(rows[0].size() - 1, 'r') + "}\n\\toprule\n";
  for (size_t i = 0; i < rows.size(); ++i) {
    text += joined(rows[i], " & ", latex_text) + " \\\\\n";
    if (i == 0) text += "\\midrule\n";
  }
  return text + "\\bottomrule\n\\end{tabular}\n";
}

}  // namespace

std::string latex_text(const std::string& text) {
  constexpr std::pair<std::string_view, std::string_view> signs[] = {{"Δ_T", "$\\Delta_T$"},
                                                                     {"±", "$\\pm$"},
                                                                     {"†", "$^\\dagger$"},
                                                                     {"×", "$\\times$"},
                                                                     {"↑", "$\\uparrow$"},
                                                                     {"↓", "$\\downarrow$"},
                                                                     {"_", "\\_"},
                                                                     {"%", "\\%"},
                                                                     {"&", "\\&"},
                                                                     {"#", "\\#"},
                                                                     {"$", "\\$"},
                                                                     {"{", "\\{"},
                                                                     {"}", "\\}"},
                                                                     {"^", "\\^{}"},
                                                                     {"~", "\\textasciitilde{}"},
                                                                     {"\\", "\\textbackslash{}"}};
  std::string out;
  bool bold = false;
  for (size_t at = 0; at < text.size();) {
    const std::string_view rest = std::string_view(text).substr(at);
    if (rest.substr(0, 2) == "**") {
      out += bold ? "}" : "\\textbf{";
      bold = !bold;
      at += 2;
      continue;
    }
    const auto sign = std::find_if(std::begin(signs), std::end(signs), [&](const auto& s) {
      return rest.substr(0, s.first.size()) == s.first;
    });
    out += sign == std::end(signs) ? rest.substr(0, 1) : sign->second;
    at += sign == std::end(signs) ? 1 : sign->first.size();
  }
  return out;
}

std::string exact_text(const Measure& m) {
  if (!m) return "";
  return is_fault(m) ? fixed_text(m, 0) : fmt::to_string(*m);
}

int number_decimals(double value) {
  const double size = std::abs(value);
  return size >= 100 ? 1 : size >= 1 ? 2 : 4;
}

std::string number_text(const Measure& value) {
  return fixed_text(value, number_decimals(value.value_or(0)));
}

std::string table_text(const std::vector<Cells>& rows, TableStyle style, bool turned) {
  if (rows.empty()) return "";
  if (turned) {
    std::vector<Cells> columns(rows[0].size());
    for (const Cells& row : rows)
      for (size_t c = 0; c < row.size(); ++c) columns[c].push_back(row[c]);
    return table_text(columns, style);
  }
  std::string text;
  switch (style) {
    case TableStyle::csv:
      for (const Cells& row : rows) text += joined(row, ",", csv_cell) + "\n";
      return text;
    case TableStyle::markdown:
      for (size_t i = 0; i < rows.size(); ++i) {
        text += "| " + joined(rows[i], " | ", as_it_is) + " |\n";
        if (i == 0)
          text += "|---|" + joined(Cells(rows[0].size() - 1, "--:"), "|", as_it_is) + "|\n";
      }
      return text;
    case TableStyle::latex:
      return latex(rows);
    case TableStyle::text:
      break;
  }
  return aligned(rows);
}

}  // namespace weft
