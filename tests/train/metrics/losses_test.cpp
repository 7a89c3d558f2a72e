// task_loss against the goldens, its gradient against central differences, the
// loss of a constant prediction against the constant baseline, and what is
// recorded where nothing is labelled.
#include "train/metrics/losses.h"

#include "engine/error.h"
#include "tests/support/catch.h"
#include "tests/support/temp_folder.h"
#include "tests/train/metrics/metrics_golden.h"
#include "train/metrics/baseline.h"

using namespace weft;
using namespace weft::test;

namespace {

const double nan_value = std::nan("");

Tensor as(const Tensor& t, DType dtype) { return Tensor::from(t.shape(), t.to_vector(), dtype); }

std::optional<double> loss_of(const TaskSpec& task, Semantics semantics, const Tensor& prediction,
                              const Tensor& target, const Geometry& geometry = {}) {
  CpuContext cpu(1);
  Tape tape(&cpu, Tape::Mode::no_grad);
  const auto loss = task_loss(task, semantics, tape.constant(prediction), target, geometry);
  return loss ? std::optional(loss->value().item()) : std::nullopt;
}

}  // namespace

TEST_CASE("losses equal the goldens in both semantics", "[losses]") {
  for (const GoldenCase& golden : golden_cases())
    for (Semantics semantics : {Semantics::sound, Semantics::compat})
      for (DType dtype : {DType::f64, DType::f32})
        for (size_t b = 0; b < golden.batches.size(); ++b) {
          const GoldenBatch& batch = golden.batches[b];
          const auto expected = golden.of(semantics).losses[b];
          const auto found = loss_of(golden.task, semantics, as(batch.prediction, dtype),
                                     batch.target, golden.geometry);
          INFO(golden.task.name << " " << name_of(semantics) << " batch " << b);
          REQUIRE(found.has_value() == expected.has_value());
          if (!found) continue;
          CAPTURE(*found, *expected);
          CHECK(close(*found, *expected, dtype == DType::f64 ? 1e-9 : 2e-6));
        }
}

TEST_CASE("gradients of losses, labels downsampled and all", "[losses]") {
  CpuContext cpu(1);
  for (const GoldenCase& golden : golden_cases()) {
    const GoldenBatch& batch = golden.batches[0];
    const std::vector<double> x = batch.prediction.to_vector();
    Tape tape(&cpu);
    const Var prediction = tape.leaf(batch.prediction);
    tape.backward(
        *task_loss(golden.task, Semantics::sound, prediction, batch.target, golden.geometry));
    const Tensor gradient = tape.grad(prediction);
    double moved = 0;
    for (size_t i = 0; i < x.size(); i += 1 + x.size() / 40) {
      const auto shifted = [&](double by) {
        std::vector<double> values = x;
        values[i] += by;
        return *loss_of(golden.task, Semantics::sound,
                        Tensor::from(batch.prediction.shape(), values, DType::f64), batch.target,
                        golden.geometry);
      };
      const double step = 1e-5 * std::max(1.0, std::abs(x[i]));
      const double slope = (shifted(step) - shifted(-step)) / (2 * step);
      INFO(golden.task.name << " element " << i);
      CAPTURE(gradient.data<double>()[i], slope);
      CHECK(close(gradient.data<double>()[i], slope, 1e-8));
      moved += std::abs(slope);
    }
    CHECK(moved > 0);
  }
}

TEST_CASE("a constant prediction has the baseline's loss", "[losses]") {
  for (const GoldenCase& golden : golden_cases()) {
    const GoldenBatch& batch = golden.batches[0];
    const Shape& shape = batch.prediction.shape();
    Baseline baseline(golden.task, Semantics::sound);
    baseline.add(batch.target, golden.geometry, shape[1], shape[2]);
    const std::vector<double> constant = baseline.constant();
    std::vector<double> values;
    for (int64_t i = 0; i < shape.numel(); ++i) values.push_back(constant[i % shape.back()]);
    const auto loss =
        loss_of(golden.task, Semantics::sound, Tensor::from(shape, values, DType::f64),
                batch.target, golden.geometry);
    INFO(golden.task.name);
    CAPTURE(*loss, baseline.loss());
    CHECK(close(*loss, baseline.loss(), 1e-9));
  }
}

TEST_CASE("nothing labelled: nothing is recorded", "[losses]") {
  CpuContext cpu(1);
  for (const GoldenCase& golden : golden_cases()) {
    const GoldenBatch& batch = golden.batches[0];
    const std::vector<double> none(static_cast<size_t>(batch.target.numel()), nan_value);
    Tape tape(&cpu);
    const Var prediction = tape.leaf(batch.prediction);
    const size_t before = tape.size();
    INFO(golden.task.name);
    CHECK_FALSE(task_loss(golden.task, Semantics::sound, prediction,
                          Tensor::from(batch.target.shape(), none), golden.geometry));
    CHECK(tape.size() == before);
  }
}

TEST_CASE("compat: normals as raw bytes lose less than they should", "[losses][compat]") {
  TaskSpec task;
  task.kind = TaskKind::normals;
  const Tensor x = Tensor::from({1, 1, 1, 3}, {1, 0, 0}), z = Tensor::from({1, 1, 1, 3}, {0, 0, 1});
  const Tensor x_bytes = Tensor::from({1, 1, 1, 3}, {254, 127, 127}),
               z_bytes = Tensor::from({1, 1, 1, 3}, {127, 127, 254});
  CHECK(close(*loss_of(task, Semantics::sound, x, z), 1));
  CHECK(close(*loss_of(task, Semantics::compat, x_bytes, z_bytes), 1.0 / 6, 1e-6));
}

TEST_CASE("compat: depths up to the official mask's 3e-5 are not learned", "[losses][compat]") {
  TaskSpec task;
  task.kind = TaskKind::depth;
  const Tensor prediction = Tensor::from({1, 1, 3, 1}, {3, 3, 3}, DType::f64),
               target = Tensor::from({1, 1, 3, 1}, {0, 2e-5, 2});
  CHECK(close(*loss_of(task, Semantics::sound, prediction, target), 2, 1e-4));
  CHECK(close(*loss_of(task, Semantics::compat, prediction, target), 1));
}

TEST_CASE("predictions that do not fit the labels", "[losses]") {
  TaskSpec task;
  task.name = "depth";
  task.kind = TaskKind::depth;
  const auto message = [&](const Shape& prediction, const Shape& target) {
    const auto ones = [](const Shape& shape) {
      return Tensor::from(shape, std::vector<double>(static_cast<size_t>(shape.numel()), 1));
    };
    return message_of<ShapeError>(
        [&] { loss_of(task, Semantics::sound, ones(prediction), ones(target)); });
  };
  CHECK(message({2, 3, 3, 2}, {2, 6, 6, 1}) ==
        "task 'depth': predictions [2, 3, 3, 2] do not fit labels [2, 6, 6, "
        "1]; expected "
        "[2, h, w, 1]");
  CHECK(message({2, 3, 3, 1}, {1, 6, 6, 1}).find("[1, h, w, 1]") != std::string::npos);
  CHECK(message({2, 3, 3, 1}, {2, 6, 6, 3}).find("[N, H, W, 1]") != std::string::npos);
}
