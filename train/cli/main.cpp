// weft's command line, with the single catch (train/cli/failure.h).
#include <cstdio>
#include <memory>
#include <vector>

#include "engine/cpu/wait_policy.h"
#include "engine/error.h"
#include "train/cli/command.h"
#include "train/cli/failure.h"
#include "train/cli/process.h"
#include "train/cli/rank_job.h"
#include "train/ranks/job.h"

namespace weft::cli {
namespace {

void run(int argc, char** argv) {
  run_command_line(argc, argv);
  if (std::fflush(stdout) != 0 || std::ferror(stdout))
    throw UserError("cannot write the results to the standard output");
}

}  // namespace

std::vector<std::unique_ptr<Command>> all_commands() {
  std::vector<std::unique_ptr<Command>> commands;
  for (auto make : {demo_command, train_command, eval_command, predict_command, export_command,
                    table_command, report_command, study_command, plan_command, compare_command,
                    dump_command, lr_command, new_command, data_command, keys_command,
                    doctor_command, help_command, completion_command, man_command})
    commands.push_back(make());
  return commands;
}

}  // namespace weft::cli

int main(int argc, char** argv) {
  weft::let_waiting_threads_sleep(argv);
  weft::cli::prepare_process();
  weft::cli::explain_terminate();
  int code = 0;
  try {
    weft::cli::run(argc, argv);
    weft::leave_job();
  } catch (...) {
    code = weft::cli::end_ranks();
  }
  weft::cli::end_process();
  return code;
}
