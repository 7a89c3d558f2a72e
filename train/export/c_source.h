// An exported network as C99: one source file and its header, which need the standard library alone
// and call no allocator. NAME_run(input, out_seg, out_depth) computes one picture; a task whose
// pointer is null is left out, and with it all that no other task needs. NAME_run_seg(input,
// out_seg) is the same for one task. Of a text NAME_encode(text, input) gives the ids (c_text.h). Values between layers lie in static memory of NAME_MEMORY bytes
// (memory_plan.h), so that one thread at a time may run it. Weights are arrays in the source, or a
// blob beside it, which NAME_load takes: two 32-bit words (XXH64 of the rest), then f32, all
// little-endian.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "train/export/network.h"

namespace weft {

struct CSourceOptions {
  std::string name = "network";              ///< of files and functions, a C identifier
  bool blob = false;                         ///< weights beside the source
  std::vector<std::string> notes;            ///< lines for people, at the head of the header
  std::optional<std::string> alphabet = {};  ///< of texts: NAME_encode() is there, too
};

struct CSource {
  std::string header, source;
  std::string blob;          ///< empty: weights are in the source
  int64_t memory_bytes = 0;  ///< static, beside the weights
};

/// ConfigError where a name is no C identifier, two tasks' names become one, or more than 32 MiB of
/// weights were to be arrays.
CSource c_source(const ExportedNetwork& network, const CSourceOptions& options);

/// `text` with "_" for what no C identifier has: "surface normals" is surface_normals.
std::string c_identifier(const std::string& text);

}  // namespace weft
