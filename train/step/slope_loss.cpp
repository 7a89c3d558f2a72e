// SlopeLoss: a tangent for the first slope of every task, one for the second, and so on.
#include "train/step/slope_loss.h"

#include <algorithm>
#include <cmath>
#include <span>

#include "data/measured_label.h"
#include "data/target.h"
#include "ops/huber_loss.h"
#include "ops/pointwise.h"
#include "ops/slice.h"

namespace weft {
namespace {

/// A label's two numbers of slope s from `begin` on.
const float* pair_of(const float* label, int64_t begin, size_t s) {
  return label + begin + 2 * static_cast<int64_t>(s);
}

int64_t inputs_begin(size_t slopes) { return measured::slopes + 2 * static_cast<int64_t>(slopes); }

}  // namespace

SlopeLoss::SlopeLoss(const RunFile& run, const StepInputs& in)
    : run_(run), in_(in), images_(in.images) {
  for (const TaskSpec& task : run.tasks) {
    weights_.emplace_back();
    for (const std::string& text : task.slopes)
      weights_.back().push_back(parse_slope(text, "task." + task.name + ".slopes").weight);
    for (double weight : weights_.back())
      if (weight > 0) most_ = std::max(most_, task.slopes.size());
  }
  if (in.phase != Phase::warmup && in.phase != Phase::retrain) most_ = 0;
  if (most_ == 0 || !in.images.tape().recording()) return;
  images_ = in.images.tape().leaf(in.images.value());
  tangents_.emplace();
}

void SlopeLoss::differentiate(const std::vector<Var>& outputs, bool apart) {
  if (!tangents_) return;
  const int64_t all = images_.shape()[0], width = images_.shape()[3];
  const int64_t each = apart ? all / static_cast<int64_t>(run_.tasks.size()) : all;
  for (size_t s = 0; s < most_; ++s) {
    std::vector<double> direction(static_cast<size_t>(all * width), 0.0);
    for (size_t k = 0; k < run_.tasks.size(); ++k) {
      if (s >= weights_[k].size() || weights_[k][s] == 0) continue;
      const Shape& shape = in_.targets[k].shape();
      const float* label = in_.targets[k].data<float>();
      for (int64_t n = 0; n < shape[0]; ++n, label += shape[3]) {
        if (std::isnan(*label)) continue;
        const float* input = pair_of(label, inputs_begin(weights_[k].size()), s);
        const int64_t row = n + (apart ? static_cast<int64_t>(k) * each : 0);
        const std::span<double> dx(&direction[static_cast<size_t>(row * width)],
                                   static_cast<size_t>(width));
        double& place = dx[static_cast<size_t>(input[0])];
        const bool other =
            std::any_of(dx.begin(), dx.end(), [&](double v) { return v != 0 && v != input[1]; });
        if (other ||
            (place == 0 && std::any_of(dx.begin(), dx.end(), [](double v) { return v != 0; })))
          throw ConfigError(fmt::format(
              "task.{}.slopes: \"{}\" and another task's slope are by different columns, and both "
              "tasks have a label in one row; name the tasks' slopes in one order",
              run_.tasks[k].name, run_.tasks[k].slopes[s]));
        place = input[1];
      }
    }
    const Tensor host = Tensor::from(images_.shape(), direction, images_.dtype());
    Tape& tape = images_.tape();
    moved_.push_back(
        tangents_->along(images_, tape.constant(to_device(tape.context(), host)), outputs));
  }
}

const Var& SlopeLoss::add_to(Var& loss, size_t k, const Tensor& labels) const {
  if (!tangents_) return loss;
  Tape& tape = loss.tape();
  const int64_t rows = labels.shape()[0];
  for (size_t s = 0; s < weights_[k].size(); ++s) {
    if (weights_[k][s] == 0) continue;
    Tensor mask = Tensor::empty({rows, 1, 1}, DType::u8);
    const std::span<uint8_t> known(mask.data<uint8_t>(), static_cast<size_t>(rows));
    std::vector<double> factor(known.size(), 0.0), offset(known.size(), 0.0);
    const float* label = labels.data<float>();
    for (size_t n = 0; n < known.size(); ++n, label += labels.shape()[3]) {
      const float* own = pair_of(label, measured::slopes, s);
      known[n] = !std::isnan(*label) && label[measured::bound] == 0 && !std::isnan(own[0]);
      if (known[n] == 0) continue;
      factor[n] = std::log(10.0) * label[measured::unit] / own[0];
      offset[n] = -own[1] / own[0] - 1;
    }
    if (std::none_of(known.begin(), known.end(), [](uint8_t v) { return v != 0; })) continue;
    const Var dt = slice(moved_[s][k], 0, 0, rows);
    const auto constant = [&](const std::vector<double>& values) {
      return tape.constant(to_device(tape.context(), Tensor::from(dt.shape(), values, dt.dtype())));
    };
    const Var error = dt * constant(factor) + constant(offset);
    const Var none = constant(std::vector<double>(known.size(), 0.0));
    const Var term = huber_loss(error, none.value(), to_device(tape.context(), mask));
    loss = loss + weights_[k][s] * term;
  }
  return loss;
}

bool learns_slopes(const RunFile& run) {
  return std::any_of(run.tasks.begin(), run.tasks.end(), [](const TaskSpec& task) {
    return learns_slopes(task.slopes, "task." + task.name + ".slopes");
  });
}

}  // namespace weft
