// Grids of tasks and blocks; see policy_picture.h.
#include "train/pictures/policy_picture.h"

#include <fmt/format.h>

#include <algorithm>

#include "train/pictures/plot.h"

namespace weft {
namespace {

constexpr double margin = 12, small = 12;

double widest(const std::vector<std::string>& words) {
  double width = 0;
  for (const std::string& w : words) width = std::max(width, Svg::text_width(w, small));
  return width;
}

/// From a pale to a strong blue.
Rgb shade(double p) {
  const auto t = static_cast<float>(std::clamp(p, 0.0, 1.0));
  return {0.86F - 0.80F * t, 0.90F - 0.60F * t, 0.96F - 0.30F * t};
}

}  // namespace

std::string draw_policy(const std::vector<std::string>& tasks,
                        const std::vector<std::string>& blocks,
                        const std::vector<std::vector<double>>& probability,
                        const std::vector<std::vector<int>>& select, const std::string& name,
                        bool functions) {
  constexpr double row = 34, gap = 4, top = 30;
  const double left = margin + widest(tasks) + 12;
  const double step = std::max(46.0, widest(blocks)) + gap;
  const double bottom = top + static_cast<double>(tasks.size()) * (row + gap);
  Svg svg(left + static_cast<double>(blocks.size()) * step + margin, bottom + 26,
          name + " of every task and block, and the policy drawn");
  for (size_t l = 0; l < blocks.size(); ++l)
    svg.text({left + static_cast<double>(l) * step + (step - gap) / 2, 20}, blocks[l], Tone::soft,
             Anchor::middle, small);
  for (size_t k = 0; k < tasks.size(); ++k) {
    const double y = top + static_cast<double>(k) * (row + gap);
    svg.text({margin, y + row / 2 + 4}, tasks[k]);
    for (size_t l = 0; l < blocks.size(); ++l) {
      const double x = left + static_cast<double>(l) * step, p = probability[k][l];
      const Box cell{x, y, x + step - gap, y + row};
      const bool drawn = !select.empty(), on = drawn && select[k][l] != 0;
      const bool takes = drawn && functions;
      const std::string said = !drawn  ? ""
                               : takes ? fmt::format(", takes function block {}", select[k][l])
                               : on    ? ", executed"
                                       : ", skipped";
      svg.box(cell, shade(p), 4,
              fmt::format("{}, {}: {} = {:.3f}{}", tasks[k], blocks[l], name, p, said));
      svg.text({(cell.left + cell.right) / 2, y + row / 2 + 4},
               takes ? fmt::format("f{} {:.0f} %", select[k][l], 100 * p)
                     : fmt::format("{:.0f} %", 100 * p),
               p > 0.5 ? Rgb{1, 1, 1} : Rgb{0.12F, 0.14F, 0.17F}, Anchor::middle, small);
      if (on) svg.frame(cell, Tone::ink, 2.5, 4);
      if (drawn && !on)
        svg.line({{cell.left + 4, cell.bottom - 4}, {cell.right - 4, cell.top + 4}}, 1.5,
                 Tone::soft);
    }
  }
  svg.text({left, bottom + 14},
           name + (select.empty() ? ""
                   : functions    ? "; f1: takes the first function block"
                                  : "; framed: executed, struck out: skipped"),
           Tone::soft, Anchor::left, small);
  return svg.str();
}

std::string draw_history(const std::vector<std::string>& tasks,
                         const std::vector<std::string>& blocks,
                         const std::vector<std::vector<std::vector<double>>>& history,
                         const std::string& name, bool functions) {
  constexpr double row = 15, head = 22, gap = 10;
  const auto epochs = static_cast<double>(history.size());
  const double left = margin + widest(blocks) + 10,
               step = epochs > 0 ? std::max(2.0, 520 / epochs) : 0;
  const double strip = head + static_cast<double>(blocks.size()) * row + gap;
  Svg svg(left + epochs * step + margin, margin + static_cast<double>(tasks.size()) * strip + 16,
          name + " over the epochs of the policy search");
  for (size_t k = 0; k < tasks.size(); ++k) {
    const double y0 = margin + static_cast<double>(k) * strip;
    svg.text({left, y0 + 12}, tasks[k]);
    for (size_t l = 0; l < blocks.size(); ++l) {
      const double y = y0 + head + static_cast<double>(l) * row;
      svg.text({left - 8, y + row - 4}, blocks[l], Tone::soft, Anchor::right, small);
      for (size_t e = 0; e < history.size(); ++e) {
        const double x = left + static_cast<double>(e) * step, p = history[e][k][l];
        svg.box({x, y, x + step, y + row - 1}, shade(p), 0,
                fmt::format("{}, {}, epoch {}: {:.3f}", tasks[k], blocks[l], e, p));
      }
    }
  }
  svg.text({left, margin + static_cast<double>(tasks.size()) * strip + 6},
           functions ? "epochs of the policy; pale: undecided, dark: decided"
                     : "epochs of the policy; pale: skips, dark: executes",
           Tone::soft, Anchor::left, small);
  return svg.str();
}

std::string draw_plan(const std::string& title, const std::vector<std::string>& tasks,
                      const std::vector<PlannedBlock>& blocks) {
  constexpr double row = 30, step = 74, cell = 46, top = 64;
  const double left = margin + widest(tasks) + 14;
  const double bottom = top + static_cast<double>(tasks.size()) * row;
  // As wide as the words below, at least.
  Svg svg(left + std::max(static_cast<double>(blocks.size()) * step, 400.0) + margin, bottom + 78,
          title);
  svg.text({margin, 24}, title, Tone::ink, Anchor::left, 15);
  const auto lane = [&](int k) { return top + k * row + row / 2; };
  for (size_t k = 0; k < tasks.size(); ++k) {
    const double y = lane(static_cast<int>(k));
    svg.text({margin, y + 4}, tasks[k]);
    svg.line({{left - 6, y}, {left + static_cast<double>(blocks.size()) * step, y}}, 1.5,
             Tone::soft);
  }
  double mmac = 0;
  for (size_t l = 0; l < blocks.size(); ++l) {
    const PlannedBlock& block = blocks[l];
    const double x = left + static_cast<double>(l) * step + (step - cell) / 2,
                 middle = x + cell / 2;
    svg.text({middle, 52}, block.name, Tone::soft, Anchor::middle, small);
    for (size_t run = 0; run < block.runs.size(); ++run) {
      const std::vector<int>& served = block.runs[run];
      if (served.empty()) continue;
      // A colour is its first task's, so that what stays together keeps it from block to block.
      const Rgb colour = line_colour(1 + static_cast<size_t>(served.front()));
      svg.line({{middle, lane(served.front())}, {middle, lane(served.back())}}, 8, colour, 0.55);
      for (const int k : served) {
        const bool mix = block.uses[static_cast<size_t>(k)] == BlockUse::mix;
        const Box box{x, lane(k) - 10, x + cell, lane(k) + 10};
        const std::string hover =
            fmt::format("{}: {} {}, with {} task(s)", block.name, tasks[static_cast<size_t>(k)],
                        mix ? "mixes both branches" : "executes", served.size());
        svg.box(box, mix ? Paint(Tone::paper) : Paint(colour), 5, hover);
        svg.frame(box, colour, 2, 5);
      }
    }
    svg.text({middle, bottom + 14}, fmt::format("{}x", block.runs.size()), Tone::ink,
             Anchor::middle, small);
    svg.text({middle, bottom + 30}, fmt::format("{:.2f}", block.mmac), Tone::soft, Anchor::middle,
             small);
    mmac += block.mmac * static_cast<double>(block.runs.size());
  }
  svg.text({margin, bottom + 14}, "runs", Tone::soft, Anchor::left, small);
  svg.text({margin, bottom + 30}, "MMAC", Tone::soft, Anchor::left, small);
  svg.text({left, bottom + 52}, "One colour: one run serves these tasks. Bare line: skipped.",
           Tone::soft, Anchor::left, small);
  svg.text({left, bottom + 68},
           fmt::format("Hollow: soft, both branches mixed. Blocks: {:.1f} MMAC an image.", mmac),
           Tone::soft, Anchor::left, small);
  return svg.str();
}

}  // namespace weft
