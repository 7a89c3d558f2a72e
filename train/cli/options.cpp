// The command line by CLI11: the only file that includes it.
#include <CLI/CLI.hpp>

#include "engine/error.h"
#include "engine/version.h"
#include "train/cli/command.h"
#include "train/run_file/toml/nearest.h"

namespace weft::cli {

template <class T>
Options& Options::add_value(const char* name, T& value, const char* help) {
  last_ = app_.add_option(name, value, help)->capture_default_str();
  return *this;
}

Options& Options::add(const char* name, std::string& value, const char* help) {
  return add_value(name, value, help);
}
Options& Options::add(const char* name, int& value, const char* help) {
  return add_value(name, value, help);
}
Options& Options::add(const char* name, int64_t& value, const char* help) {
  return add_value(name, value, help);
}
Options& Options::add(const char* name, uint64_t& value, const char* help) {
  return add_value(name, value, help);
}
Options& Options::add(const char* name, double& value, const char* help) {
  return add_value(name, value, help);
}
Options& Options::add(const char* name, bool& flag, const char* help) {
  last_ = app_.add_flag(name, flag, help);
  return *this;
}
Options& Options::add(const char* name, std::vector<std::string>& values, const char* help) {
  return add_value(name, values, help);
}

Options& Options::required() {
  last_->required();
  return *this;
}
Options& Options::within(double least, double most) {
  last_->check(CLI::Range(least, most));
  return *this;
}
Options& Options::one_of(const std::vector<std::string>& words) {
  last_->check(CLI::IsMember(words));
  return *this;
}

void run_command_line(int argc, char** argv) {
  CLI::App app("weft: networks that learn what their tasks should share", "weft");
  app.set_version_flag("--version", "weft " + version() + " (" + build_summary() + ")");
  app.set_help_flag("-h,--help", "Print this help");
  app.require_subcommand(1);
  const auto commands = all_commands();
  std::vector<std::string> names;
  for (const auto& command : commands) {
    CLI::App* sub = app.add_subcommand(command->name(), command->help());
    Options options(*sub);
    command->options(options);
    names.emplace_back(command->name());
  }
  if (argc > 1 && argv[1][0] != '-' &&
      std::find(names.begin(), names.end(), argv[1]) == names.end()) {
    throw ConfigError(
        fmt::format("unknown command '{}'; did you mean '{}'? (weft --help lists them)", argv[1],
                    nearest(argv[1], names)));
  }
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() != 0) throw ConfigError(error.what());
    app.exit(error);  // --help, --version
    return;
  }
  for (const auto& command : commands) {
    if (app.got_subcommand(command->name())) command->run();
  }
}

}  // namespace weft::cli
