// What the kernel says about memory, from below /proc.
#pragma once

#include <cstdint>
#include <string>

namespace weft {

/// The number of a line "NAME:   1234 kB" of a file below /proc, in bytes; `absent` where there is
/// none.
int64_t proc_bytes(const std::string& path, const std::string& name, int64_t absent);
/// The machine's memory, in use or not; without bound where nothing says.
int64_t machine_bytes();

}  // namespace weft
