// What was learned from the data of the network's inputs, as a node and in words.
//   pixels:  y_c = f_c x_(its channel) + s_c (data/normalize.h)
//   columns: y = (x / scale - mean) / deviation; a category's 0 or 1 as it is (data/sets/table_inputs.h)
#pragma once

#include <string>
#include <vector>

#include "data/learned.h"
#include "data/spec.h"
#include "train/export/network.h"

namespace weft {

/// The network with a node in front that normalises its input; none where that changes nothing.
/// ConfigError where no affine function does it.
ExportedNetwork normalised_inside(const ExportedNetwork& network, const LearnedFromData& learned);

/// Lines for people: what each channel or column is, `inside` or before it was normalised.
std::vector<std::string> input_notes(const Shape& input, const LearnedFromData& learned,
                                     bool inside);
/// The same of a text, whose ids nothing normalises: what they stand for, and what these tasks' texts are.
std::vector<std::string> text_notes(const DataSpec& data, const std::vector<TaskSpec>& tasks);

}  // namespace weft
