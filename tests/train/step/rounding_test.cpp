// Whole steps against f64: what rounding does, and nothing else. A unit whose input is nearly 0 may
// round to either side of its ReLU in any f32, and then moves all gradients before it by more than
// all sums together, on every backend and in some steps only. So here every unit keeps its side: a
// weight in front of a ReLU is an eighth of what it is elsewhere, and the bias behind it is 1 or -1,
// from channel to channel in turn, to which nothing comes near. What is left is arithmetic, in every
// step by nearly the same. On a GPU whole steps in f32 must come within twice the CPU's error.
#include <algorithm>
#include <cmath>
#include <map>

#include "data/split.h"
#include "engine/device.h"
#include "engine/philox.h"
#include "tests/support/catch.h"
#include "tests/support/device.h"
#include "tests/support/sanitized.h"
#include "tests/support/wide_rooms_run.h"
#include "train/step/build.h"
#include "train/step/step.h"

namespace weft {
namespace {

constexpr int seeds = test::cases(5, 1);  // whose middle error is judged
/// Of a few numbers, each rounded some times, as the gradients of a policy are.
constexpr double least_bound = 4 * 0x1p-24;

RunFile small_run(int seed, bool hard, Precision precision) {
  RunFile run = test::wide_rooms_run(
      {"name=rounding", fmt::format("seed={}", seed), fmt::format("policy.hard={}", hard)});
  run.precision = precision;
  return run;
}

bool ends_with(const std::string& name, const std::string& end) {
  return name.size() >= end.size() && name.compare(name.size() - end.size(), end.size(), end) == 0;
}

/// A norm, or a convolution with a bias that a ReLU follows: ResNet's shortcuts count, since a ReLU
/// follows the sum. `part` is weight or bias.
bool is_before_relu(const std::string& name, const std::string& part) {
  for (const char* layer : {"bn1.", "bn2.", "downsample.1."})
    if (ends_with(name, layer + part)) return true;
  return name.rfind("heads.", 0) == 0 &&
         (ends_with(name, "conv1." + part) || ends_with(name, "conv2." + part));
}

/// Every unit to one side, and every value one of f32, so that f64 begins with the same; then each
/// moves by up to `noise` of itself, which stands for a backend that rounds otherwise.
void keep_sides(const AnyContext& context, Model& model, double noise) {
  for (Parameter& p : model.store().parameters()) {
    const Philox words(7, Stream::data, 0, p.name);
    std::vector<double> values = to_host(context, p.value).to_vector();
    for (size_t i = 0; i < values.size(); ++i) {
      if (is_before_relu(p.name, "weight")) values[i] /= 8;
      if (is_before_relu(p.name, "bias")) values[i] = i % 2 == 0 ? 1 : -1;
      values[i] = static_cast<double>(static_cast<float>(values[i]));
      values[i] *= 1 + noise * (2 * words.uniform(i) - 1);
    }
    const Tensor own = Tensor::from(p.value.shape(), values, p.value.dtype());
    std::visit([&](auto* ctx) { ctx->copy(p.value, own); }, context);
  }
}

struct Step {
  double loss = 0;
  std::vector<std::pair<std::string, std::vector<double>>> gradients;  ///< by parameter
};

Step one_step(const Device& device, RunFile run, Phase phase, double noise = 0) {
  const AnyContext context = device.context();
  const auto data = open_dataset(run);
  const auto model = make_model(context, run);
  keep_sides(context, *model, noise);
  set_trainable(*model, phase);
  Loader loader(*data, make_parts(*data).train, train_loader_options(run, *data, "train", 0));
  const Batch batch = loader.next();
  Tape tape(context);
  const int blocks = model->trunk().blocks();
  const BinaryPolicy chosen = alternating_policy(run.tasks.size(), blocks);
  const StepInputs in{phase,
                      static_cast<uint64_t>(run.seed),
                      3,
                      2.0,
                      blocks,
                      &chosen,
                      upload_images(tape, batch.images, *model, run),
                      batch.targets};
  const StepOutputs out = compute_step(tape, *model, run, in);
  Step step;
  step.loss = to_host(context, out.total->value()).item();
  tape.backward(*out.total);
  for (const Parameter& p : model->store().parameters())
    if (p.grad.defined()) step.gradients.emplace_back(p.name, to_host(context, p.grad).to_vector());
  return step;
}

/// ||a - b|| / ||b|| of a stage's gradients, as the root mean square over the stages: those of some
/// biases all but cancel, so that one parameter alone says little, and those of the heads are so
/// large that all together say nothing of the trunk.
double error_between(const Step& a, const Step& b) {
  std::map<std::string, std::pair<double, double>> stages;  // by the first part of their names
  for (size_t i = 0; i < b.gradients.size(); ++i) {
    const auto& [name, exact] = b.gradients[i];
    auto& [apart, size] = stages[name.substr(0, name.find('.'))];
    for (size_t j = 0; j < exact.size(); ++j) {
      const double d = a.gradients.at(i).second.at(j) - exact[j];
      apart += d * d;
      size += exact[j] * exact[j];
    }
  }
  double sum = 0;
  for (const auto& [name, squares] : stages) sum += squares.first / squares.second;
  return std::sqrt(sum / static_cast<double>(stages.size()));
}

double middle(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

/// A device's f32 against the CPU's, each by the middle error of some seeds.
void check_against_cpu(const Device& device, int first_seed) {
  const Device cpu(DeviceKind::cpu, 2);
  for (const auto& [phase, hard] : std::vector<std::pair<Phase, bool>>{{Phase::warmup, false},
                                                                       {Phase::weights, false},
                                                                       {Phase::weights, true},
                                                                       {Phase::policy, false},
                                                                       {Phase::policy, true},
                                                                       {Phase::retrain, false}}) {
    std::vector<double> of_cpu, of_device;
    for (int seed = first_seed; seed < first_seed + seeds; ++seed) {
      const RunFile run = small_run(seed, hard, Precision::f32);
      const Step exact = one_step(cpu, small_run(seed, hard, Precision::f64), phase);
      const Step found = one_step(device, run, phase);
      CHECK(std::abs(found.loss - exact.loss) <= 1e-5 * std::abs(exact.loss));
      of_cpu.push_back(error_between(one_step(cpu, run, phase), exact));
      of_device.push_back(error_between(found, exact));
    }
    INFO(name_of(phase) << ", hard " << hard << ", seeds from " << first_seed << ": off by "
                        << fmt::format("{:.2e} on the CPU, {:.2e} on the device",
                                       fmt::join(of_cpu, " "), fmt::join(of_device, " ")));
    CHECK(middle(of_device) <= std::max(2 * middle(of_cpu), least_bound));
  }
}

}  // namespace

TEST_CASE(
    "steps in f32: every seed is as far from f64 as rounding is, and coarser ones are farther",
    "[train]") {
  const Device cpu(DeviceKind::cpu, 2);
  std::vector<double> errors, others, coarse;
  for (int seed = 1; seed <= test::cases(3, 1); ++seed) {
    const RunFile run = small_run(seed, false, Precision::f32);
    const Step exact = one_step(cpu, small_run(seed, false, Precision::f64), Phase::weights);
    errors.push_back(error_between(one_step(cpu, run, Phase::weights), exact));
    others.push_back(error_between(one_step(cpu, run, Phase::weights, 0x1p-24), exact));
    coarse.push_back(error_between(one_step(cpu, run, Phase::weights, 0x1p-18), exact));
  }
  INFO(fmt::format("{:.2e}; rounded otherwise {:.2e}; coarser {:.2e}", fmt::join(errors, " "),
                   fmt::join(others, " "), fmt::join(coarse, " ")));
  CHECK(*std::max_element(errors.begin(), errors.end()) < 2 * middle(errors));
  CHECK(middle(others) < 2 * middle(errors));
  CHECK(middle(coarse) > 2 * middle(errors));
}

TEST_CASE("cuda: whole steps in f32 are at most twice as far from f64 as the CPU's", "[cuda]") {
  WEFT_NEEDS_CUDA();
  for (const Precision precision : {Precision::f32, Precision::f32_fma}) {
    INFO(name_of(precision));
    check_against_cpu(Device(DeviceKind::cuda, 2, matrix_math(precision, DeviceKind::cuda)), 1);
  }
}

TEST_CASE("cuda: so they are with 50 times other seeds", "[cuda][slow]") {
  WEFT_NEEDS_CUDA();
  const Device cuda(DeviceKind::cuda, 2, matrix_math(Precision::f32, DeviceKind::cuda));
  for (int run = 1; run <= 50; ++run) check_against_cpu(cuda, 1 + run * seeds);
}

}  // namespace weft
