// What an exported network is for: everything that prediction needs and the graph does not say. It
// lies as JSON in the metadata "usage" of a safetensors export, so that build/weft-run predicts what
// `weft predict` does.
#pragma once

#include <string>
#include <vector>

#include "data/learned.h"
#include "data/spec.h"
#include "models/grid.h"

namespace weft {

struct ExportedUsage {
  Semantics semantics = Semantics::sound;
  bool inside = false;  ///< inputs are normalised in the network
  int channels = 3;     ///< of a picture
  /// How pictures, tables and texts are read: kind (tabular, text, or any that has pictures), size,
  /// layout, float_max, normalize; separator, comment, header, missing, task_column, column_specs;
  /// of texts alphabet, length, columns, escapes.
  DataSpec data;
  std::vector<TaskSpec> tasks;  ///< in the order of the outputs: what decoding reads of each
  std::vector<Grid> grids;      ///< of each task's output; of an image label's nothing
  LearnedFromData learned;      ///< of these tasks, without the fingerprint

  /// Whether inputs are rows, of numbers or with a text.
  bool table() const { return data.kind == DataKind::tabular || data.kind == DataKind::text; }
};

/// With one way to read a file for all tasks: ConfigError where there is none (data/sets/text.h).
std::string to_json(const ExportedUsage& usage);
/// Throws DataError, naming `source`, where a key is missing, unknown, of another type or impossible.
ExportedUsage usage_from_json(const std::string& text, const std::string& source);

}  // namespace weft
