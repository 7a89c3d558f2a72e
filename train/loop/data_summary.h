// What a run's data are, for its report: how many samples and labels each part has, and how the
// classes and numbers of the training part are spread.
#pragma once

#include "data/split.h"
#include "train/run_file/run_file.h"
#include "train/run_folder/test_record.h"

namespace weft {

/// Labels of images are counted where the set knows them without reading (Dataset::class_of); others,
/// and numbers, are those of `most` training samples, evenly over the part, as the network sees them.
DataSummary summarise_data(const RunFile& run, const Dataset& data, const Parts& parts,
                           int64_t most = 200);

}  // namespace weft
