// For tests over all ways of sharing: what a way that tunes a trunk (model.init) starts from.
#pragma once

#include "models/parameter_file.h"
#include "models/sharing/way.h"
#include "tests/support/temp_folder.h"
#include "train/step/build.h"

namespace weft::test {

/// Gives `run` a trunk of its kind in `folder`, as random as a new one; other ways stay as they are.
inline void give_start(RunFile& run, const TempFolder& folder) {
  if (!way_of(run.sharing).pretrained) return;
  RunFile other = run;
  other.sharing = Sharing::hard;
  other.seed += 100;
  CpuContext cpu(1);
  run.model.init = folder.file("start.safetensors");
  save(make_model(&cpu, other)->store(), run.model.init);
}

}  // namespace weft::test
