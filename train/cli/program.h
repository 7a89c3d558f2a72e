// The command line as CLI11 knows it, for what describes it elsewhere: completion, the manual page.
#pragma once

#include <string>
#include <vector>

namespace weft::cli {

struct ProgramOption {
  std::string name;                ///< "--out"; "-h,--help"; of a positional argument "run"
  std::string help;                ///< one line
  std::string value;               ///< "TEXT", "INT", "KEY=VALUE", "GROUP", "COMMAND"; "" of a flag
  std::string standard;            ///< the value that it has without one; "" where there is none
  std::vector<std::string> words;  ///< those that it is one of; empty: any
  bool positional = false, required = false;
  bool many = false;  ///< takes all the values that follow

  bool is_setting() const { return value == "KEY=VALUE"; }
};

struct ProgramCommand {
  std::string name, help;
  std::vector<ProgramOption> options;  ///< in the order of --help, which is the first
};

struct Program {
  std::string help;                      ///< what it is
  std::vector<ProgramOption> options;    ///< without a command
  std::vector<ProgramCommand> commands;  ///< in the order of --help
};

/// options.cpp.
Program program();

}  // namespace weft::cli
