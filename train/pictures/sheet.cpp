// draw_sheet: cells of one size, filled row by row.
#include "train/pictures/sheet.h"

#include <algorithm>

#include "train/pictures/svg.h"

namespace weft {
namespace {

constexpr double gap = 6, small = 12;
constexpr double least_width = 120;  ///< of a cell: a column's name has to fit above it

/// The picture's place in the middle of a cell, as large as it can be there.
Box fitted(const Box& cell, const Picture& picture) {
  const double width = cell.right - cell.left, height = cell.bottom - cell.top;
  const double scale = std::min(width / picture.width, height / picture.height);
  const double x = (width - scale * picture.width) / 2, y = (height - scale * picture.height) / 2;
  return {cell.left + x, cell.top + y, cell.right - x, cell.bottom - y};
}

}  // namespace

std::string draw_sheet(const Sheet& sheet) {
  double width = least_width, ratio = 0;
  size_t columns = sheet.columns.size();
  for (const SheetRow& row : sheet.rows) {
    columns = std::max(columns, row.pictures.size());
    for (const Picture& picture : row.pictures) {
      if (picture.empty()) continue;
      width = std::max<double>(width, picture.width);
      ratio = std::max(ratio, static_cast<double>(picture.height) / picture.width);
    }
  }
  for (const std::string& name : sheet.columns)
    width = std::max(width, Svg::text_width(name, small));
  const double height = width * ratio;
  double bottom = gap + (sheet.columns.empty() ? 0 : 18);
  for (const SheetRow& row : sheet.rows) bottom += height + gap + (row.words.empty() ? 0 : 16);

  Svg svg(gap + static_cast<double>(columns) * (width + gap), bottom, sheet.title);
  for (size_t c = 0; c < sheet.columns.size(); ++c)
    svg.text({gap + static_cast<double>(c) * (width + gap), 16}, sheet.columns[c], Tone::soft,
             Anchor::left, small);
  double top = gap + (sheet.columns.empty() ? 0 : 18);
  for (const SheetRow& row : sheet.rows) {
    for (size_t c = 0; c < row.pictures.size(); ++c) {
      const Picture& picture = row.pictures[c];
      if (picture.empty()) continue;
      const double left = gap + static_cast<double>(c) * (width + gap);
      svg.picture(fitted({left, top, left + width, top + height}, picture), picture,
                  c < sheet.columns.size() ? sheet.columns[c] : "");
    }
    top += height;
    if (!row.words.empty()) {
      svg.text({gap, top + 13}, row.words, Tone::ink, Anchor::left, small);
      top += 16;
    }
    top += gap;
  }
  return svg.str();
}

Picture raster(const Sheet& sheet) {
  constexpr int between = 4;
  int height = 0, width = 0, columns = 0;
  for (const SheetRow& row : sheet.rows) {
    columns = std::max(columns, static_cast<int>(row.pictures.size()));
    for (const Picture& picture : row.pictures) {
      height = std::max(height, picture.height);
      width = std::max(width, picture.width);
    }
  }
  if (height == 0) return {};
  const int rows = static_cast<int>(sheet.rows.size());
  Picture out(rows * (height + between) - between, columns * (width + between) - between, 3, 1);
  for (int r = 0; r < rows; ++r)
    for (size_t c = 0; c < sheet.rows[static_cast<size_t>(r)].pictures.size(); ++c) {
      const Picture& picture = sheet.rows[static_cast<size_t>(r)].pictures[c];
      const int left = static_cast<int>(c) * (width + between);
      for (int y = 0; y < picture.height; ++y)
        std::copy_n(picture.at(y, 0), 3 * picture.width, out.at(r * (height + between) + y, left));
    }
  return out;
}

}  // namespace weft
