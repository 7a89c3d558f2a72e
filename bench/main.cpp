// weft_bench WHAT [--name value ...]: steps (whole training steps), conv (layer by layer), balance
// (per-task gradients), growth (time and memory against tasks, batch, crop and depth), blockdrop
// (inference where each image executes some blocks).
#include <fmt/format.h>

#include <cstdio>

#include "bench/bench.h"
#include "engine/cpu/wait_policy.h"

int main(int argc, char** argv) {
  weft::let_waiting_threads_sleep(argv);
  const std::string what = argc > 1 ? argv[1] : "";
  try {
    const weft::bench::Arguments arguments(argc - 2, argv + 2);
    if (what == "steps") return weft::bench::steps(arguments), 0;
    if (what == "conv") return weft::bench::conv(arguments), 0;
    if (what == "balance") return weft::bench::balance(arguments), 0;
    if (what == "growth") return weft::bench::growth(arguments), 0;
    if (what == "blockdrop") return weft::bench::blockdrop(arguments), 0;
  } catch (const std::exception& e) {
    fmt::print(stderr, "weft bench: {}\n", e.what());
    return 2;
  }
  fmt::print(
      stderr,
      "weft bench: say what: steps [--batch 2 --crop 97 --reps 5 --threads 2 "
      "--trunk resnet18 --width 1 --tasks 40,3 --device cpu --precision f32 "
      "--phases warmup,infer --row 1 --graphs 0], "
      "conv [--batch 2 --crop 97 --reps 10 --threads 2 --device cpu --precision f32], "
      "balance [as steps, and --sharing hard --head_width 1024 --losses uw --method upgrad], "
      "growth [as steps, and --quick --rounds 1 --svg growth.svg --python python3 --peer "
      "none], "
      "blockdrop [as steps, and --executed 0.5]\n");
  return 2;
}
