// Multi-task training in a loop of your own, without the trainer: one trunk, two tasks on rendered
// rooms, SGD with momentum. The library does the tape, the model and the data; the loop is yours.
#include <cstdio>

#include "data/loader.h"
#include "data/scenes/scenes_dataset.h"
#include "data/split.h"
#include "models/sharing/sharing.h"
#include "ops/pointwise.h"
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
    const auto seg =
        task_loss(tasks[0], Semantics::sound, predictions[0], batch.targets[0], {model->grid(0)});
    const auto depth =
        task_loss(tasks[1], Semantics::sound, predictions[1], batch.targets[1], {model->grid(1)});
    tape.backward(*seg + *depth);
    optimizer.step();
    model->store().clear_gradients();
    std::printf("step %2u  seg %.3f  depth %.3f\n", step, seg->value().item(),
                depth->value().item());
  }
}
