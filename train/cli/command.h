// The commands of build/weft, one file each: a Command declares its options and runs. It prints
// results on stdout, progress and errors on stderr, and throws its errors for main() to catch.
// Options is a small door to CLI11, which only options.cpp includes (it is slow to compile).
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace CLI {
class App;
class Option;
}  // namespace CLI

namespace weft::cli {

class Options {
 public:
  explicit Options(CLI::App& app) : app_(app) {}

  /// "--name" is an option, "name" a positional argument; the value's present content is the
  /// default that --help shows.
  Options& add(const char* name, std::string& value, const char* help);
  Options& add(const char* name, int& value, const char* help);
  Options& add(const char* name, int64_t& value, const char* help);
  Options& add(const char* name, uint64_t& value, const char* help);
  Options& add(const char* name, double& value, const char* help);
  Options& add(const char* name, bool& flag, const char* help);
  /// One or more values.
  Options& add(const char* name, std::vector<std::string>& values, const char* help);

  // What the option added last must be.
  Options& required();
  Options& within(double least, double most);
  Options& one_of(const std::vector<std::string>& words);
  /// Says, in --help and to completion, that each value is a setting KEY=VALUE of a run file.
  Options& settings();
  /// The same of a group of keys, and of a command.
  Options& group();
  Options& command();
  /// Sets `is` where the command line says it, be it what the default says.
  Options& given(bool& is);

 private:
  template <class T>
  Options& add_value(const char* name, T& value, const char* help);

  CLI::App& app_;
  CLI::Option* last_ = nullptr;
};

class Command {
 public:
  virtual ~Command() = default;
  virtual const char* name() const = 0;
  virtual const char* help() const = 0;
  virtual void options(Options& options) = 0;
  virtual void run() = 0;
};

std::unique_ptr<Command> compare_command();
std::unique_ptr<Command> completion_command();
std::unique_ptr<Command> data_command();
std::unique_ptr<Command> demo_command();
std::unique_ptr<Command> doctor_command();
std::unique_ptr<Command> dump_command();
std::unique_ptr<Command> lr_command();
std::unique_ptr<Command> eval_command();
std::unique_ptr<Command> export_command();
std::unique_ptr<Command> help_command();
std::unique_ptr<Command> keys_command();
std::unique_ptr<Command> man_command();
std::unique_ptr<Command> new_command();
std::unique_ptr<Command> plan_command();
std::unique_ptr<Command> predict_command();
std::unique_ptr<Command> report_command();
std::unique_ptr<Command> study_command();
std::unique_ptr<Command> table_command();
std::unique_ptr<Command> train_command();

/// All of them, in the order of --help (main.cpp).
std::vector<std::unique_ptr<Command>> all_commands();

/// Parses the command line and runs the command it names (options.cpp).
void run_command_line(int argc, char** argv);

}  // namespace weft::cli
