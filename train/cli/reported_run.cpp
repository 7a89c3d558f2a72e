// reported: the network is opened on the CPU, whatever it was trained on.
#include "train/cli/reported_run.h"

#include "train/cli/plan_picture.h"
#include "train/run_folder/kept.h"
#include "train/run_folder/run_record.h"

namespace weft::cli {

ReportedRun reported(const std::string& folder) {
  ReportedRun out{folder};
  if (!is_there(checkpoint_path(folder, "last"))) return out;
  const OpenedRun run(folder, "", "cpu", 0);
  NetworkPictures pictures = network_pictures(run);
  out.plan = std::move(pictures.plan);
  out.sharing = std::move(pictures.sharing);
  return out;
}

std::vector<ReportedRun> reported(const std::vector<std::string>& folders) {
  std::vector<ReportedRun> out;
  for (const std::string& folder : folders) out.push_back(reported(folder));
  return out;
}

}  // namespace weft::cli
