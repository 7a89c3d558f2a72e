// Targets computed from a table's cells; see measured.h.
#include "data/sets/measured.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "data/measured_label.h"
#include "data/sets/table_inputs.h"
#include "engine/error.h"

namespace weft {

MeasuredLabels::MeasuredLabels(const Table& table, const TaskSpec& task, bool labels)
    : table_(table), task_(task) {
  const std::string key = fmt::format("task.{}.", task.name);
  target_ = parse_target(task.target, task.column, key + "target");
  if (labels && !task.strong.empty()) strong_ = parse_condition(task.strong, key + "strong");
  for (const std::string& text : task.slopes) {
    Numbered slope;
    static_cast<Slope&>(slope) = parse_slope(text, key + "slopes");
    if (labels) slope.number = table.column(slope.label);
    slope.power = target_.m.power_of(slope.input);
    slope.others = target_.m;
    slope.others.powers.erase(slope.input);
    if (slope.power != 0) slope.input_number = table.column(slope.input);
    slopes_.push_back(slope);
    learned_ |= slope.weight > 0;
  }
}

std::optional<double> MeasuredLabels::y(int64_t row) const {
  const auto cell = numeric_cell(table_, row, table_.column(task_.column));
  if (!cell || (task_.invalid && *cell == *task_.invalid)) return {};
  return *cell * task_.scale;
}

double MeasuredLabels::number(int64_t row, const std::string& column) const {
  if (column == task_.column) {
    if (const auto value = y(row)) return *value;
  } else if (const auto value = numeric_cell(table_, row, table_.column(column))) {
    return *value;
  }
  throw DataError(fmt::format("{}: column '{}' is empty, and task '{}' computes with it",
                              table_.place(row), column, task_.name));
}

double MeasuredLabels::value(const Product& product, int64_t row) const {
  return product.value([&](const std::string& column) { return number(row, column); });
}

std::optional<double> MeasuredLabels::target(int64_t row) const {
  const auto measured = y(row);
  if (!measured) return {};
  const double above = task_.floor ? std::max(*measured, *task_.floor) : *measured;
  const double t = target_.of(above, value(target_.m, row));
  if (std::isfinite(t)) return t;
  throw DataError(fmt::format("{}: column '{}': {} gives no number by task '{}': {}; {}",
                              table_.place(row), task_.column, *measured, task_.name, task_.target,
                              target_.log10 && !(above > 0)
                                  ? "task.floor says from where on values are known"
                                  : "leave the "
                                    "row out"));
}

void MeasuredLabels::fill(int64_t row, double mean, double deviation, float* out) const {
  constexpr float nothing = std::numeric_limits<float>::quiet_NaN();
  std::fill_n(out, measured::channels(static_cast<int64_t>(slopes_.size()), learned_), nothing);
  const auto t = target(row);
  if (!t) return;
  const double measured = *y(row);
  out[measured::value] = static_cast<float>((*t - mean) / deviation);
  out[measured::bound] = task_.floor && measured <= *task_.floor ? 1.0f : 0.0f;
  out[measured::strong] = strong_ && value(strong_->product, row) > strong_->least ? 1.0f : 0.0f;
  out[measured::unit] = static_cast<float>(deviation);
  out[measured::reference] =
      target_.log10 ? static_cast<float>(task_.relative_to / std::pow(10.0, *t)) : nothing;
  float* at = out + measured::slopes;
  for (const Numbered& slope : slopes_) {
    const auto label = numeric_cell(table_, row, slope.number);
    *at++ = label && *label != 0 ? static_cast<float>(*label * task_.scale / measured) : nothing;
    const bool known = slope.input_number >= 0;
    *at++ = known ? static_cast<float>(slope.power / number(row, slope.input)) : 0.0f;
  }
}

void MeasuredLabels::fill_inputs(const std::vector<LearnedColumn>& columns, const float* inputs,
                                 float* out) const {
  if (!learned_) return;
  float* at = out + measured::slopes + 2 * slopes_.size();
  for (const Numbered& slope : slopes_) {
    const size_t place = input_of(columns, slope.input, "task." + task_.name + ".slopes");
    const LearnedColumn& column =
        *std::find_if(columns.begin(), columns.end(),
                      [&](const LearnedColumn& c) { return c.name == slope.input; });
    *at++ = static_cast<float>(place);
    *at++ = static_cast<float>(input_slope(column, inputs[place], task_.input_scale));
  }
}

double MeasuredLabels::back(int64_t row, double t) const {
  return target_.back(t, value(target_.m, row)) / task_.scale;
}

double MeasuredLabels::slope_back(int64_t row, size_t s, double t, double slope) const {
  const Numbered& by = slopes_[s];
  if (by.power == 0) return back(row, t) * std::log(10.0) * slope;
  // y = rest x^-a, with dy/dx = rest (x^-a ln 10 dt/dx - a x^(-a - 1)): not divided by x, which may be 0.
  const double x = number(row, by.input), a = by.power;
  const double rest = target_.back(t, value(by.others, row)) / task_.scale;
  return rest * (std::pow(x, -a) * std::log(10.0) * slope - a * std::pow(x, -a - 1));
}

}  // namespace weft
