// The command line of weft-run.
#pragma once

#include <string>
#include <vector>

namespace weft::runner {

struct Arguments {
  std::string network;
  std::vector<std::string> inputs;
  std::string out;      ///< empty: beside the network
  std::string kernels;  ///< empty: the best that this CPU has
  int threads = 1;
  int repeat = 0;             ///< more passes of the first input, for their time alone
  bool raw = false;           ///< inputs are one file of floats and one to write
  int height = 0, width = 0;  ///< of raw pictures; 0: as exported
  bool help = false;
};

/// ConfigError where they make no sense.
Arguments parse_arguments(int argc, const char* const* argv);
std::string help_text();

}  // namespace weft::runner
