// Sets of classes, part by part.
#include "data/sets/label_set.h"

#include <algorithm>
#include <cmath>

#include "data/sets/cells.h"
#include "data/sets/label_decode.h"

namespace weft {

std::vector<std::string> parts_of_cell(const std::string& cell, const std::string& separator) {
  std::vector<std::string> parts;
  for (size_t begin = 0; begin <= cell.size();) {
    const size_t end = std::min(cell.find(separator, begin), cell.size());
    std::string part = cell.substr(begin, end - begin);
    part.erase(0, part.find_first_not_of(" \t"));
    part.erase(part.find_last_not_of(" \t") + 1);
    if (!part.empty()) parts.push_back(part);
    begin = end + separator.size();
  }
  return parts;
}

void write_label(const std::string& cell, const std::vector<std::string>& names,
                 const TaskSpec& task, const std::string& place, const std::string& column,
                 float* out) {
  const auto channels = static_cast<size_t>(task.label_channels());
  if (cell.empty()) {
    std::fill_n(out, channels, invalid_pixel);
  } else if (task.kind != TaskKind::multilabel) {
    *out = label_of_cell(cell, names, task, place, column);
  } else {
    const std::vector<std::string> parts = parts_of_cell(cell, task.separator);
    size_t left_out = 0;
    std::fill_n(out, channels, 0.0f);
    for (const std::string& part : parts) {
      const float id = label_of_cell(part, names, task, place, column);
      left_out += std::isnan(id);  // `ignore` or `invalid`
      if (!std::isnan(id)) out[static_cast<size_t>(id)] = 1;
    }
    if (left_out > 0 && left_out == parts.size()) std::fill_n(out, channels, invalid_pixel);
  }
}

}  // namespace weft
