// The machine that results were measured on.
#pragma once

#include <string>

namespace weft::cli {

/// The value of the first "key : value" line of /proc/cpuinfo; "unknown" where there is none.
std::string cpu_field(const std::string& key);

}  // namespace weft::cli
