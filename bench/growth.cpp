// weft_bench growth: time and peak memory against tasks, batch, crop and depth, as a table and a
// picture, beside the peer where python has torch. Steps are those of `steps`: phase by phase, in a
// process a point. Exponents of tasks and batch are of their numbers, of crop its pixels, of depth the
// arithmetic, which a row tells for every axis: where heads' dilated taps see more at a larger crop, it
// grows faster than the pixels, and time may as well. The peer's memory on a CPU is what is resident,
// weft's what its allocator has given out.
#include "bench/growth.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "bench/setting.h"
#include "engine/error.h"
#include "io/files.h"

namespace weft::bench {
namespace {

/// One axis: the flag of each point's value.
struct Axis {
  const char *name, *x_name;
  std::vector<int64_t> points;
};

std::vector<Axis> axes_of(bool quick) {
  if (quick)
    return {{"tasks", "tasks", {1, 2, 4}},
            {"batch", "batch", {1, 2, 4}},
            {"crop", "pixels", {33, 65, 97}},
            {"depth", "GFLOP", {18, 34}}};
  return {{"tasks", "tasks", {1, 2, 4, 8}},
          {"batch", "batch", {1, 2, 4, 8, 16, 32, 64}},
          {"crop", "pixels", {65, 97, 129, 193, 257, 385, 513}},
          {"depth", "GFLOP", {18, 34, 50, 101}}};
}

class Bench {
 public:
  explicit Bench(const Arguments& arguments) : arguments_(arguments) {
    const bool cuda = text("device", "cpu") != "cpu", quick = arguments.has("quick");
    base_ = {{"batch", text("batch", quick  ? "1"
                                     : cuda ? "16"
                                            : "2")},
             {"crop", text("crop", quick  ? "33"
                                   : cuda ? "321"
                                          : "65")},
             {"depth", text("depth", "18")},
             {"tasks", text("tasks", "40x2")}};
    rounds_ = arguments.number("rounds", 1);
    python_ = text("python", "python3");
    peer_ = text("peer", own_peer());
    const std::string precision = text("precision", "f32");
    if (peer_ == "none")
      missing_ = "--peer none";
    else if (precision == "f64")
      missing_ = "it computes no f64";
    else if (!arguments.has("peer") && (arguments.has("width") || arguments.has("head_width")))
      missing_ = "it has one width alone";
    else if (!arguments.has("peer"))
      missing_ = missing_peer(python_);
  }

  std::string title() const {
    return fmt::format("{} {}, ResNet-{}, tasks {}, batch {}, crop {}", text("device", "cpu"),
                       text("precision", "f32"), base_.at("depth"), base_.at("tasks"),
                       base_.at("batch"), base_.at("crop"));
  }
  const std::string& missing() const { return missing_; }

  Growth measure(const Axis& axis) const {
    Growth growth{axis.name, axis.x_name, axis.points, {}, {}};
    std::vector<Costs> weft, peer;
    for (int64_t value : axis.points) {
      fmt::print(stderr, "growth: {} {}\n", axis.name, value);
      std::vector<Costs> ours, theirs;
      for (int64_t round = 0; round < rounds_; ++round) {
        ours.push_back(weft_costs(words(axis.name, value, false)));
        if (missing_.empty())
          theirs.push_back(peer_costs(python_, peer_, words(axis.name, value, true)));
      }
      weft.push_back(middle(ours));
      peer.push_back(middle(theirs));
    }
    for (const char* phase : phase_names) {
      const auto curve = [&](const char* side, const char* what, const std::vector<Costs>& costs,
                             double Cost::*part) {
        Curve c{phase, side, what, {}};
        bool any = false;
        for (const Costs& at : costs) {
          const auto it = at.find(phase);
          const bool known = it != at.end() && it->second.*part > 0;
          c.values.push_back(known ? std::optional(it->second.*part) : std::nullopt);
          any = any || known;
        }
        if (any) growth.curves.push_back(c);
        return c.values;
      };
      curve("weft", "ms", weft, &Cost::ms);
      curve("peer", "ms", peer, &Cost::ms);
      curve("weft", "MiB", weft, &Cost::mib);
      curve("peer", "MiB", peer, &Cost::mib);
      const Values arithmetic = curve("weft", "GFLOP", weft, &Cost::gflop);
      Values& x = growth.x[phase];
      for (size_t i = 0; i < axis.points.size(); ++i) {
        const auto value = static_cast<double>(axis.points[i]);
        const std::string name = axis.name;
        x.push_back(name == "depth" ? arithmetic[i] : name == "crop" ? value * value : value);
      }
    }
    return growth;
  }

