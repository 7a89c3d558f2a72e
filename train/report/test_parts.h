// Parts of a run's page that come of data.json and test.json (train/run_folder/test_record.h): what the
// data are; who was taken for whom, how sure and how right predictions are, prediction over label, the
// best and the worst samples; and what the colours of the pictures mean.
#pragma once

#include <string>
#include <vector>

#include "train/report/page.h"
#include "train/run_file/run_file.h"
#include "train/run_folder/test_record.h"

namespace weft {

void data_parts(Page& page, const DataSummary& data);
/// Confusion, reliability, scatter and residuals, of as many tasks as a page has room for.
void test_parts(Page& page, const std::vector<TaskDetail>& tasks);
/// Keys and errors; pictures of them are beside.
void extreme_parts(Page& page, const std::vector<TaskDetail>& tasks);
/// Colours of classes, normals, depths and what has no label; nothing where all labels are numbers.
/// `tasks`: names of classes; may be empty.
void colour_legend(Page& page, const RunFile& run, const std::vector<TaskDetail>& tasks);

}  // namespace weft
