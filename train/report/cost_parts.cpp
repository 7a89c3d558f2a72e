// cost_parts: a row a task.
#include "train/report/cost_parts.h"

#include <fmt/format.h>

#include <algorithm>

#include "train/study/table_text.h"

namespace weft {
namespace {

constexpr size_t most_rows = 40;

Cells row(const std::string& name, const ExportedCost& cost, const ExportedCost& full) {
  const auto share = [](int64_t part, int64_t whole) {
    return whole == 0 ? std::string("-")
                      : fmt::format("{:.1f}",
                                    100 * static_cast<double>(part) / static_cast<double>(whole));
  };
  return {name, fmt::format("{:.4g}", static_cast<double>(cost.parameters) / 1e6),
          share(cost.parameters, full.parameters),
          fmt::format("{:.4g}", 2e-9 * static_cast<double>(cost.macs)),
          share(cost.macs, full.macs)};
}

}  // namespace

void cost_parts(Page& page, const ReportedRun& run) {
  if (run.tasks.empty()) {
    page.paragraph("Parameters and FLOPs of each task are not known: " + run.no_costs);
    return;
  }
  std::vector<Cells> rows{{"task", "parameters M", "% of full", "GFLOP", "% of full"}};
  for (size_t k = 0; k < std::min(most_rows, run.tasks.size()); ++k)
    rows.push_back(row(plain_cell(run.tasks[k].task) + " alone", run.tasks[k].cost, run.full));
  rows.push_back(row("all together", run.together, run.full));
  rows.push_back(row("full network", run.full, run.full));
  page.markdown(table_text(rows, TableStyle::markdown));
  if (run.tasks.size() > most_rows)
    page.paragraph(fmt::format("The first {} of {} tasks; weft export prints all.", most_rows,
                               run.tasks.size()));
  page.paragraph(
      "Of one sample, heads included: what a task executes by itself, what all execute where what "
      "they share is computed once, and the network where every task executes every block. Batch "
      "norm is folded into convolutions, but in the full network. Time and memory are measured of "
      "all tasks together; build/weft-run times the exported tasks one by one.");
}

}  // namespace weft
