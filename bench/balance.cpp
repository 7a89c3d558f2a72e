// What per-task gradients cost: a training step whose gradients are weighed by their Gram matrix
// beside a plain one, in turn in one run, with the gradients kept or their Grams alone. AdaShare
// re-trains under a policy whose streams part after the first stage; other ways run every block. For
// one trunk that all tasks share, the bound is of the plain step's parts as measured in the same run,
//   (F + heads + K trunk + update) / (F + heads + trunk + update):
// nothing but the trunk's backward pass is done K times. keep=false goes back through it once more.
#include <algorithm>
#include <ctime>
#include <functional>

#include "bench/setting.h"
#include "engine/device.h"
#include "models/balance/per_task_gradients.h"
#include "models/execute.h"
#include "train/step/build.h"
#include "train/step/step.h"

namespace weft::bench {
namespace {

/// Behind the first stage a task skips blocks as its number says in binary, until all have parted.
BinaryPolicy parting(size_t tasks, const Trunk& trunk) {
  const int first = trunk.stages().front().end;
  BinaryPolicy policy;
  for (size_t k = 0; k < tasks; ++k) {
    auto& row = policy.select.emplace_back(static_cast<size_t>(trunk.blocks()), 1);
    for (int bit = 0; (tasks - 1) >> bit != 0; ++bit)
      row.at(static_cast<size_t>(first + bit)) = (k >> bit & 1) == 0;
  }
  return policy;
}

struct Timed {
  const char* name;
  std::function<void()> work;
  std::vector<double> ms = {};
  int64_t peak = 0;  ///< bytes
  double least() const { return *std::min_element(ms.begin(), ms.end()); }
  double median() {
    std::sort(ms.begin(), ms.end());
    return ms[ms.size() / 2];
  }
};

}  // namespace

void balance(const Arguments& arguments) {
  Setting s(arguments);
  s.sharing = arguments.text("sharing", "hard");
  const RunFile run = run_file(s);
  const size_t tasks = run.tasks.size();
  const Device device(run.device, s.threads, matrix_math(run.precision));
  const AnyContext context = device.context();
  const auto model = make_model(context, run);
  const BinaryPolicy chosen = parting(tasks, model->trunk());
  const Tensor images =
      upload(Tape(context), random_images(s.batch, s.crop), model->store().dtype());
  std::vector<Tensor> targets;
  for (const TaskSpec& task : run.tasks) targets.push_back(random_target(task, s.batch, s.crop));
  const auto optimizer = make_optimizer(context, *model, run, Phase::warmup);
  set_trainable(*model, Phase::retrain);

  uint32_t step = 0;
  const auto forward = [&](Tape& tape) {
    model->store().clear_gradients();
    const Var x = upload_images(tape, images, *model, run);
    return compute_step(tape, *model, run, {Phase::retrain, 1, step++, 1, 0, &chosen, x, targets});
  };
  const auto balanced = [&](bool keep) {
    Tape tape(context);
    auto g = per_task_gradients(forward(tape).losses, std::nullopt, {.keep = keep});
    const std::vector<double> gram = g.gram();
    g.combine(std::vector<double>(g.tasks().size(), gram[0] > 0 ? 1.0 : 0.0));
    optimizer->step(1);
  };
  TapeMark heads;  // behind the trunk's nodes, which come first where one trunk is shared
  if (s.sharing == "hard") {
    Tape tape(context);
    Pass pass{tape, true, Noise{}};
    run_trunk(pass, model->trunk(), model->shared_plan(nullptr, true), {},
              upload_images(tape, images, *model, run));
    heads = tape.mark();
  }
  std::vector<Timed> timed;
  timed.push_back({"plain", [&] {
                     Tape tape(context);
                     tape.backward(*forward(tape).total);
                     optimizer->step(1);
                   }});
  timed.push_back({"gram, kept", [&] { balanced(true); }});
  timed.push_back({"gram, keep=false", [&] { balanced(false); }});
  timed.push_back({"F", [&] {
                     Tape tape(context);
                     forward(tape);
                   }});
  if (s.sharing == "hard")
    timed.push_back({"F + heads", [&] {
                       Tape tape(context);
                       tape.backward(*forward(tape).total, {.stop_at = heads});
                     }});
  timed.push_back({"F + heads + trunk", [&] {
                     Tape tape(context);
                     tape.backward(*forward(tape).total);
                   }});
  for (int64_t i = 0; i <= s.reps; ++i)
    for (Timed& t : timed) {
      memory_of(context).reset_peak();
      const std::clock_t before = std::clock();
      double ms = milliseconds(context, [&] {
        t.work();
        synchronize(context);
      });
      // On a CPU it is the process's own time: what else the machine does is in no ratio.
      if (!is_asynchronous(context))
        ms = 1e3 * static_cast<double>(std::clock() - before) / CLOCKS_PER_SEC;
      if (i > 0) t.ms.push_back(ms);  // the first is for warming up
      t.peak = static_cast<int64_t>(memory_of(context).counters().peak_bytes);
    }

  fmt::print("# weft {} {} {} x{} {} tasks={} batch={} crop={}\n", device.describe(), s.precision,
             s.trunk, s.width, s.sharing, s.tasks, s.batch, s.crop);
  fmt::print("{:<18} {:>10} {:>10} {:>9} {:>10}\n", "", "median_ms", "least_ms", "of plain",
             "peak_MiB");
  const double plain = timed[0].median();
  for (Timed& t : timed)
    fmt::print("{:<18} {:>10.2f} {:>10.2f} {:>9.3f} {:>10.1f}\n", t.name, t.median(), t.least(),
               t.median() / plain, static_cast<double>(t.peak) / 1048576.0);
  if (s.sharing == "hard") {
    const double trunk = timed[5].median() - timed[4].median();
    fmt::print("{:<18} {:>31.3f}\n", "bound",
               (plain + static_cast<double>(tasks - 1) * trunk) / plain);
  }
}

}  // namespace weft::bench
