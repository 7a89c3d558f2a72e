// A first run file from somebody's CSV index: looks at the columns' files and values and proposes
// [data] and one [[task]] a label column, with a comment that says what was seen.
//   8-bit gray PNG of few ids -> segmentation; 16-bit PNG -> depth in millimetres; three channels
//   -> normals; npy by dtype; 0/1 -> binary; few names or numbers -> classification; else
//   regression
#pragma once

#include <string>
#include <vector>

#include "train/run_file.h"

namespace weft {

struct Inferred {
  DataSpec data;
  std::vector<TaskSpec> tasks;
  std::vector<std::string> seen;   ///< of each task: what its column holds
  std::vector<std::string> notes;  ///< columns passed over, and why
};

/// Reads `folder`/`index`, and at most some hundred label files.
Inferred infer_tasks(const std::string& folder, const std::string& index = "index.csv");

/// The [data] and [[task]] sections as TOML.
std::string draft_sections(const Inferred& inferred);

}  // namespace weft
