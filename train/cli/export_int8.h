// weft export --quantise: the int8 network of an opened run, and its accuracy beside f32's.
#pragma once

#include <string>
#include <vector>

#include "train/cli/opened_run.h"
#include "train/export/export_run.h"
#include "train/export/int8/on_data.h"

namespace weft::cli {

struct Int8Options {
  int64_t calibrate = 256;            ///< training images
  std::string split;                  ///< val or test; empty: val, or test where there is none
  std::vector<std::string> settings;  ///< where the data are now
};

struct Int8Export {
  Int8Network network;
  std::vector<TaskAccuracy> accuracy;
  std::string calibrated_on, measured_on;  ///< in words
};

/// `network`: as export_run made it under `options`.
Int8Export export_int8(OpenedRun& run, const ExportedNetwork& network,
                       const RunExportOptions& options, const Int8Options& int8);

/// A line a metric: f32's, int8's. Of a task's slopes a line that they are not there, and why.
void print_accuracy(const Int8Export& made);

}  // namespace weft::cli
