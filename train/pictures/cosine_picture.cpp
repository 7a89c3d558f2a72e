// draw_cosines: square after square, three in a row.
#include "train/pictures/cosine_picture.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "train/pictures/svg.h"

namespace weft {
namespace {

constexpr double margin = 12, small = 12, cell = 46, gap = 3, head = 46;
constexpr size_t squares_in_row = 3;

/// White at 0, a strong red at -1, a strong blue at 1.
Rgb shade(double cosine) {
  const auto t = static_cast<float>(std::clamp(std::abs(cosine), 0.0, 1.0));
  return cosine < 0 ? Rgb{0.97F - 0.15F * t, 0.96F - 0.72F * t, 0.95F - 0.75F * t}
                    : Rgb{0.95F - 0.89F * t, 0.96F - 0.56F * t, 0.97F - 0.27F * t};
}

std::string short_name(const std::string& task) {
  return Svg::text_width(task, small) <= cell ? task : task.substr(0, 5) + ".";
}

}  // namespace

std::string draw_cosines(const std::vector<std::string>& tasks,
                         const std::vector<std::string>& stages,
                         const std::vector<std::vector<std::optional<double>>>& cosines) {
  const size_t k = tasks.size();
  double names = 0;
  for (const std::string& task : tasks) names = std::max(names, Svg::text_width(task, small));
  const double square = static_cast<double>(k) * cell;
  const double step_x = names + 10 + square + 24, step_y = head + square + 18;
  const size_t columns = std::min(stages.size(), squares_in_row);
  const size_t rows = (stages.size() + squares_in_row - 1) / squares_in_row;
  const double bottom = margin + static_cast<double>(rows) * step_y;
  Svg svg(2 * margin + std::max(static_cast<double>(columns) * step_x, 420.0), bottom + 22,
          "cosines between the tasks' gradients, by stage of the trunk");
  for (size_t s = 0; s < stages.size(); ++s) {
    const double x0 = margin + static_cast<double>(s % squares_in_row) * step_x + names + 10;
    const double y0 = margin + static_cast<double>(s / squares_in_row) * step_y + head;
    svg.text({x0, y0 - 28}, stages[s]);
    for (size_t i = 0; i < k; ++i) {
      const double x = x0 + static_cast<double>(i) * cell, y = y0 + static_cast<double>(i) * cell;
      svg.text({x + cell / 2, y0 - 8}, short_name(tasks[i]), Tone::soft, Anchor::middle, small);
      svg.text({x0 - 8, y + cell / 2 + 4}, tasks[i], Tone::soft, Anchor::right, small);
      for (size_t j = 0; j < k; ++j) {
        const std::optional<double>& cosine = cosines[s][i * k + j];
        const double left = x0 + static_cast<double>(j) * cell;
        const Box box{left, y, left + cell - gap, y + cell - gap};
        if (!cosine) {
          svg.frame(box, Tone::faint, 1, 4);
          continue;
        }
        svg.box(box, shade(*cosine), 4,
                fmt::format("{}: {} and {}: {:.3f}", stages[s], tasks[i], tasks[j], *cosine));
        svg.text({(box.left + box.right) / 2, (box.top + box.bottom) / 2 + 4},
                 fmt::format("{:.2f}", std::abs(*cosine) < 0.005 ? 0.0 : *cosine),  // no "-0.00"
                 std::abs(*cosine) > 0.6 ? Rgb{1, 1, 1} : Rgb{0.12F, 0.14F, 0.17F}, Anchor::middle,
                 small);
      }
    }
  }
  svg.text({margin, bottom + 8},
           "Means over the watched steps. Below 0, red: what helps one task harms the other.",
           Tone::soft, Anchor::left, small);
  return svg.str();
}

}  // namespace weft
