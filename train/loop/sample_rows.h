// Some rows of a table, or texts of one, with what a trained network says of them: a CSV as
// `weft predict` writes it (predict_table.h), for the run's page.
#pragma once

#include <string>
#include <vector>

#include "data/dataset.h"
#include "train/loop/trainer.h"

namespace weft {

/// Of those samples that stand in the first one's file, by the task alone whose own file it is. Empty where samples are pictures. Errors as
/// predict_table's.
std::string sample_rows(Trainer& trainer, const Dataset& data, const std::vector<int64_t>& indices);

}  // namespace weft
