// The commands of build/weft, one file each: add_X puts its options on the app, and its callback
// runs it. A command prints results on stdout, progress and errors on stderr, and throws its errors
// for main() to catch.
#pragma once

#include <CLI/CLI.hpp>

namespace weft::cli {

void add_data(CLI::App& app);
void add_info(CLI::App& app);
void add_new(CLI::App& app);

}  // namespace weft::cli
