// reported: the network is opened on the CPU, whatever it was trained on.
#include "train/cli/reported_run.h"

#include "engine/error.h"
#include "train/cli/plan_picture.h"
#include "train/export/export_run.h"
#include "train/export/fold.h"
#include "train/run_folder/kept.h"
#include "train/run_folder/run_record.h"

namespace weft::cli {

namespace {

/// As `weft export` counts them; a network that it cannot write says why.
void count_costs(const OpenedRun& run, ReportedRun& out) {
  try {
    const RunExport made =
        export_run(run.context(), *run.model, run.run, run.policy(), run.learned, {});
    for (const ExportedOutput& of : made.network.outputs)
      out.tasks.push_back({of.task, cost_of(only_tasks(made.network, {of.task}))});
    out.together = cost_of(made.network);
    out.full = made.full;
  } catch (const ConfigError& e) {
    out.no_costs = e.what();
  }
}

}  // namespace

ReportedRun reported(const std::string& folder) {
  ReportedRun out{folder};
  if (!is_there(checkpoint_path(folder, "last"))) return out;
  const OpenedRun run(folder, "", "cpu", 0);
  NetworkPictures pictures = network_pictures(run);
  out.plan = std::move(pictures.plan);
  out.sharing = std::move(pictures.sharing);
  if (is_there(folder + "/summary.json")) count_costs(run, out);  // else its policy may be open
  return out;
}

std::vector<ReportedRun> reported(const std::vector<std::string>& folders) {
  std::vector<ReportedRun> out;
  for (const std::string& folder : folders) out.push_back(reported(folder));
  return out;
}

std::vector<ReportedRun> reported_where_readable(const std::vector<std::string>& folders) {
  std::vector<ReportedRun> out;
  for (const std::string& folder : folders) try {
      out.push_back(reported(folder));
    } catch (const UserError& e) {
      out.push_back({folder});
      out.back().no_costs = e.what();
    }
  return out;
}

}  // namespace weft::cli
