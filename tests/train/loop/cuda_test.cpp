// Training on a GPU: the same bits run after run in every precision; steps that neither wait nor
// allocate; and coarser precisions whose loss curves stay among those of three f32 seeds. Needs a
// device: elsewhere each says that it skips. How far a step is from f64: step/rounding_test.cpp.
#include <algorithm>
#include <cmath>
#include <deque>

#include "engine/device.h"
#include "engine/philox.h"
#include "tests/models/ways.h"
#include "tests/support/catch.h"
#include "tests/support/device.h"
#include "tests/support/learned_trunk.h"
#include "tests/support/op_check.h"
#include "tests/support/wide_rooms_run.h"
#include "train/loop/trainer.h"

using namespace weft;

namespace {

RunFile scenes_run(const std::vector<std::string>& overrides) {
  return test::wide_rooms_run(
      {"name=gpu", "seed=1", "warmup.steps=60", "warmup.optimizer.lr=2e-3", "policy.steps=80",
       "policy.weight_steps=10", "policy.logit_steps=10", "policy.curriculum_speed=1",
       "retrain.steps=60", "eval.every=1000", "checkpoint.every=1000"},
      overrides);
}

/// Every parameter and statistic after `steps` steps, on the host.
std::vector<Tensor> train(RunFile run, int64_t steps) {
  const Device device(run.device, 1, matrix_math(run.precision, run.device));
  const auto data = open_dataset(run);
  Trainer trainer(run, *data, device.context());
  for (int64_t i = 0; i < steps; ++i) trainer.step();
  std::vector<Tensor> out;
  for (const Parameter& p : trainer.model().store().parameters())
    out.push_back(to_host(device.context(), p.value));
  for (const NamedStats& s : trainer.model().store().stats()) {
    out.push_back(to_host(device.context(), s.stats.running_mean));
    out.push_back(to_host(device.context(), s.stats.running_var));
    out.push_back(Tensor::from({}, {static_cast<double>(s.stats.num_batches_tracked)}, DType::f64));
  }
  return out;
}

void check_same_bits(const std::vector<Tensor>& a, const std::vector<Tensor>& b) {
  REQUIRE(a.size() == b.size());
  for (size_t i = 0; i < a.size(); ++i) CHECK(same_bits(a[i], b[i]));
}

/// Debug mode records nothing.
void check_recorded(RunFile run, int64_t steps) {
  const auto recorded = train(run, steps);
  run.debug = true;
  check_same_bits(recorded, train(run, steps));
}

/// The weighted loss, as means of 20 steps.
std::vector<double> loss_curve(RunFile run) {
  struct Curve final : TrainObserver {
    const RunFile& run;
    std::vector<double> means;
    double sum = 0;
    int64_t count = 0;
    explicit Curve(const RunFile& r) : run(r) {}
    void on_step(const StepReport& report) override {
      for (size_t k = 0; k < report.losses.size(); ++k)
        if (report.losses[k]) sum += run.tasks[k].weight * *report.losses[k];
      if (++count % 20 != 0) return;
      means.push_back(sum / 20);
      sum = 0;
    }
  } curve(run);
  const Device device(run.device, 1, matrix_math(run.precision, run.device));
  const auto data = open_dataset(run);
  Trainer trainer(run, *data, device.context(), &curve);
  trainer.run();
  return curve.means;
}

}  // namespace

TEST_CASE("cuda: two runs of 50 AdaShare steps give the same bits in every precision",
          "[cuda][determinism]") {
  WEFT_NEEDS_CUDA();
  for (const char* precision : {"f32", "f32_fma", "tf32", "bf16"}) {
    INFO(precision);
    const RunFile run =
        scenes_run({"device=cuda", std::string("precision=") + precision, "warmup.steps=10",
                    "policy.steps=30", "policy.weight_steps=5", "policy.logit_steps=5"});
    check_same_bits(train(run, 50), train(run, 50));
  }
}

