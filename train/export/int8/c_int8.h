// An int8 network as C99, with c_source.h's header and functions: floats go in and come out, between
// them are int8 maps, int8 weights, int32 sums and a factor 2^-shift of each channel. The same integers
// as run_int8.h's, on any compiler and 32 bits.
#pragma once

#include "train/export/c_source.h"
#include "train/export/int8/quantise.h"

namespace weft {

/// ConfigError as c_source's, and where options.blob is set: int8 weights are arrays.
CSource c_source(const Int8Network& network, const CSourceOptions& options);

/// The same errors, of a network whose ranges are not known yet.
void check_int8_source(const ExportedNetwork& network, const CSourceOptions& options);

}  // namespace weft
