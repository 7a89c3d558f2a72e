// A target that is computed from the columns of a table, and back:
//   target  = product | "log10(" product ")"
//   product = factor { ("*" | "/") factor }      factor = number | column [ "^" number ]
//   condition = product ">" number
// Nothing else is read: no sums, no other functions, no brackets. The label's own column y stands in
// a target once and to the first power, so that t = [log10] m y, with m = c prod x_i^a_i, can be
// undone: y = t / m, or 10^t / m. That is an output form, too: with target = "log10(id / vds)" the
// network's current is id = vds 10^t, and 0 where vds is. Under log10 its slopes are
//   dy/dx = y (ln 10 dt/dx - a_x / x),   at x = 0 its limit.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

namespace weft {

/// factor prod column^power
struct Product {
  double factor = 1;
  std::map<std::string, double> powers;

  double power_of(const std::string& column) const;
  /// Its value where `number` gives those of the columns.
  double value(const std::function<double(const std::string&)>& number) const;
};

struct Target {
  bool log10 = false;
  Product m;  ///< without y

  double of(double y, double m_value) const;
  double back(double t, double m_value) const;
};

/// `key`: where the text stands, for messages. ConfigError where it is no target of column `y`.
Target parse_target(const std::string& text, const std::string& y, const std::string& key);

struct Condition {
  Product product;
  double least = 0;
};
Condition parse_condition(const std::string& text, const std::string& key);

/// "gm: vgs": the column of measured slopes, and the input column by which they are slopes.
/// "gm: vgs, weight 0.1": learned, too, by a loss of this weight.
struct Slope {
  std::string label, input;
  double weight = 0;
};
Slope parse_slope(const std::string& text, const std::string& key);
/// Whether one of a task's slopes is learned.
bool learns_slopes(const std::vector<std::string>& slopes, const std::string& key);

}  // namespace weft