TEST_CASE("cuda: recorded steps give the bits of those that run directly, in every phase",
          "[cuda][determinism]") {
  WEFT_NEEDS_CUDA();
  for (const char* precision : {"f32", "f32_fma", "tf32", "bf16"}) {
    INFO(precision);
    // Warm-up, eight blocks one by one, a policy, half of re-training.
    const RunFile run = scenes_run({"device=cuda", std::string("precision=") + precision,
                                    "warmup.steps=10", "policy.steps=40", "policy.weight_steps=3",
                                    "policy.logit_steps=2", "retrain.steps=20"});
    check_recorded(run, 60);
  }
  INFO("hard samples, which run other blocks every time");
  check_recorded(scenes_run({"device=cuda", "policy.hard=true", "warmup.steps=2", "policy.steps=40",
                             "policy.weight_steps=3", "policy.logit_steps=2"}),
                 42);
}

TEST_CASE("cuda: recorded steps give the bits of those that run directly, in every way of sharing",
          "[cuda][determinism]") {
  WEFT_NEEDS_CUDA();
  for (const std::string& sharing :
       test::names_of(ways_where([](const WayOfSharing& way) { return !way.policy; }))) {
    INFO(sharing);
    RunFile run = scenes_run({"device=cuda", "sharing=" + sharing});
    const test::TempFolder folder;
    test::give_start(run, folder);
    check_recorded(run, 8);
  }
  INFO("soft by the trace norm, which waits");
  check_recorded(scenes_run({"device=cuda", "sharing=soft", "share.distance=trace"}), 4);
}

TEST_CASE("cuda: balanced steps give the same bits recorded and directly",
          "[cuda][balance][determinism]") {
  WEFT_NEEDS_CUDA();
  for (const char* method : {"uw", "gls", "famo", "upgrad", "gradvac", "moco", "graddrop"})
    for (const char* sharing : {"hard", "adashare"}) {
      INFO(method << ", " << sharing);
      check_recorded(scenes_run({"device=cuda", std::string("sharing=") + sharing,
                                 std::string("balance.method=") + method}),
                     8);
    }
  INFO("a weighting beside a method, Grams alone, a look at every third step");
  check_recorded(scenes_run({"device=cuda", "sharing=hard", "balance.method=upgrad",
                             "balance.weighting=uw", "balance.keep=false", "balance.watch=3"}),
                 8);
}

TEST_CASE("cuda: a balanced step waits for nothing but gradients that the host has to read",
          "[cuda][balance][memory]") {
  WEFT_NEEDS_CUDA();
  const Device device(DeviceKind::cuda);
  const AnyContext cuda = device.context();
  const std::vector<std::vector<std::string>> kinds{
      {"balance.method=uw"},
      {"balance.method=famo"},
      {"balance.method=upgrad"},
      {"balance.method=gradvac"},
      {"balance.method=upgrad", "balance.weighting=uw"},
      {"balance.method=upgrad", "balance.keep=false"},
      {"balance.method=graddrop"}};
  const int64_t each[] = {0, 0, 0, 0, 0, 0, 2};  // graddrop: for the Gram, and for the rows
  for (size_t i = 0; i < kinds.size(); ++i) {
    std::vector<std::string> settings = kinds[i];
    INFO(fmt::format("{}", fmt::join(settings, " ")));
    settings.insert(settings.end(), {"device=cuda", "sharing=hard", "retrain.steps=40"});
    RunFile run = scenes_run(settings);
    const auto data = open_dataset(run);
    Trainer trainer(run, *data, cuda);
    for (int k = 0; k < 16; ++k) trainer.step();  // the 16th fetches the losses of all
    const int64_t before = waits(cuda);
    for (int k = 16; k < 31; ++k) trainer.step();
    CHECK(waits(cuda) - before == 15 * each[i]);
  }
}

TEST_CASE("cuda: a step in steady state waits for nothing and allocates nothing",
          "[cuda][memory]") {
  WEFT_NEEDS_CUDA();
  const Device device(DeviceKind::cuda);
  const AnyContext cuda = device.context();
  RunFile run = scenes_run({"device=cuda", "warmup.steps=40"});
  const auto data = open_dataset(run);
  Trainer trainer(run, *data, cuda);
  for (int i = 0; i < 16; ++i) trainer.step();  // the 16th fetches the losses of all
  const int64_t allocations = memory_of(cuda).counters().system_calls, waits = weft::waits(cuda);
  for (int i = 16; i < 31; ++i) trainer.step();
  CHECK(memory_of(cuda).counters().system_calls == allocations);
  CHECK(weft::waits(cuda) == waits);
  trainer.step();
  CHECK(weft::waits(cuda) == waits + 1);
}

