// Balancing two tasks in a loop of your own: per-task gradients, a weight for each from their Gram
// matrix, and a step along the weighted sum; here the shortest vector between the two, which makes
// both losses fall or is 0 (MGDA; Sener & Koltun, NeurIPS 2018, arXiv 1810.04650).
#include <algorithm>
#include <cstdio>

#include "data/loader.h"
#include "data/scenes/scenes_dataset.h"
#include "data/split.h"
#include "models/balance/per_task_gradients.h"
#include "models/sharing/sharing.h"
#include "train/metrics/losses.h"
#include "train/step/optimizer.h"

int main() {
  using namespace weft;
  CpuContext cpu;

  std::vector<TaskSpec> tasks(2);
  tasks[0].name = "seg";
  tasks[0].kind = TaskKind::segmentation;
  tasks[0].classes = scene_classes;
  tasks[1].name = "depth";
  tasks[1].kind = TaskKind::depth;
  const ScenesDataset scenes(tasks, /*seed=*/1, 48, 64, /*train=*/64, /*val=*/8, /*test=*/8);
  LoaderOptions loading;
  loading.batch = 4;
  loading.tasks = tasks;
  Loader loader(scenes, make_parts(scenes).train, loading);

  ModelOptions options;
  options.sharing = Sharing::hard;
  options.trunk.width = 0.1;
  options.head.width = 16;
  for (const TaskSpec& task : tasks) options.tasks.push_back({task.name, task.channels()});
  const auto model = make_model(&cpu, DType::f32, options);
  ParameterGroup all{{}, /*lr=*/0.05};
  for (Parameter& p : model->store().parameters()) all.parameters.push_back(&p);
  Optimizer optimizer(&cpu, {all}, {.algorithm = Algorithm::sgd});

  for (uint32_t step = 0; step < 20; ++step) {
    const Batch batch = loader.next();
    Tape tape(&cpu);
    Pass pass{tape, /*training=*/true, Noise{/*seed=*/1, step}};
    const auto predictions = model->forward(pass, tape.constant(batch.images), nullptr);
    std::vector<std::optional<Var>> losses;  // nullopt where a batch has no label of a task
    for (size_t k = 0; k < 2; ++k)
      losses.push_back(task_loss(tasks[k], Semantics::sound, predictions[k], batch.targets[k],
                                 {model->grid(k)}));

    auto g = per_task_gradients(losses);
    const std::vector<double> gram = g.gram();  // <g_i, g_j> over what both tasks reach
    const double apart = gram[0] - 2 * gram[1] + gram[3];
    const double a = apart > 0 ? std::clamp((gram[3] - gram[1]) / apart, 0.0, 1.0) : 0.5;
    g.combine({a, 1 - a});
    optimizer.step();
    model->store().clear_gradients();
    std::printf("step %2u  seg %.3f  depth %.3f  weights %.2f %.2f\n", step,
                losses[0]->value().item(), losses[1]->value().item(), a, 1 - a);
  }
}
