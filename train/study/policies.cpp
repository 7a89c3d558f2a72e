// Tables and pictures of policies; see policies.h.
#include "train/study/policies.h"

#include <algorithm>
#include <cmath>

#include "models/sharing/way.h"
#include "train/pictures/policy_picture.h"
#include "train/study/table_text.h"

namespace weft {
namespace {

constexpr const char* how_to_read =
    "\nOf a block: how many seeds' chosen policies execute it, and the mean p(select) (den: the "
    "expected share of its inner channels; routing: the function blocks taken, seed by seed, and "
    "the mean chance of the likeliest).";

constexpr const char* how_to_read_pairs =
    " Of two tasks: blocks on which their policies are the same, what chance would give two "
    "policies of so many blocks, and the mean difference of p(select).";

/// Of a method's runs with a policy, all of one network and tasks.
using Runs = std::vector<const RunSummary*>;

Runs with_policy(const StudyRow& row) {
  Runs runs;
  for (const RunSummary& run : row.runs)
    if (!run.policy.empty()) runs.push_back(&run);
  return runs;
}

/// Those whose test images took routes of their own: there is no policy to show.
Runs with_routes(const StudyRow& row) {
  Runs runs;
  for (const RunSummary& run : row.runs)
    if (run.image_routes()) runs.push_back(&run);
  return runs;
}

double executed(const RunSummary& run, size_t task) {
  double sum = 0;
  for (const int select : run.policy[task]) sum += select != 0;
  return sum;
}

std::vector<Cells> blocks_table(const Runs& runs) {
  const RunSummary& first = *runs[0];
  std::vector<Cells> rows{{"task"}};
  for (const std::string& block : first.blocks) rows[0].push_back(block);
  rows[0].push_back("executes");
  for (size_t k = 0; k < first.tasks.size(); ++k) {
    Cells cells{first.tasks[k]};
    std::vector<Measure> counts;
    for (size_t l = 0; l < first.blocks.size(); ++l) {
      int n = 0;
      double p = 0;
      for (const RunSummary* run : runs) {
        n += run->policy[k][l] != 0;
        p += run->probability[k][l] / static_cast<double>(runs.size());
      }
      if (way_of(first.sharing).functions) {
        std::vector<int> taken;
        for (const RunSummary* run : runs) taken.push_back(run->policy[k][l]);
        cells.push_back(fmt::format("{} ({:.2f})", fmt::join(taken, " "), p));
        continue;
      }
      cells.push_back(fmt::format("{}/{} ({:.2f})", n, runs.size(), p));
    }
    for (const RunSummary* run : runs) counts.emplace_back(executed(*run, k));
    cells.push_back(spread_text(spread_of(counts)));
    rows.push_back(std::move(cells));
  }
  return rows;
}

/// Of routes: how alike the tasks' paths are, or the images', all pairs together.
std::string collapse_of(const Runs& runs) {
  const WayOfSharing& way = way_of(runs[0]->sharing);
  if (!way.functions) return "";
  const char* whose = way.per_input ? "images" : "tasks";
  std::vector<Measure> same;
  int collapsed = 0;
  for (const RunSummary* run : runs) {
    const Measure together = way.per_input ? run->image_routes() : run->task_routes();
    if (!together) continue;
    same.emplace_back(100 * *together);
    collapsed += *together == 1;
  }
  if (same.empty()) return "";
  return fmt::format(
      "\nCollapse: two {} take the same function block at {} % of the places; all {} take one "
      "path in {} of {} seeds.\n",
      whose, spread_text(spread_of(same)), whose, collapsed, same.size());
}

/// Empty of one task.
std::string pairs_table(const Runs& runs) {
  const RunSummary& first = *runs[0];
  if (first.tasks.size() < 2) return "";
  std::vector<Cells> rows{{"tasks", "same %", "by chance %", "\\|dp\\|"}};
  for (size_t i = 0; i < first.tasks.size(); ++i)
    for (size_t j = i + 1; j < first.tasks.size(); ++j) {
      std::vector<Measure> same, by_chance, distance;
      for (const RunSummary* run : runs) {
        const PolicyLikeness alike = policy_likeness(*run, i, j);
        same.emplace_back(100 * alike.same);
        by_chance.emplace_back(100 * alike.by_chance);
        distance.emplace_back(alike.distance);
      }
      rows.push_back({first.tasks[i] + ", " + first.tasks[j], spread_text(spread_of(same)),
                      spread_text(spread_of(by_chance)), spread_text(spread_of(distance))});
      // A function block's number means nothing at another place, nor the likeliest one's chance.
      if (way_of(first.sharing).functions) rows.back()[2] = rows.back()[3] = "-";
    }
  return "\n" + table_text(rows, TableStyle::markdown);
}

}  // namespace

PolicyLikeness policy_likeness(const RunSummary& run, size_t i, size_t j) {
  const size_t blocks = run.policy[i].size();
  const auto n = static_cast<double>(blocks);
  PolicyLikeness out;
  for (size_t l = 0; l < blocks; ++l) {
    out.same += (run.policy[i][l] == run.policy[j][l] ? 1 : 0) / n;
    out.distance += std::abs(run.probability[i][l] - run.probability[j][l]) / n;
  }
  for (int gate = 0; gate <= std::max(all_channels, max_functions); ++gate)
    out.by_chance +=
        static_cast<double>(std::count(run.policy[i].begin(), run.policy[i].end(), gate)) / n *
        static_cast<double>(std::count(run.policy[j].begin(), run.policy[j].end(), gate)) / n;
  return out;
}

std::string study_policies(const Study& study, const std::vector<StudyResult>& results) {
  std::string text;
  bool explained = false;
  for (const StudyResult& result : results)
    for (const StudyRow& row : result.rows) {
      const Runs runs = with_policy(row), routes = with_routes(row);
      if (runs.empty() && routes.empty()) continue;
      if (text.empty()) text = "\n## Policies\n";
      if (!runs.empty() && !explained)
        text +=
            fmt::format("{}{}\n", how_to_read, runs[0]->tasks.size() > 1 ? how_to_read_pairs : "");
      explained = explained || !runs.empty();
      if (runs.empty()) {
        text += fmt::format("\n{}, {}, {} of {} seeds:\n{}", result.set, row.method, routes.size(),
                            study.seeds.size(), collapse_of(routes));
        continue;
      }
      text +=
          fmt::format("\n{}, {}, {} of {} seeds:\n\n{}{}{}", result.set, row.method, runs.size(),
                      study.seeds.size(), table_text(blocks_table(runs), TableStyle::markdown),
                      pairs_table(runs), collapse_of(runs));
    }
  return text;
}

std::vector<std::pair<std::string, std::string>> policy_pictures(
    const std::vector<StudyResult>& results) {
  std::vector<std::pair<std::string, std::string>> out;
  for (const StudyResult& result : results)
    for (const StudyRow& row : result.rows)
      for (const RunSummary* run : with_policy(row))
        out.emplace_back(
            fmt::format("{}-{}-{}", result.set, row.method, run->seed),
            draw_policy(run->tasks, run->blocks, run->probability, run->policy,
                        probability_name(run->sharing), way_of(run->sharing).functions));
  return out;
}

}  // namespace weft
