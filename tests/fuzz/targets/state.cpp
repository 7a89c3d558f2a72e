// The trainer's state in a checkpoint: what is read is written the same, and is checked against a
// run that searches, keeps its best logits and re-trains.
#include "tests/fuzz/targets/target.h"
#include "train/run_folder/checkpoint.h"
#include "train/step/build.h"

using namespace weft;

namespace {

struct Run {
  RunFile file = parse_run_text(R"(
[model]
trunk = "mlp"
hidden = 4
blocks = 2
head = "linear"
[data]
kind = "tabular"
root = "."
batch = 2
[[task]]
name = "a"
kind = "binary"
[[task]]
name = "b"
kind = "regression"
[warmup]
steps = 4
[policy]
steps = 9
from = "best"
[retrain]
steps = 8
)",
                                "run");
  CpuContext cpu;
  std::unique_ptr<Model> model = make_model(&cpu, file);
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static Run run;
  fuzz::reads([&] {
    const TrainState state = state_from_json(std::string(fuzz::text_of(data, size)), "x");
    fuzz::require(state_from_json(to_json(state), "again") == state, "written as it is read");
    check_state(state, run.file, *run.model, "x");
    fuzz::require(state.step <= stage_steps(run.file, state.stage), "a step of its stage");
  });
  return 0;
}
