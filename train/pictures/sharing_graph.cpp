// draw_sharing: columns of boxes and passings-by, in each of which every task stands once.
#include "train/pictures/sharing_graph.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <map>
#include <numeric>
#include <utility>

#include "train/pictures/plot.h"

namespace weft {
namespace {

constexpr double margin = 14, small = 12, step = 78, box_width = 20, top = 66;

/// Tasks that are at one place of a column with one value.
struct Item {
  std::vector<int> tasks;
  bool runs = true;  ///< a block; false: passes by
  double y = 0;      ///< its middle

  double size() const { return static_cast<double>(tasks.size()); }
};
using Column = std::vector<Item>;

/// Index of the item that holds the task.
size_t place_of(const Column& column, int task) {
  for (size_t i = 0; i < column.size(); ++i)
    if (std::find(column[i].tasks.begin(), column[i].tasks.end(), task) != column[i].tasks.end())
      return i;
  return 0;
}

/// Items in the order of their tasks' middle, each as high as it has tasks.
void stack(Column& column, double lane) {
  const auto middle = [](const Item& item) {
    return std::accumulate(item.tasks.begin(), item.tasks.end(), 0.0) / item.size();
  };
  std::stable_sort(column.begin(), column.end(),
                   [&](const Item& a, const Item& b) { return middle(a) < middle(b); });
  double y = top;
  for (Item& item : column) {
    item.y = y + lane * item.size() / 2;
    y += lane * item.size();
  }
}

Column column_of(const PlannedBlock& block, const Column& before, int tasks) {
  Column column;
  std::vector<bool> placed(static_cast<size_t>(tasks), false);
  for (const std::vector<int>& run : block.runs) {
    if (run.empty()) continue;
    column.push_back({run, true, 0});
    for (const int k : run) placed[static_cast<size_t>(k)] = true;
  }
  std::map<size_t, std::vector<int>> passing;  // by where they come from
  for (int k = 0; k < tasks; ++k)
    if (!placed[static_cast<size_t>(k)]) passing[place_of(before, k)].push_back(k);
  for (auto& [from, list] : passing) column.push_back({std::move(list), false, 0});
  return column;
}

/// From left to right, level at both ends.
std::vector<Point> bend(const Point& from, const Point& to) {
  if (from[1] == to[1]) return {from, to};
  std::vector<Point> path;
  constexpr int parts = 14;
  for (int i = 0; i <= parts; ++i) {
    const double t = static_cast<double>(i) / parts, s = t * t * (3 - 2 * t);
    path.push_back({from[0] + t * (to[0] - from[0]), from[1] + s * (to[1] - from[1])});
  }
  return path;
}

}  // namespace

std::string draw_sharing(const std::string& title, const std::vector<std::string>& tasks,
                         const std::vector<PlannedBlock>& blocks) {
  const auto count = static_cast<int>(tasks.size());
  const double lane = std::clamp(340.0 / count, 7.0, 34.0), thick = std::min(5.0, 0.55 * lane);
  double names = 0;
  for (const std::string& name : tasks) names = std::max(names, Svg::text_width(name, small));

  std::vector<Column> columns(1);
  columns[0].push_back({{}, true, 0});
  for (int k = 0; k < count; ++k) columns[0][0].tasks.push_back(k);
  stack(columns[0], lane);
  for (const PlannedBlock& block : blocks) {
    columns.push_back(column_of(block, columns.back(), count));
    stack(columns.back(), lane);
  }
  columns.emplace_back();
  for (int k = 0; k < count; ++k) columns.back().push_back({{k}, true, 0});
  stack(columns.back(), lane);

  const double left = margin + 24, bottom = top + lane * count;
  const auto x = [&](size_t column) { return left + step * static_cast<double>(column); };
  const double width = x(columns.size() - 1) + box_width + 8 + names + margin;
  const std::string words[] = {"A box: one run of a block, and how many tasks it serves.",
                               "A line: as wide as there are tasks; past a block: skipped."};
  Svg svg(std::max(width, left + Svg::text_width(words[1], small)), bottom + 52, title);
  svg.text({margin, 24}, title, Tone::ink, Anchor::left, 15);
  const auto names_of = [&](const std::vector<int>& list) {
    std::vector<std::string> out;
    for (const int k : list) out.push_back(tasks[static_cast<size_t>(k)]);
    return fmt::format("{}", fmt::join(out, ", "));
  };
  // A colour is its first task's, as in the plan's picture.
  const auto colour = [](const std::vector<int>& list) {
    return line_colour(1 + static_cast<size_t>(list.front()));
  };
  for (size_t c = 0; c + 1 < columns.size(); ++c)
    for (const Item& from : columns[c])
      for (const Item& to : columns[c + 1]) {
        std::vector<int> both;
        for (const int k : to.tasks)
          if (std::find(from.tasks.begin(), from.tasks.end(), k) != from.tasks.end())
            both.push_back(k);
        if (both.empty()) continue;
        std::vector<Point> path = bend({x(c) + box_width, from.y}, {x(c + 1), to.y});
        if (!to.runs) path.push_back({x(c + 1) + box_width, to.y});
        svg.line(path, thick * static_cast<double>(both.size()), colour(both), 1,
                 fmt::format("{} task(s): {}", both.size(), names_of(both)));
      }
  for (size_t c = 0; c < columns.size(); ++c) {
    const bool block = c > 0 && c + 1 < columns.size();
    svg.text({x(c) + box_width / 2, 52},
             c == 0  ? "input"
             : block ? blocks[c - 1].name
                     : "heads",
             Tone::soft, Anchor::middle, small);
    for (const Item& item : columns[c]) {
      if (!item.runs) continue;
      const double half = std::max(0.5 * thick * item.size() + 3, 0.36 * lane * item.size());
      svg.box({x(c), item.y - half, x(c) + box_width, item.y + half}, colour(item.tasks), 5,
              fmt::format("{}: {}",
                          c == 0  ? "input"
                          : block ? blocks[c - 1].name
                                  : "head",
                          names_of(item.tasks)));
      svg.frame({x(c), item.y - half, x(c) + box_width, item.y + half}, Tone::paper, 2, 5);
      if (block && lane >= 12)
        svg.text({x(c) + box_width / 2, item.y + 4}, fmt::format("{}", item.tasks.size()),
                 Tone::paper, Anchor::middle, small);
      if (c + 1 == columns.size())
        svg.text({x(c) + box_width + 8, item.y + 4}, tasks[static_cast<size_t>(item.tasks.front())],
                 Tone::ink, Anchor::left, std::min(small, lane + 2));
    }
  }
  for (size_t i = 0; i < 2; ++i)
    svg.text({left, bottom + 22 + 17 * static_cast<double>(i)}, words[i], Tone::soft, Anchor::left,
             small);
  return svg.str();
}

}  // namespace weft
