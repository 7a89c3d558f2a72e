// The data set that a run file's [data] names.
//   scenes, csv, tabular, text, nyu_v2, cityscapes, taskonomy, domainnet: each in its own file
//   multi_mnist, multi_fashion, multi_fashion_mnist (the digit at the top left): data.root holds
//   the folders mnist and fashion_mnist
#pragma once

#include <memory>

#include "data/dataset.h"
#include "train/run_file/run_file.h"

namespace weft {

/// Completes `run` by what only a table can say: model.in_channels, and the tasks that one [[task]]
/// stands for (data.task_column). Whoever builds a model or reads the tasks opens the data first.
/// `learned`: what a trained network learned of such data, by which words, categories and
/// deviations are read; what it cannot mean is a DataError.
std::unique_ptr<Dataset> open_dataset(RunFile& run, const LearnedFromData* learned = nullptr);

/// data.root as a run folder keeps it: absolute, so that the run goes on from any folder; what
/// begins with $WEFT_DATA stays as it is.
std::string kept_root(const DataSpec& data);

}  // namespace weft
