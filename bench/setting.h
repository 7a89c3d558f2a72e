// A step without a data set: a run file of the flags, random images and labels. Running statistics
// are shared, as the peer's (bench/peer/adashare_torch.py) are. Or a run file's network, with the
// first batch of its training data.
#pragma once

#include "bench/bench.h"
#include "engine/cpu/context.h"
#include "train/run_file/run_file.h"

namespace weft::bench {

struct Setting {
  int64_t batch = 2, crop = 97, reps = 5;
  int64_t row = 1;      ///< steps that run before the host waits
  bool bn_sync = true;  ///< of several ranks: batch norm's moments are those of all rows
  bool graphs = false;  ///< passes are recorded and started as one (engine/device.h, Repeated)
  int threads = physical_cores();
  std::string trunk = "resnet18", tasks = "40,3", device = "cpu", precision = "f32";
  std::string phases = "warmup,weights,policy,retrain,infer", sharing = "adashare";
  double width = 1;
  int64_t head_width = 1024;
  std::string run;  ///< a run file, whose network and batch are taken; "": the flags'

  explicit Setting(const Arguments& arguments);
};

/// The tasks' channels, "40,3" or "40x8,3": eight tasks of 40 channels and one of 3.
std::vector<std::string> task_channels(const std::string& tasks);
/// Of the tasks' channels: 3 is normals, 1 depth, all else segmentation. `overrides` as on weft's
/// command line.
RunFile run_file(const Setting& s, const std::vector<std::string>& overrides = {});
/// What a step is measured on.
struct Workload {
  RunFile run;
  Tensor images;  ///< on the host, as the targets, one a task
  std::vector<Tensor> targets;
  std::string title;
};
/// Of --run, or of the flags.
Workload workload(const Setting& s);
Tensor random_images(int64_t n, int64_t crop);
Tensor random_target(const TaskSpec& task, int64_t n, int64_t crop);

}  // namespace weft::bench
