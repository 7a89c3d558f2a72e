// weft's command line. The single catch: a UserError (and what the surroundings refuse) ends with
// 2, any other error with 1, a stopped run with 128 + signal; each with one line on stderr.
#include <fmt/format.h>

#include <cstdio>
#include <exception>
#include <filesystem>
#include <ios>
#include <new>
#include <string>
#include <vector>

#include "engine/error.h"
#include "train/cli/command.h"
#include "train/nearest.h"
#include "train/stop.h"
#include "train/version.h"

namespace weft::cli {
namespace {

/// One line without control characters, whatever file or key the message quotes.
int complain(std::string message, int code) {
  for (char& c : message) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = ' ';
  }
  std::fflush(stdout);
  fmt::print(stderr, "weft: {}\n", message);
  return code;
}

void check_command(const CLI::App& app, int argc, char** argv) {
  if (argc < 2 || argv[1][0] == '-') return;
  std::vector<std::string> names;
  for (const CLI::App* command : app.get_subcommands({})) {
    if (command->get_name() == argv[1]) return;
    names.push_back(command->get_name());
  }
  throw ConfigError(fmt::format("unknown command '{}'; did you mean '{}'? (weft --help lists them)",
                                argv[1], nearest(argv[1], names)));
}

int run(int argc, char** argv) {
  CLI::App app("weft: networks that learn what their tasks should share", "weft");
  app.set_version_flag("--version", "weft " + version() + " (" + build_summary() + ")");
  app.require_subcommand(1);
  app.set_help_flag("-h,--help", "Print this help");
  for (auto add : {add_info, add_data, add_new}) add(app);
  check_command(app, argc, argv);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() == 0) return app.exit(error);  // --help, --version
    throw ConfigError(error.what());
  }
  if (std::fflush(stdout) != 0 || std::ferror(stdout)) {
    throw UserError("cannot write the results to the standard output");
  }
  return 0;
}

}  // namespace
}  // namespace weft::cli

int main(int argc, char** argv) {
  using weft::cli::complain;
  try {
    return weft::cli::run(argc, argv);
  } catch (const weft::Stopped& stopped) {
    return 128 + stopped.signal;
  } catch (const weft::UserError& error) {
    return complain(error.what(), 2);
  } catch (const std::filesystem::filesystem_error& error) {
    return complain(error.what(), 2);
  } catch (const std::bad_alloc&) {
    return complain("out of memory: a smaller batch, size or width needs less", 2);
  } catch (const std::exception& error) {
    return complain(fmt::format("internal error: {}", error.what()), 1);
  }
}