TEST_CASE("cuda: in TF32 and bf16 200 AdaShare steps stay among the curves of three f32 seeds",
          "[cuda][slow]") {
  WEFT_NEEDS_CUDA();
  std::vector<std::vector<double>> seeds;
  for (const char* seed : {"seed=1", "seed=2", "seed=3"})
    seeds.push_back(loss_curve(scenes_run({"device=cuda", seed})));
  for (const char* precision : {"tf32", "bf16"}) {
    const auto curve =
        loss_curve(scenes_run({"device=cuda", std::string("precision=") + precision}));
    REQUIRE(curve.size() == seeds[0].size());
    for (size_t i = 0; i < curve.size(); ++i) {
      const auto [least, most] = std::minmax({seeds[0][i], seeds[1][i], seeds[2][i]});
      const double mean = (seeds[0][i] + seeds[1][i] + seeds[2][i]) / 3;
      INFO(precision << ", steps " << 20 * i + 1 << " to " << 20 * i + 20 << ": " << curve[i]
                     << " against " << mean << ", spread " << most - least);
      CHECK(std::abs(curve[i] - mean) <= 3 * (most - least));
    }
  }
}

TEST_CASE("cuda: one launch updates every parameter as the CPU does", "[cuda]") {
  WEFT_NEEDS_CUDA();
  const Device cpu(DeviceKind::cpu, 1), cuda(DeviceKind::cuda, 1);
  std::vector<int64_t> sizes = {0, 1, 4095, 4096, 4097, 70001};
  while (sizes.size() < 450) sizes.push_back(static_cast<int64_t>(sizes.size()) % 37 + 1);
  const auto numbers = [](int64_t n, const std::string& name, int step) {
    const Philox words(4, Stream::data, static_cast<uint32_t>(step), name);
    std::vector<double> values;
    for (int64_t i = 0; i < n; ++i)
      values.push_back(2 * words.uniform(static_cast<uint64_t>(i)) - 1);
    return Tensor::from({n}, values);
  };
  for (const Algorithm algorithm : {Algorithm::sgd, Algorithm::adam}) {
    // Three steps, the last one clipped, on each device; then every value is compared.
    const auto updated = [&](const AnyContext& context) {
      std::deque<Parameter> parameters;
      ParameterGroup group{{}, 0.1};
      for (size_t i = 0; i < sizes.size(); ++i) {
        const std::string name = "p" + std::to_string(i);
        Tensor own = Tensor::empty({sizes[i]}, DType::f32, memory_of(context));
        const Tensor start = numbers(sizes[i], name, 0);
        std::visit([&](auto* ctx) { ctx->copy(own, start); }, context);
        parameters.push_back({name, own, {}, true});
        group.parameters.push_back(&parameters.back());
      }
      OptimizerOptions options;
      options.algorithm = algorithm;
      options.weight_decay = 1e-2;
      Optimizer optimizer(context, {group}, options);
      for (int step = 1; step <= 3; ++step) {
        for (Parameter& p : parameters)
          p.grad = to_device(context, numbers(p.value.numel(), p.name, step));
        if (step == 3) clip_grad_norm(context, group.parameters, 5);
        optimizer.step();
      }
      std::vector<std::vector<double>> out;
      for (const Parameter& p : parameters) out.push_back(to_host(context, p.value).to_vector());
      return out;
    };
    const auto on_cpu = updated(cpu.context()), on_cuda = updated(cuda.context());
    double worst = 0;
    for (size_t i = 0; i < sizes.size(); ++i)
      for (size_t j = 0; j < on_cpu[i].size(); ++j)
        worst = std::max(worst, std::abs(on_cpu[i][j] - on_cuda[i].at(j)));
    CHECK(worst < 2e-6);
  }
}

TEST_CASE("cuda: without a device the word is refused in one clear line", "[cuda]") {
  if (cuda_skip_reason().empty()) WEFT_SKIP("a CUDA device is here");
  CHECK_THROWS_AS(Device(DeviceKind::cuda, 1), UserError);
  try {
    const Device device(DeviceKind::cuda, 1);
  } catch (const UserError& e) {
    CHECK(std::string(e.what()).find("device") == 0);
  }
}
