// Slopes in the loss: the term against its formula with the slopes that evaluation reports, the whole
// step's gradients against central differences, under each way that can; what cannot is refused.
#include "train/step/slope_loss.h"

#include <cmath>

#include "io/files.h"
#include "tests/support/catch.h"
#include "tests/support/temp_folder.h"
#include "train/step/build.h"
#include "train/step/slopes.h"

using namespace weft;
using namespace weft::test;

namespace {

constexpr int rows = 7;

void write_table(const TempFolder& folder) {
  std::string text = "type,vgs,vds,id,gm,gds\n";
  for (int i = 0; i < 2 * rows; ++i)
    text += fmt::format("{},{},{},{}e-6,{},{}e-6\n", i < rows ? "n" : "p", 0.3 + 0.11 * i,
                        0.2 + 0.07 * (i * 3 % 11), i + 1,
                        i % 4 == 3 ? "" : fmt::format("{}e-6", i + 2), 0.4 * i + 0.5);
  write_file(folder.file("t.csv"), text);
}

RunFile run_of(const TempFolder& folder, const std::string& sharing,
               const std::string& activation = "tanh", const std::string& norm = "none") {
  return parse_run_text(fmt::format(R"toml(
sharing = "{}"
precision = "f64"
[model]
trunk = "mlp"
hidden = 5
blocks = 2
activation = "{}"
norm = "{}"
[data]
kind = "tabular"
root = "{}"
index = "t.csv"
{}
columns = ["vgs", "vds"]
[[column]]
name = "vgs"
transform = "asinh"
scale = 0.4
[[task]]
name = "n"
kind = "regression"
{}
column = "id"
target = "log10(id / vds)"
slopes = ["gm: vgs, weight 0.3", "gds: vds, weight 0.2"]
[[task]]
name = "p"
kind = "regression"
{}
column = "id"
target = "log10(id)"
slopes = ["gm: vgs, weight 0.7", "gds: vds"]
[warmup]
steps = 1
[policy]
steps = 1
[retrain]
steps = 1
)toml",
                                    sharing, activation, norm, folder.path(),
                                    fmt::format("task_column = \"type\"\ninputs = \"{}\"",
                                                sharing == "cross_stitch" ? "shared" : "per-task"),
                                    "rows = \"n\"", "rows = \"p\""),
                        "slopes.toml");
}

struct Step {
  explicit Step(RunFile given) : run(std::move(given)), data(open_dataset(run)) {
    model = make_model(&cpu, run);
    std::vector<double> values;
    std::vector<std::vector<double>> labels(2);
    for (int64_t i = 0; i < 2 * rows; ++i) {
      const Sample sample = data->load(i);
      values.insert(values.end(), sample.image.pixels.begin(), sample.image.pixels.end());
      for (size_t k = 0; k < 2; ++k) {
        if (model->separate_inputs() && i / rows != static_cast<int64_t>(k)) continue;
        std::vector<float> label = sample.labels[k].pixels;
        label.resize(static_cast<size_t>(run.tasks[k].label_channels()), NAN);  // of another task
        labels[k].insert(labels[k].end(), label.begin(), label.end());
      }
    }
    for (size_t k = 0; k < 2; ++k) {
      const int64_t channels = run.tasks[k].label_channels();
      const auto count = static_cast<int64_t>(labels[k].size()) / channels;
      targets.push_back(Tensor::from({count, 1, 1, channels}, labels[k], DType::f32));
    }
    images = Tensor::from({2 * rows, 1, 1, 2}, values, DType::f64);
  }
  StepOutputs compute(Tape& tape, Phase phase) {
    set_trainable(*model, phase);
    StepInputs in;
    in.phase = phase;
    in.seed = 3;
    if (model->policy() != nullptr) in.chosen = &chosen;
    in.images = tape.constant(images);
    in.targets = targets;
    return compute_step(tape, *model, run, in);
  }

  CpuContext cpu{1};
  RunFile run;
  std::unique_ptr<Dataset> data;
  std::unique_ptr<Model> model;
  std::vector<Tensor> targets;
  Tensor images;
  BinaryPolicy chosen{.select = {{1, 0}, {1, 1}}};
};

}  // namespace

