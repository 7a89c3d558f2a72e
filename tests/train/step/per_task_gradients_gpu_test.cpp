// Per-task gradients on a GPU, against one pass back for each task on the same GPU: whatever tasks
// share, in every precision; and their Gram, read back, against the gradients themselves. Needs a
// device: elsewhere it says that it skips.
#include <cmath>

#include "engine/device.h"
#include "models/balance/per_task_gradients.h"
#include "ops/pointwise.h"
#include "tests/support/catch.h"
#include "tests/support/device.h"
#include "tests/train/loop/parts_run.h"
#include "train/step/build.h"
#include "train/step/step.h"

using namespace weft;

namespace {

using Gradients = std::vector<std::vector<double>>;  // by parameter; empty: none

struct Network {
  explicit Network(const std::vector<std::string>& settings)
      : run(test::parts_run(settings)),
        device(run.device, 1, matrix_math(run.precision, run.device)),
        data(open_dataset(run)),
        model(make_model(device.context(), run)),
        batch(Loader(*data, {0, 1}, train_loader_options(run, *data, "train", 0)).next()),
        chosen(alternating_policy(run.tasks.size(), model->trunk().blocks())) {
    set_trainable(*model, Phase::retrain);
  }
  StepOutputs forward(Tape& tape) {
    model->store().clear_gradients();
    return compute_step(tape, *model, run,
                        {Phase::retrain, 4, 3, 1, 0, &chosen,
                         upload_images(tape, batch.images, *model, run), batch.targets});
  }
  Gradients of(const std::vector<Parameter*>& parameters) const {
    Gradients out;
    for (const Parameter* p : parameters)
      out.push_back(p->grad.defined() ? to_host(device.context(), p->grad).to_vector()
                                      : std::vector<double>{});
    return out;
  }

  RunFile run;
  Device device;
  std::unique_ptr<Dataset> data;
  std::unique_ptr<Model> model;
  Batch batch;
  BinaryPolicy chosen;
};

double dot(const Gradients& a, const Gradients& b) {
  double sum = 0;
  for (size_t p = 0; p < a.size(); ++p)
    for (size_t i = 0; i < std::min(a[p].size(), b[p].size()); ++i) sum += a[p][i] * b[p][i];
  return sum;
}

double distance(const Gradients& a, const Gradients& b) {
  return std::sqrt(std::max(dot(a, a) - 2 * dot(a, b) + dot(b, b), 0.0));
}

}  // namespace

TEST_CASE("cuda: per-task gradients and their Gram are those of separate passes",
          "[cuda][balance]") {
  WEFT_NEEDS_CUDA();
  for (const char* sharing : {"hard", "adashare", "cross_stitch", "mtan"})
    for (const char* precision : {"f32", "tf32", "bf16"})
      for (const bool keep : {true, false}) {
        INFO(sharing << " in " << precision << ", keep " << keep);
        Network network({"device=cuda", std::string("sharing=") + sharing,
                         std::string("precision=") + precision});
        const AnyContext cuda = network.device.context();
        const double bound = std::string(precision) == "bf16" ? 3e-2 : 1e-3;
        std::vector<Gradients> separate, joint;
        std::vector<Parameter*> shared;
        std::vector<double> gram;
        for (size_t k = 0; k < 2; ++k) {
          Tape tape(cuda);
          const StepOutputs out = network.forward(tape);
          auto g =
              per_task_gradients(out.losses, shared_parameters(out.predictions), {.keep = keep});
          gram = g.gram();
          shared = g.shared();
          g.combine({k == 0 ? 1.0 : 0.0, k == 1 ? 1.0 : 0.0});
          joint.push_back(network.of(shared));
          Tape again(cuda);
          again.backward(*network.forward(again).losses[k]);
          separate.push_back(network.of(shared));
        }
        REQUIRE_FALSE(shared.empty());
        for (size_t i = 0; i < 2; ++i) {
          const double size = std::sqrt(dot(separate[i], separate[i]));
          CHECK(size > 0);
          CHECK(distance(joint[i], separate[i]) <= bound * size);
          for (size_t j = 0; j < 2; ++j)
            CHECK(std::abs(gram[i * 2 + j] - dot(separate[i], separate[j])) <=
                  bound * size * std::sqrt(dot(separate[j], separate[j])));
        }
      }
}
