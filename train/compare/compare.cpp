// Comparison: judgement, table, JSON.
#include "train/compare/compare.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <nlohmann/json.hpp>

namespace weft {
namespace {

using nlohmann::json;

std::string dash_or(const Measure& value, const char* format) {
  return !value || is_fault(value) ? fixed_text(value, 0)
                                   : fmt::format(fmt::runtime(format), *value);
}

void add_ops(std::string& out, const Comparison& c) {
  out += fmt::format("{:<28} {:<10} {:>9} {:>9} {:>9} {:>9} {:>9} {:>9} {:>9} {:>6}\n", "op", "way",
                     "y rel", "worst d", "bound", "fwd ms", "bwd ms", "GFLOP/s", "GB/s", "share");
  for (const OpTime& t : c.times) {
    Measure y, gradient, bound;
    bool passed = true;
    for (const OpError& e : c.errors) {
      if (e.op != t.op || e.way != t.way) continue;
      if (e.tensor == "y") {
        y = e.relative;
        bound = e.bound;
      } else if (!gradient || (!is_fault(gradient) && !(e.relative <= *gradient))) {
        gradient = e.relative;  // a NaN stays
      }
      passed = passed && e.passed();
    }
    out += fmt::format(
        "{:<28} {:<10} {:>9} {:>9} {:>9} {:>9.3f} {:>9.3f} {:>9} {:>9.1f} {:>5.0f}%{}\n", t.op,
        t.way, dash_or(y, "{:.1e}"), dash_or(gradient, "{:.1e}"), dash_or(bound, "{:.1e}"),
        t.forward_ms, t.backward_ms, t.gflops > 0 ? fmt::format("{:.1f}", t.gflops) : "-", t.gbs,
        100 * t.share, passed ? "" : "  FAILED");
  }
}

void add_steps(std::string& out, const Comparison& c) {
  out += fmt::format("\n{:<9} {:<10} {:>9} {:>9} {:>9} {:>9} {:>9}   {}\n", "step", "way",
                     "loss rel", "d least", "bound", "d middle", "ms", "worst parameters");
  for (const StepError& e : c.steps) {
    std::string worst;
    for (const auto& [name, error] : e.worst) worst += fmt::format(" {} {:.1e}", name, error);
    const bool exact = e.way == c.ways[0].name;
    const auto text = [&](const Measure& error) { return exact ? "-" : dash_or(error, "{:.1e}"); };
    out += fmt::format("{:<9} {:<10} {:>9} {:>9} {:>9} {:>9} {:>9.2f}  {}{}\n", e.phase, e.way,
                       text(e.loss), text(e.gradients), text(e.bound), text(e.middle), e.ms, worst,
                       e.passed() ? "" : "  FAILED");
  }
}

}  // namespace

bool Comparison::passed() const {
  return std::all_of(errors.begin(), errors.end(), [](const OpError& e) { return e.passed(); }) &&
         std::all_of(steps.begin(), steps.end(), [](const StepError& e) { return e.passed(); });
}

std::string comparison_table(const Comparison& c) {
  std::string out;
  for (const Way& way : c.ways)
    out += fmt::format("{:<10} {}; ceiling {:.0f} GFLOP/s, {:.0f} GB/s\n", way.name,
                       way.on->describe(), way.gflops, way.gbs);
  out += "\n";
  if (!c.times.empty()) add_ops(out, c);
  if (!c.steps.empty()) add_steps(out, c);
  return out;
}

std::string comparison_json(const Comparison& c) {
  json j = {{"version", 1}, {"reference", c.ways[0].name}, {"passed", c.passed()}};
  for (const Way& way : c.ways)
    j["ways"].push_back({{"name", way.name},
                         {"device", way.on->describe()},
                         {"ceiling_gflops", to_json_value(way.gflops)},
                         {"ceiling_gbs", to_json_value(way.gbs)}});
  for (const OpError& e : c.errors)
    j["errors"].push_back({{"op", e.op},
                           {"tensor", e.tensor},
                           {"way", e.way},
                           {"largest", to_json_value(e.largest)},
                           {"relative", to_json_value(e.relative)},
                           {"bound", e.bound},
                           {"passed", e.passed()}});
  for (const OpTime& t : c.times)
    j["times"].push_back({{"op", t.op},
                          {"way", t.way},
                          {"forward_ms", t.forward_ms},
                          {"backward_ms", t.backward_ms},
                          {"gflops", t.gflops},
                          {"gbs", t.gbs},
                          {"share", to_json_value(t.share)}});
  for (const StepError& e : c.steps) {
    json worst = json::object();
    for (const auto& [name, error] : e.worst) worst[name] = to_json_value(error);
    j["steps"].push_back({{"phase", e.phase},
                          {"way", e.way},
                          {"loss", to_json_value(e.loss)},
                          {"gradients", to_json_value(e.gradients)},
                          {"gradients_middle", to_json_value(e.middle)},
                          {"bound", to_json_value(e.bound)},
                          {"loss_bound", to_json_value(e.loss_bound)},
                          {"ms", e.ms},
                          {"worst", worst},
                          {"passed", e.passed()}});
  }
  return j.dump(1) + "\n";
}

}  // namespace weft