TEST_CASE("learned slopes add Huber's loss of their relative errors", "[train][slopes]") {
  const TempFolder folder;
  write_table(folder);
  Step step(run_of(folder, "hard"));
  Tape tape(&step.cpu);
  const StepOutputs with = step.compute(tape, Phase::retrain);
  Tape plain(&step.cpu, Tape::Mode::no_grad);
  const StepOutputs without = step.compute(plain, Phase::infer);
  // By evaluation's way to slopes: a backward pass to the inputs.
  Tape other(&step.cpu);
  const Var inputs = other.leaf(step.images);
  set_trainable(*step.model, Phase::infer);
  Pass pass{other, false, Noise{}};
  const auto outputs = step.model->forward(pass, inputs, nullptr);
  const std::vector<std::vector<double>> weights{{0.3, 0.2}, {0.7, 0}};
  for (size_t k = 0; k < 2; ++k) {
    const auto slopes = slopes_of(outputs[k], inputs, static_cast<int64_t>(k) * rows,
                                  step.run.tasks[k], step.data->learned().columns)
                            .to_vector();
    double expected = without.losses[k]->value().item();
    for (size_t s = 0; s < 2; ++s) {
      double sum = 0, count = 0;
      for (int n = 0; n < rows; ++n) {
        const int i = static_cast<int>(k) * rows + n;
        if (s == 0 && i % 4 == 3) continue;  // gm is empty there
        const double vds = 0.2 + 0.07 * (i * 3 % 11), id = (i + 1) * 1e-6;
        const double measured = (s == 0 ? (i + 2) * 1e-6 : (0.4 * i + 0.5) * 1e-6) / id;
        const double power = k == 0 && s == 1 ? -1 / vds : 0;
        const double e =
            (std::log(10.0) * slopes[2 * static_cast<size_t>(n) + s] - power) / measured - 1;
        sum += std::abs(e) <= 1 ? e * e / 2 : std::abs(e) - 0.5;
        count += 1;
      }
      expected += weights[k][s] * sum / count;
    }
    CHECK(with.losses[k]->value().item() == Catch::Approx(expected).epsilon(1e-5));
  }
}

TEST_CASE("a step that learns slopes has the gradients of central differences", "[train][slopes]") {
  for (const char* sharing : {"hard", "single", "soft", "adashare", "cross_stitch"}) {
    INFO(sharing);
    const TempFolder folder;
    write_table(folder);
    Step step(run_of(folder, sharing));
    const auto loss = [&] {
      Tape tape(&step.cpu);
      return step.compute(tape, Phase::retrain).total->value().item();
    };
    step.model->store().clear_gradients();
    Tape tape(&step.cpu);
    tape.backward(*step.compute(tape, Phase::retrain).total);
    int checked = 0;
    for (Parameter& p : step.model->store().parameters()) {
      if (!p.grad.defined()) continue;
      INFO(p.name);
      double* value = p.value.data<double>();
      const double kept = value[0], h = 1e-6, found = p.grad.data<double>()[0];
      value[0] = kept + h;
      const double high = loss();
      value[0] = kept - h;
      const double low = loss();
      value[0] = kept;
      CHECK(found == Catch::Approx((high - low) / (2 * h)).epsilon(1e-4).margin(1e-6));
      ++checked;
    }
    CHECK(checked >= 8);
  }
}

TEST_CASE("slopes are learned where they can be, and refused by name elsewhere",
          "[train][slopes]") {
  const TempFolder folder;
  write_table(folder);
  const auto message = [&](const std::string& activation, const std::string& norm) {
    Step step(run_of(folder, "hard", activation, norm));
    Tape tape(&step.cpu);
    return message_of<ConfigError>([&] { step.compute(tape, Phase::retrain); });
  };
  CHECK_THAT(message("relu", "none"), contains_text("relu: no tangent of this op is known"));
  CHECK_THAT(message("gelu", "none"), contains_text("gelu: no tangent of this op is known"));
  CHECK_THAT(message("tanh", "batch"), contains_text("batch_norm: no tangent of this op is known"));
  // Evaluation is without the term, so that runs with and without it are judged alike.
  Step learned(run_of(folder, "hard"));
  RunFile plain = run_of(folder, "hard");
  plain.tasks[0].slopes = plain.tasks[1].slopes = {"gm: vgs", "gds: vds"};
  Step reported(std::move(plain));
  Tape a(&learned.cpu), b(&reported.cpu);
  for (size_t k = 0; k < 2; ++k)
    CHECK(learned.compute(a, Phase::infer).losses[k]->value().item() ==
          reported.compute(b, Phase::infer).losses[k]->value().item());
}
