// weft's command line. The single catch: a UserError (and what the surroundings refuse) ends with
// 2, any other error with 1, a stopped run with 128 + signal; each with one line on stderr.
#include <fmt/format.h>

#include <cstdio>
#include <exception>
#include <filesystem>
#include <memory>
#include <new>
#include <string>
#include <vector>

#include "engine/error.h"
#include "train/cli/command.h"
#include "train/stop.h"

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

int run(int argc, char** argv) {
  run_command_line(argc, argv);
  if (std::fflush(stdout) != 0 || std::ferror(stdout)) {
    throw UserError("cannot write the results to the standard output");
  }
  return 0;
}

}  // namespace

std::vector<std::unique_ptr<Command>> all_commands() {
  std::vector<std::unique_ptr<Command>> commands;
  for (auto make :
       {demo_command, train_command, eval_command, predict_command, table_command, study_command,
        plan_command, compare_command, dump_command, new_command, data_command, info_command})
    commands.push_back(make());
  return commands;
}

}  // namespace weft::cli

int main(int argc, char** argv) {
  using weft::cli::complain;
  try {
    return weft::cli::run(argc, argv);
  } catch (const weft::Stopped& stopped) {
    return 128 + stopped.signal;
  } catch (const weft::UserError& error) {
    return complain(error.what(), 2);
  } catch (const weft::CheckFailed& failed) {
    return complain(failed.what(), 1);
  } catch (const std::filesystem::filesystem_error& error) {
    return complain(error.what(), 2);
  } catch (const std::bad_alloc&) {
    return complain("out of memory: a smaller batch, size or width needs less", 2);
  } catch (const std::exception& error) {
    return complain(fmt::format("internal error: {}", error.what()), 1);
  }
}
