// All keys that files of weft have, the run file's and the study file's, and the page of them:
// docs/run_file.md, which is written by `weft keys --markdown`.
#pragma once

#include <string>
#include <vector>

#include "train/run_file/toml/key_groups.h"

namespace weft {

std::vector<KeyGroup> all_key_groups();

/// The whole page, Markdown.
std::string keys_page();

}  // namespace weft
