// Slopes of a network by a column of its table, in one backward pass, against central differences
// of what the network says when the table's own numbers are moved: with transforms, in the task's
// units, for tasks that draw their own rows and with batch norm.
#include "train/step/slopes.h"

#include <cmath>

#include "data/sets/table_inputs.h"
#include "data/sets/tabular.h"
#include "io/files.h"
#include "tests/support/catch.h"
#include "tests/support/temp_folder.h"
#include "train/step/build.h"
#include "train/step/step.h"

using namespace weft;
using namespace weft::test;

namespace {

constexpr int rows = 7;

std::string table(double vgs_by, double vds_by) {
  std::string text = "type,vgs,vds,id,gm\n";
  for (int i = 0; i < 2 * rows; ++i)
    text += fmt::format("{},{:.12f},{:.12f},{}e-6,1e-6\n", i < rows ? "n" : "p",
                        0.3 + 0.11 * i + vgs_by, 0.2 + 0.07 * (i * 3 % 11) + vds_by, i + 1);
  return text;
}

RunFile run_of(const std::string& folder, const std::string& norm) {
  return parse_run_text(fmt::format(R"toml(
sharing = "hard"
precision = "f64"
[model]
trunk = "mlp"
hidden = 9
blocks = 2
activation = "softplus"
norm = "{}"
[data]
kind = "tabular"
root = "{}"
index = "t.csv"
task_column = "type"
columns = ["vgs", "vds"]
inputs = "per-task"
[[column]]
name = "vgs"
transform = "asinh"
scale = 0.4
by_task = true
[[column]]
name = "vds"
transform = "log10"
[[task]]
name = "n"
kind = "regression"
rows = "n"
column = "id"
target = "log10(id / vds)"
slopes = ["gm: vgs", "gm: vds"]
[[task]]
name = "p"
kind = "regression"
rows = "p"
column = "id"
target = "log10(id)"
slopes = ["gm: vds", "gm: vgs"]
input_scale = 3
[retrain]
steps = 1
)toml",
                                    norm, folder),
                        "slopes.toml");
}

/// Both tasks' inputs, stacked.
Tensor inputs_of(const Dataset& data) {
  std::vector<double> values;
  for (int64_t i = 0; i < data.size(); ++i)
    for (float v : data.load(i).image.pixels) values.push_back(v);
  return Tensor::from({2 * rows, 1, 1, 2}, values, DType::f64);
}

}  // namespace

TEST_CASE("slopes by a column are those of the table moved by a little", "[train][slopes]") {
  for (const char* norm : {"none", "batch"}) {
    INFO(norm);
    const TempFolder folder;
    CpuContext cpu(1);
    const auto open = [&](double vgs_by, double vds_by, const LearnedFromData* learned) {
      write_file(folder.file("t.csv"), table(vgs_by, vds_by));
      RunFile run = run_of(folder.path(), norm);
      return open_dataset(run, learned);
    };
    const auto data = open(0, 0, nullptr);
    const LearnedFromData learned = data->learned();
    RunFile run = run_of(folder.path(), norm);
    const auto opened = open_dataset(run);
    const auto model = make_model(&cpu, run);
    set_trainable(*model, Phase::infer);
    const auto outputs = [&](Tape& tape, const Var& inputs) {
      Pass pass{tape, false, Noise{}};
      return model->forward(pass, inputs, nullptr);
    };
    const auto values = [&](double vgs_by, double vds_by, size_t k) {
      Tape tape(&cpu, Tape::Mode::no_grad);
      const auto moved = open(vgs_by, vds_by, &learned);
      return outputs(tape, tape.constant(inputs_of(*moved)))[k].value().to_vector();
    };
    Tape tape(&cpu);
    const Var inputs = tape.leaf(inputs_of(*data));
    const auto out = outputs(tape, inputs);
    for (size_t k = 0; k < 2; ++k) {
      const auto found =
          slopes_of(out[k], inputs, static_cast<int64_t>(k) * rows, run.tasks[k], learned.columns)
              .to_vector();
      REQUIRE(found.size() == 2 * rows);
      // Inputs are floats, so the step is large and the bound that of its square.
      const double h = 3e-3;
      for (size_t s = 0; s < 2; ++s) {
        const bool by_vgs = (k == 0) == (s == 0);
        const auto high = values(by_vgs ? h : 0, by_vgs ? 0 : h, k),
                   low = values(by_vgs ? -h : 0, by_vgs ? 0 : -h, k);
        for (size_t n = 0; n < rows; ++n) {
          CHECK(found[2 * n + s] ==
                Catch::Approx((high[n] - low[n]) / (2 * h)).epsilon(5e-3).margin(1e-4));
        }
      }
    }
  }
}
