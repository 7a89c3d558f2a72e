// A run's own data for its int8 network: training images give the ranges, another part says what int8
// costs. Images are as evaluation sees them, one at a time (a table's rows batch by batch).
#pragma once

#include <string>
#include <vector>

#include "data/dataset.h"
#include "models/sharing/sharing.h"
#include "train/export/int8/quantise.h"
#include "train/metrics/metrics.h"
#include "train/run_file/run_file.h"

namespace weft {

struct RunData {
  const RunFile& run;
  const Model& model;
  const Dataset& data;
};

struct Calibrated {
  std::vector<Range> ranges;  ///< of every node
  int64_t images = 0;         ///< over so many
};

/// Of `network`, whose inputs are normalised outside, over `count` of the images `train`: all where
/// there are fewer, more where it takes them to hold every class. DataError where there are none, or where they are of a size
/// for which the network is not.
Calibrated calibrated(const AnyContext& context, const ExportedNetwork& network, const RunData& on,
                      const std::vector<int64_t>& train, int64_t count);

struct TaskAccuracy {
  std::string task;
  std::vector<Metric> f32, int8;  ///< the same metrics of both
  /// Of the task's slopes their columns ("gm"), whose metrics are absent: an int8 output is constant
  /// from step to step, so that a derivative of it is 0 or none whatever the network learned.
  std::vector<std::string> slopes;
};

/// Of every output of the network, on all of `indices`; metrics of the loss are absent.
std::vector<TaskAccuracy> accuracy_of(const AnyContext& context, const Int8Network& network,
                                      const RunData& on, const std::vector<int64_t>& indices);

}  // namespace weft
