// draw_table_curves: rows into curves, curves into a plot.
#include "train/pictures/table_curves.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <optional>

#include "engine/error.h"
#include "io/number_text.h"
#include "train/pictures/plot.h"

namespace weft {
namespace {

constexpr size_t most_curves = 10;
constexpr double infinity = std::numeric_limits<double>::infinity();
constexpr double cross = 0.006;  ///< half of its width, of the axis

struct Curve {
  std::string name;  ///< "vgs 0.9, vbs 0"
  size_t rows = 0;   ///< also those whose values have no logarithm
  std::vector<Point> measured, predicted;

  bool is_empty() const { return measured.empty() && predicted.empty(); }
};

/// The other inputs of a row: numbers by size, before all words.
using Key = std::vector<std::pair<double, std::string>>;

class CurveReader {
 public:
  CurveReader(const Csv& table, const TableCurves& what) : table_(table), what_(what) {
    for (const std::string& name : what.inputs)
      if (name != what.along) others_.push_back(table.column(name));
    along_ = table.column(what.along);
    task_ = table.column("predicted.task");
    predicted_ = table.column(what.predicted);
    measured_ = table.find(what.measured);
  }

  std::vector<Curve> read() const {
    std::map<Key, Curve> curves;
    for (size_t row = 0; row < table_.rows.size(); ++row) {
      if (cell(row, task_) != what_.task || cell(row, along_).empty()) continue;
      Key key;
      std::string name;
      for (const int column : others_) {
        const auto value = number_of(cell(row, column));
        key.emplace_back(value.value_or(infinity), value ? "" : cell(row, column));
        name += fmt::format("{}{} {}", name.empty() ? "" : ", ",
                            table_.header[static_cast<size_t>(column)], cell(row, column));
      }
      Curve& curve = curves[key];
      curve.name = name;
      ++curve.rows;
      const double x = number(row, along_);
      add(curve.predicted, x, number(row, predicted_));
      if (measured_ >= 0 && !cell(row, measured_).empty())
        add(curve.measured, x, number(row, measured_));
    }
    return most_of(std::move(curves));
  }

 private:
  const std::string& cell(size_t row, int column) const {
    return table_.rows[row][static_cast<size_t>(column)];
  }
  double number(size_t row, int column) const {
    if (const auto value = number_of(cell(row, column))) return *value;
    throw DataError(fmt::format("{}:{}: column '{}': {}", table_.path, table_.lines[row],
                                table_.header[static_cast<size_t>(column)],
                                no_number(cell(row, column))));
  }
  void add(std::vector<Point>& to, double x, double y) const {
    if (what_.logarithmic && !(y > 0)) return;
    to.push_back({x, what_.logarithmic ? std::log10(y) : y});
  }
  /// Those of most rows, first ones first among equals, back in the order of their inputs.
  static std::vector<Curve> most_of(std::map<Key, Curve> curves) {
    std::vector<Curve*> chosen;
    for (auto& [key, curve] : curves)
      if (!curve.is_empty()) chosen.push_back(&curve);
    std::stable_sort(chosen.begin(), chosen.end(),
                     [](const Curve* a, const Curve* b) { return a->rows > b->rows; });
    chosen.resize(std::min(chosen.size(), most_curves));
    std::vector<Curve> out;
    for (auto& [key, curve] : curves) {
      if (std::find(chosen.begin(), chosen.end(), &curve) == chosen.end()) continue;
      std::sort(curve.predicted.begin(), curve.predicted.end());
      out.push_back(std::move(curve));
    }
    return out;
  }

  const Csv& table_;
  const TableCurves& what_;
  std::vector<int> others_;
  int along_, task_, predicted_, measured_;
};

void widen(std::array<double, 2>& range, double value) {
  range = {std::min(range[0], value), std::max(range[1], value)};
}

/// A range of one value is opened to both sides: by 1, or by as much as a large number takes note of.
void open_range(std::array<double, 2>& range) {
  const double by = std::max(1.0, std::abs(range[0]) / 2);
  if (!(range[1] > range[0])) range = {range[0] - by, range[0] + by};
}

}  // namespace

std::string draw_table_curves(const Csv& table, const TableCurves& what) {
  const std::vector<Curve> curves = CurveReader(table, what).read();
  if (curves.empty()) return "";
  Plot plot;
  plot.title = fmt::format("{}: {}{}, measured (crosses) and predicted", what.task,
                           what.logarithmic ? "log10 " : "", what.measured);
  plot.x_label = what.along;
  plot.x = plot.y = {infinity, -infinity};
  for (const Curve& curve : curves)
    for (const auto* points : {&curve.measured, &curve.predicted})
      for (const auto& [x, y] : *points) {
        widen(plot.x, x);
        widen(plot.y, y);
      }
  for (auto* range : {&plot.x, &plot.y}) open_range(*range);
  const double dx = cross * (plot.x[1] - plot.x[0]), dy = 2 * cross * (plot.y[1] - plot.y[0]);
  for (size_t i = 0; i < curves.size(); ++i) {
    const Rgb colour = line_colour(i);
    plot.legend.push_back({curves[i].name, colour});
    plot.lines.push_back({curves[i].predicted, colour, 1.5, 1, curves[i].name});
    for (const auto& [x, y] : curves[i].measured) {
      plot.lines.push_back({{{x - dx, y - dy}, {x + dx, y + dy}}, colour, 1, 0.8, {}});
      plot.lines.push_back({{{x - dx, y + dy}, {x + dx, y - dy}}, colour, 1, 0.8, {}});
    }
  }
  return draw_plot(plot, 420, 860);
}

}  // namespace weft
