// weft_bench WHAT [--name value ...]: steps (whole training steps), conv (layer by layer), balance
// (per-task gradients), growth (time and memory against tasks, batch, crop and depth), blockdrop
// (inference where each image executes some blocks). Under mpirun `steps` are those of several ranks.
#include <fmt/format.h>

#include <cstdio>

#include <memory>

#include "bench/bench.h"
#include "engine/cpu/wait_policy.h"
#include "engine/ranks.h"
#include "train/ranks/job.h"

namespace {

/// One of the ranks that mpirun started, of which the first prints.
void steps_of_ranks(const weft::bench::Arguments& arguments) {
  weft::take_card();
  const std::unique_ptr<weft::Ranks> ranks = weft::join_job(60);
  const weft::RanksHere here(*ranks);
  if (!ranks->first() && std::freopen("/dev/null", "w", stdout) == nullptr) std::perror("stdout");
  weft::bench::steps(arguments);
  weft::leave_job();
}

}  // namespace

int main(int argc, char** argv) {
  weft::let_waiting_threads_sleep(argv);
  const std::string what = argc > 1 ? argv[1] : "";
  try {
    const weft::bench::Arguments arguments(argc - 2, argv + 2);
    if (what == "steps" && weft::started_rank() >= 0) return steps_of_ranks(arguments), 0;
    if (what == "steps") return weft::bench::steps(arguments), 0;
    if (what == "conv") return weft::bench::conv(arguments), 0;
    if (what == "balance") return weft::bench::balance(arguments), 0;
    if (what == "growth") return weft::bench::growth(arguments), 0;
    if (what == "blockdrop") return weft::bench::blockdrop(arguments), 0;
  } catch (const std::exception& e) {
    fmt::print(stderr, "weft bench: {}\n", e.what());
    weft::end_job(2);
    return 2;
  }
  fmt::print(
      stderr,
      "weft bench: say what: steps [--batch 2 --crop 97 --reps 5 --threads 2 "
      "--trunk resnet18 --width 1 --tasks 40,3 --device cpu --precision f32 "
      "--phases warmup,infer --row 1 --graphs 0; or --run RUN.toml for its network and batch; "
      "under mpirun --bn_sync 1 and --batch of a rank], "
      "conv [--batch 2 --crop 97 --reps 10 --threads 2 --device cpu --precision f32], "
      "balance [as steps, and --sharing hard --head_width 1024 --losses uw --method upgrad], "
      "growth [as steps, and --quick --rounds 1 --svg growth.svg --python python3 --peer "
      "none], "
      "blockdrop [as steps, and --executed 0.5]\n");
  return 2;
}
