// What exported C has in common whatever its numbers are, f32 (c_source.h) or int8 (int8/c_int8.h):
// the header, the order of calls, and which of them a task needs.
#pragma once

#include "train/export/c_source.h"

namespace weft {

/// Of weights as text, four times as long: more takes a compiler minutes.
constexpr int64_t most_array_bytes = int64_t{32} << 20;

struct CParts {
  std::string includes;              ///< beside <stddef.h> and <string.h>
  std::string definitions;           ///< weights, static memory and functions
  std::vector<std::string> calls;    ///< of every node what computes it; empty: nothing has to
  std::vector<std::string> outputs;  ///< of every output what hands it over; empty: a call has
  int64_t memory_bytes = 0, weight_bytes = 0;
};

/// Of every output its task's name in C. ConfigError where two are the same, or options.name is none.
std::vector<std::string> c_task_names(const ExportedNetwork& network,
                                      const CSourceOptions& options);

/// Header and source; `calls` may use input and out_TASK of every task, of which those are not null
/// that a caller wants.
CSource c_program(const ExportedNetwork& network, const CSourceOptions& options,
                  const CParts& parts);

/// Text within a comment: one line, which ends neither the comment nor in a backslash.
std::string c_comment(std::string text);
std::string c_upper(std::string text);

}  // namespace weft
