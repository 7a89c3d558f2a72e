// Which weft this is: what --version, doctor and the run folder's run.toml say.
#pragma once

#include <string>
#include <vector>

namespace weft {

std::string version();        ///< "0.1.0"
std::string build_summary();  ///< "g++ 12.2.0, -march=native, CPU"
/// Vector units that the code was compiled for and a processor must have: "avx2", "fma", "avx512f"
/// by the kernel's names; none on other processors than x86-64.
std::vector<std::string> needed_units();

}  // namespace weft
