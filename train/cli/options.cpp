// The command line by CLI11: the only file that includes it.
#include <CLI/CLI.hpp>

#include "engine/error.h"
#include "engine/version.h"
#include "train/cli/command.h"
#include "train/cli/program.h"
#include "train/ranks/job.h"
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
  last_ = app_.add_option(name, values, help);  // of none there is no default to show
  return *this;
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

Options& Options::settings() {
  last_->type_name("KEY=VALUE");
  return *this;
}
Options& Options::group() {
  last_->type_name("GROUP");
  return *this;
}
Options& Options::given(bool& is) {
  last_->each([&is](const std::string&) { is = true; });
  return *this;
}
Options& Options::command() {
  last_->type_name("COMMAND");
  return *this;
}

namespace {

/// The commands with CLI11's account of them.
struct CommandLine {
  CLI::App app{"weft: networks that learn what their tasks should share", "weft"};
  std::vector<std::unique_ptr<Command>> commands = all_commands();

  CommandLine() {
    app.set_version_flag("--version", "weft " + version() + " (" + build_summary() + ")",
                         "Print version and build");
    app.set_help_flag("-h,--help", "Print this help");
    app.require_subcommand(1);
    for (const auto& command : commands) {
      Options options(*app.add_subcommand(command->name(), command->help()));
      command->options(options);
    }
  }
};

/// What CLI11 writes behind an option's name: "TEXT", "TEXT:{a,b}", "INT:INT in [1 - 9]".
ProgramOption described(const CLI::Option& option) {
  const std::string type = option.get_type_name();
  const size_t colon = type.find(':'), brace = type.find('{');
  ProgramOption out;
  out.positional = option.get_positional();
  out.name = option.get_name(out.positional, true);
  out.help = option.get_description();
  if (option.get_items_expected_max() > 0) out.value = type.substr(0, colon);
  out.standard = option.get_default_str();
  if (brace != std::string::npos && type.back() == '}')
    out.words = CLI::detail::split(type.substr(brace + 1, type.size() - brace - 2), ',');
  out.required = option.get_required();
  out.many = option.get_items_expected_max() > 1;
  return out;
}

std::vector<ProgramOption> described(const CLI::App& app) {
  std::vector<ProgramOption> options;
  for (const CLI::Option* option : app.get_options()) options.push_back(described(*option));
  return options;
}

}  // namespace

Program program() {
  const CommandLine line;
  Program out{line.app.get_description(), described(line.app), {}};
  for (const auto& command : line.commands) {
    const CLI::App& sub = *line.app.get_subcommand(command->name());
    out.commands.push_back({command->name(), command->help(), described(sub)});
  }
  return out;
}

void run_command_line(int argc, char** argv) {
  CommandLine line;
  std::vector<std::string> names;
  for (const auto& command : line.commands) names.emplace_back(command->name());
  if (argc > 1 && argv[1][0] != '-' &&
      std::find(names.begin(), names.end(), argv[1]) == names.end()) {
    throw ConfigError(
        fmt::format("unknown command '{}'; did you mean '{}'? (weft --help lists them)", argv[1],
                    nearest(argv[1], names)));
  }
  try {
    line.app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() != 0) throw ConfigError(error.what());
    line.app.exit(error);  // --help, --version
    return;
  }
  for (const auto& command : line.commands) {
    if (!line.app.got_subcommand(command->name())) continue;
    const std::string name = command->name();
    if (started_rank() >= 0 && name != "train" && name != "study")
      throw ConfigError(
          fmt::format("{} is for one process: start it without mpirun or srun", name));
    command->run();
  }
}

}  // namespace weft::cli