 private:
  std::string text(const char* name, const std::string& otherwise) const {
    return arguments_.text(name, otherwise);
  }

  /// The arguments of `steps`, or of the peer, at one point of an axis.
  Words words(const std::string& axis, int64_t value, bool peer) const {
    std::map<std::string, std::string> at = base_;
    at[axis] = axis == "tasks" ? fmt::format("40x{}", value) : std::to_string(value);
    Words words{
        "--batch", at["batch"], "--crop", at["crop"],
        "--tasks", at["tasks"], "--reps", text("reps", arguments_.has("quick") ? "1" : "3")};
    const auto pass = [&](const char* name) {
      if (arguments_.has(name))
        words.insert(words.end(), {std::string("--") + name, text(name, "")});
    };
    for (const char* name : {"device", "threads", "phases"}) pass(name);
    if (!peer) {
      words.insert(words.end(), {"--trunk", "resnet" + at["depth"]});
      for (const char* name : {"precision", "width", "head_width", "row", "graphs"}) pass(name);
      return words;
    }
    words.insert(words.end(), {"--backbone", at["depth"]});
    pass("mode");
    const std::string precision = text("precision", "f32");
    if (precision == "f32" || precision == "f32_fma") words.emplace_back("--fp32");
    if (precision == "bf16") words.emplace_back("--amp");
    return words;
  }

  /// Of the rounds, part by part, the median.
  static Costs middle(const std::vector<Costs>& rounds) {
    Costs costs;
    for (const char* phase : phase_names) {
      const auto median = [&](double Cost::*part) {
        std::vector<double> values;
        for (const Costs& c : rounds)
          if (c.count(phase) > 0) values.push_back(c.at(phase).*part);
        std::sort(values.begin(), values.end());
        return values.empty() ? 0 : values[values.size() / 2];
      };
      const Cost cost{median(&Cost::ms), median(&Cost::mib), median(&Cost::gflop)};
      if (cost.ms > 0) costs[phase] = cost;
    }
    return costs;
  }

