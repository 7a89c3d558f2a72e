// weft's command line. The single catch: a UserError (and what the surroundings refuse) ends with
// 2, any other error with 1, a stopped run with 128 + signal; each with one line on stderr.
#include <cstdio>
#include <exception>
#include <memory>
#include <new>
#include <system_error>
#include <vector>

#include "engine/cpu/wait_policy.h"
#include "engine/error.h"
#include "train/cli/command.h"
#include "train/cli/process.h"
#include "train/step/stop.h"

namespace weft::cli {
namespace {

/// The error that is being handled, on stderr; returns the exit code. It allocates nothing.
int explain() noexcept {
  try {
    throw;
  } catch (const Stopped& stopped) {
    return 128 + stopped.signal;
  } catch (const UserError& error) {
    return complain("", error.what()), 2;
  } catch (const CheckFailed& failed) {
    return complain("", failed.what()), 1;
  } catch (const std::system_error& error) {  // a file system, a stream, no thread to be had
    return complain("", error.what()), 2;
  } catch (const std::bad_alloc&) {
    return complain("", "out of memory: a smaller batch, size or width needs less"), 2;
  } catch (const std::exception& error) {
    return complain("internal error: ", error.what()), 1;
  } catch (...) {
    return complain("internal error: ", "an exception of an unknown type"), 1;
  }
}

void run(int argc, char** argv) {
  run_command_line(argc, argv);
  if (std::fflush(stdout) != 0 || std::ferror(stdout))
    throw UserError("cannot write the results to the standard output");
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
  weft::let_waiting_threads_sleep(argv);
  weft::cli::prepare_process();
  int code = 0;
  try {
    weft::cli::run(argc, argv);
  } catch (...) {
    code = weft::cli::explain();
  }
  weft::cli::end_process();
  return code;
}
