// The data set that a run file's [data] names.
//   scenes, csv, nyu_v2, cityscapes, taskonomy, domainnet: each in its own file
//   multi_mnist, multi_fashion, multi_fashion_mnist (the digit at the top left): data.root holds
//   the folders mnist and fashion_mnist
#pragma once

#include <memory>

#include "train/data/sample.h"
#include "train/run_file.h"

namespace weft {

std::unique_ptr<Dataset> open_dataset(const RunFile& run);

}  // namespace weft