  const Arguments& arguments_;
  std::map<std::string, std::string> base_;
  int64_t rounds_ = 1;
  std::string python_, peer_, missing_;
};

std::string shown(const std::optional<double>& value) {
  if (!value) return "-";
  const int digits = *value < 1 ? 3 : *value < 10 ? 2 : *value < 100 ? 1 : 0;
  return fmt::format("{:.{}f}", *value, digits);
}
std::string shown_exponent(const std::optional<double>& p) {
  return p ? fmt::format("{:.2f}", *p) : "-";
}

void print_table(const Growth& g) {
  fmt::print("\n{:<8} {:<11}", g.axis, "");
  for (int64_t value : g.points) fmt::print(" {:>8}", value);
  fmt::print(" {:>9} {:>6}   exponents of {}\n", "exponent", "last", g.x_name);
  for (const Curve& c : g.curves) {
    fmt::print("{:<8} {:<11}", c.phase, c.side + " " + c.what);
    for (const auto& value : c.values) fmt::print(" {:>8}", shown(value));
    fmt::print(" {:>9} {:>6}\n", shown_exponent(exponent(g.x.at(c.phase), c.values, false)),
               shown_exponent(exponent(g.x.at(c.phase), c.values, true)));
  }
}

/// Between the first point of the tasks' axis and the last: what one more takes, and which share of
/// the first network's that is. In warmup all but the heads is shared; where policies or noise part
/// the tasks' streams, the trunk is part of what a task adds.
void print_further_task(const Growth& g) {
  fmt::print("\n{:<8} {:<11} {:>10} {:>16}   what a further task adds\n", "", "", "first",
             "each further");
  const auto tasks = static_cast<double>(g.points.back() - g.points.front());
  for (const Curve& c : g.curves) {
    const auto &first = c.values.front(), &last = c.values.back();
    if (!first || !last) continue;
    const double adds = (*last - *first) / tasks;
    fmt::print("{:<8} {:<11} {:>10} {:>9} ({:>3.0f} %)\n", c.phase, c.side + " " + c.what,
               shown(*first), shown(adds), 100 * adds / *first);
  }
}

/// Weft's curves whose last exponent is above 1 and above their arithmetic's, the steepest first.
void print_judgement(const std::vector<Growth>& axes) {
  constexpr double slack = 0.05;  // a point's noise: 4 % of one of two whose x is doubled
  std::vector<std::pair<double, std::string>> worse;
  for (const Growth& g : axes)
    for (const Curve& c : g.curves) {
      if (c.side != "weft" || c.what == "GFLOP") continue;
      const auto work = std::find_if(g.curves.begin(), g.curves.end(), [&](const Curve& other) {
        return other.phase == c.phase && other.what == "GFLOP";
      });
      const auto p = exponent(g.x.at(c.phase), c.values, true);
      const auto linear =
          work == g.curves.end() ? std::nullopt : exponent(g.x.at(c.phase), work->values, true);
      if (p && *p > std::max(1.0, linear.value_or(1)) + slack)
        worse.emplace_back(*p, fmt::format("{} {} {}", g.axis, c.phase, c.what));
    }
  std::sort(worse.rbegin(), worse.rend());
  if (worse.empty())
    fmt::print("\nnothing of weft's grows faster than its arithmetic or linearly\n");
  for (const auto& [p, name] : worse)
    fmt::print("\nfaster than linear and than its arithmetic: {}, exponent {:.2f}", name, p);
  if (!worse.empty()) fmt::print("\n");
}

}  // namespace

std::optional<double> exponent(const Values& x, const Values& y, bool last) {
  std::vector<std::pair<double, double>> points;
  for (size_t i = 0; i < x.size(); ++i)
    if (x[i] && y[i] && *x[i] > 0 && *y[i] > 0)
      points.emplace_back(std::log(*x[i]), std::log(*y[i]));
  std::sort(points.begin(), points.end());
  if (last && points.size() > 2) points.erase(points.begin(), points.end() - 2);
  double mean_x = 0, mean_y = 0, xx = 0, xy = 0;
  const auto n = static_cast<double>(points.size());
  for (const auto& [a, b] : points) mean_x += a / n, mean_y += b / n;
  for (const auto& [a, b] : points) {
    xx += (a - mean_x) * (a - mean_x);
    xy += (a - mean_x) * (b - mean_y);
  }
  return xx > 0 ? std::optional(xy / xx) : std::nullopt;
}

namespace {

/// Axes of which a side has no point.
std::vector<std::string> without(const std::string& side, const std::vector<Growth>& axes) {
  std::vector<std::string> names;
  for (const Growth& g : axes)
    if (std::none_of(g.curves.begin(), g.curves.end(),
                     [&](const Curve& c) { return c.side == side; }))
      names.push_back(g.axis);
  return names;
}

/// UserError where a side that was to be measured was not.
void require_points(const std::string& side, const std::vector<Growth>& axes) {
  if (const auto names = without(side, axes); !names.empty())
    throw UserError(fmt::format("growth: {} could run no point of {}; what each said stands above",
                                side, fmt::join(names, ", ")));
}

}  // namespace

void growth(const Arguments& arguments) {
  const Bench bench(arguments);
  fmt::print("# weft bench growth: {}; one of these grows at a time\n", bench.title());
  if (!bench.missing().empty()) fmt::print("# peer skipped: {}\n", bench.missing());
  std::vector<Growth> axes;
  for (const Axis& axis : axes_of(arguments.has("quick"))) {
    axes.push_back(bench.measure(axis));
    print_table(axes.back());
    if (axes.size() == 1) print_further_task(axes.back());
    std::fflush(stdout);
  }
  const bool nothing = without("weft", axes).size() == axes.size();
  if (!nothing) {
    print_judgement(axes);
    const std::string picture = arguments.text("svg", "growth.svg");
    write_file(picture, draw_growth(axes, bench.title()));
    fmt::print("picture: {}\n", picture);
  }
  require_points("weft", axes);
  if (bench.missing().empty()) require_points("peer", axes);
}

}  // namespace weft::bench
