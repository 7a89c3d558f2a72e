// A run folder for a page, with what has to be asked of its network: pictures of who executes what, and
// what that costs.
#pragma once

#include <string>
#include <vector>

#include "train/report/report.h"

namespace weft::cli {

/// Where the folder has a checkpoint; else the folder alone.
ReportedRun reported(const std::string& folder);
std::vector<ReportedRun> reported(const std::vector<std::string>& folders);
/// The same for the page of a study, whose results are whole where one network's file is not: the page
/// says so in that run's place.
std::vector<ReportedRun> reported_where_readable(const std::vector<std::string>& folders);

}  // namespace weft::cli
