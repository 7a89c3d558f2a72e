// One step with [balance]: its gradients against K separate passes and the method's own promises,
// batches that lack a task, and what of a step that is left out stays.
#include "train/step/task_balance.h"

#include <cmath>

#include "ops/pointwise.h"
#include "tests/support/balance_names.h"
#include "tests/support/catch.h"
#include "tests/support/op_check.h"
#include "tests/train/loop/parts_run.h"
#include "train/run_file/balance.h"
#include "train/step/build.h"
#include "train/step/train_step.h"

using namespace weft;
using weft::test::parts_run;

namespace {

using Gradients = std::map<std::string, std::vector<double>>;

Gradients gradients_of(Model& model) {
  Gradients out;
  for (const Parameter& p : model.store().parameters())
    if (p.grad.defined()) out[p.name] = p.grad.to_vector();
  return out;
}

/// A network, a batch and a step's inputs, in f64.
struct Bench {
  explicit Bench(const std::vector<std::string>& settings)
      : run(parts_run(with_f64(settings))),
        data(open_dataset(run)),
        model(make_model(&cpu, run)),
        batch(Loader(*data, {0, 1}, train_loader_options(run, *data, "train", 0)).next()) {
    in.phase = Phase::retrain;
    in.seed = 4;
    set_trainable(*model, in.phase);
  }
  static std::vector<std::string> with_f64(std::vector<std::string> settings) {
    settings.insert(settings.end(), {"precision=f64", "sharing=hard"});
    return settings;
  }
  StepOutputs forward(Tape& tape) {
    in.images = upload_images(tape, batch.images, *model, run);
    in.targets = batch.targets;
    return compute_step(tape, *model, run, in);
  }
  /// dl_k/dp alone; of no task: the plain sum's.
  Gradients plain(std::optional<size_t> task = {}) {
    Tape tape(&cpu);
    const StepOutputs out = forward(tape);
    if (task)
      tape.backward(scale(*out.losses[*task], run.tasks[*task].weight));
    else
      tape.backward(*out.total);
    return taken();
  }
  Gradients balanced(TaskBalance& balance) {
    Tape tape(&cpu);
    const StepOutputs out = forward(tape);
    balance.backward(tape, *model, in, out, 0);
    balance.complete();
    return taken();
  }
  Gradients taken() {
    Gradients out = gradients_of(*model);
    model->store().clear_gradients();
    return out;
  }
  bool in_head(const std::string& name) {
    return model->store().part_of(*model->store().find(name)) == Part::head;
  }
  void lose_labels_of(size_t task) {
    Tensor& target = batch.targets[task];
    target = Tensor::full(target.shape(), std::nan(""), target.dtype());
  }

  CpuContext cpu{1};
  RunFile run;
  std::unique_ptr<Dataset> data;
  std::unique_ptr<Model> model;
  Batch batch;
  StepInputs in;
};

double dot(const std::vector<double>& a, const std::vector<double>& b) {
  double sum = 0;
  for (size_t i = 0; i < a.size(); ++i) sum += a[i] * b[i];
  return sum;
}

bool close(const std::vector<double>& a, const std::vector<double>& b, double factor = 1) {
  double off = 0, size = 1e-30;
  for (size_t i = 0; i < a.size(); ++i) {
    off = std::max(off, std::abs(a[i] - factor * b[i]));
    size = std::max(size, std::abs(a[i]));
  }
  return a.size() == b.size() && off <= 1e-10 * size;
}

}  // namespace

TEST_CASE(
    "task balance: UPGrad's direction goes against no task's gradient, and heads learn as ever",
    "[balance]") {
  int conflicts = 0;  // of the plain sum, in the same place
  for (int seed = 1; seed <= 6; ++seed)
    for (const char* keep : {"true", "false"}) {
      Bench bench({"balance.method=upgrad", std::string("balance.keep=") + keep,
                   fmt::format("seed={}", seed), "task.depth.weight=300"});
      TaskBalance balance(bench.run, &bench.cpu);
      const Gradients d = bench.balanced(balance), sum = bench.plain();
      const Gradients g[2] = {bench.plain(0), bench.plain(1)};
      CHECK(d.size() == sum.size());
      for (const auto& own : g) {
        double along_d = 0, along_sum = 0, square = 0;
        for (const auto& [name, values] : own) {
          if (bench.in_head(name)) {
            CHECK(close(d.at(name), sum.at(name)));
            continue;
          }
          along_d += dot(d.at(name), values);
          along_sum += dot(sum.at(name), values);
          square += dot(values, values);
        }
        CHECK(along_d >= -1e-10 * square);
        conflicts += along_sum < -1e-3 * square;
      }
    }
  CHECK(conflicts > 0);
}

TEST_CASE("task balance: a method of losses gives each task's gradient its weight, heads too",
          "[balance]") {
  Bench bench({"balance.method=gls", "task.depth.weight=0.25"});
  TaskBalance balance(bench.run, &bench.cpu);
  const Gradients d = bench.balanced(balance);
  std::vector<double> losses, w;
  {
    Tape tape(&bench.cpu);
    const StepOutputs out = bench.forward(tape);
    for (size_t k = 0; k < 2; ++k)
      losses.push_back(bench.run.tasks[k].weight * out.losses[k]->value().item());
  }
  const double mean = std::sqrt(losses[0] * losses[1]);
  for (size_t k = 0; k < 2; ++k) w.push_back(mean / (2 * losses[k]));
  const Gradients first = bench.plain(0), second = bench.plain(1);
  for (const auto& [name, values] : d) {
    std::vector<double> expected(values.size(), 0.0);
    for (size_t i = 0; i < values.size(); ++i) {
      if (first.count(name)) expected[i] += w[0] * first.at(name)[i];
      if (second.count(name)) expected[i] += w[1] * second.at(name)[i];
    }
    INFO(name);
    CHECK(close(values, expected));
  }
}

TEST_CASE("task balance: a weighting beside a method scales the losses that it sees, heads too",
          "[balance]") {
  // GLS makes both weighted losses one; MGDA then sees gradients of those.
  Bench both({"balance.method=mgda", "balance.weighting=gls"});
  TaskBalance balance(both.run, &both.cpu);
  const Gradients d = both.balanced(balance);
  Bench alone({"balance.method=gls"});
  TaskBalance weighting(alone.run, &alone.cpu);
  const Gradients weighted = alone.balanced(weighting);
  for (const auto& [name, values] : d)
    if (both.in_head(name)) CHECK(close(values, weighted.at(name)));
}

TEST_CASE("task balance: a batch without a task's labels is weighed by those it has", "[balance]") {
  for (const std::string& name : balance_names()) {
    if (name == "fixed" || name == "sdmgrad" || name == "modo") continue;
    Bench bench({"balance.method=" + name});
    TaskBalance balance(bench.run, &bench.cpu);
    bench.balanced(balance);
    balance.finish(true);
    bench.lose_labels_of(1);
    const Gradients d = bench.balanced(balance);
    balance.finish(true);
    INFO(name);
    for (const auto& [parameter, values] : d) {
      CHECK(parameter.rfind("heads.depth", 0) != 0);
      for (double v : values) CHECK(std::isfinite(v));
    }
    bench.lose_labels_of(0);
    CHECK(bench.balanced(balance).empty());
    balance.finish(true);
  }
}

TEST_CASE("task balance: what a step that is not taken has taught is forgotten", "[balance][nan]") {
  for (const char* name : {"uw", "gradnorm", "gradvac", "moco", "excess_mtl"}) {
    Bench bench({std::string("balance.method=") + name, "on_nonfinite=skip"});
    TaskBalance balance(bench.run, &bench.cpu);
    bench.balanced(balance);
    balance.finish(true);
    const auto state = balance.state();
    const auto rows = [&] {
      std::vector<double> all;
      for (const auto& [parameter, kept] : balance.kept())
        for (const Tensor& row : kept)
          for (double v : row.to_vector()) all.push_back(v);
      return all;
    };
    const auto before = rows();
    bench.balanced(balance);
    CHECK(balance.state() != state);
    balance.finish(false);
    INFO(name);
    CHECK(balance.state() == state);
    CHECK(rows() == before);
    // Numbers that are none ask no method at all.
    bench.batch.images = Tensor::full(bench.batch.images.shape(), std::nan(""));
    bench.balanced(balance);
    balance.finish(true);
    CHECK(balance.state() == state);
    CHECK(rows() == before);
  }
}

TEST_CASE("task balance: gradients whose squares are no numbers have no record, and say so",
          "[balance][nan]") {
  for (const char* name : {"equal", "uw", "upgrad", "moco"}) {
    Bench bench({std::string("balance.method=") + name, "balance.watch=1"});
    bench.run.tasks[0].weight = 1e170;  // beyond what a run file may say; f64 holds the gradient
    TaskBalance balance(bench.run, &bench.cpu);
    bench.balanced(balance);
    balance.finish(true);
    INFO(name);
    CHECK_FALSE(balance.news()->record);
    const std::vector<std::string> notes = balance.news()->notes;
    REQUIRE(!notes.empty());
    CHECK(notes.back().find("this step has no line of balance.jsonl") != std::string::npos);
  }
}

TEST_CASE("task balance: a step that begins anew holds no gradients of its first try",
          "[balance]") {
  struct Live final : StepProbe {
    explicit Live(CpuContext& c) : cpu(c) {}
    void before(const StepInputs&, const Batch&) override {
      bytes = static_cast<double>(memory_of(&cpu).counters().live_bytes);
    }
    CpuContext& cpu;
    double bytes = 0;
  };
  for (const char* keep : {"true", "false"}) {
    Bench bench({"balance.method=upgrad", std::string("balance.keep=") + keep});
    const auto optimizer = make_optimizer(&bench.cpu, *bench.model, bench.run, Phase::retrain);
    TaskBalance balance(bench.run, &bench.cpu);
    TrainStep step(bench.run, &bench.cpu);
    Live live(bench.cpu);
    step.set_probe(&live);
    const auto take = [&] {
      step.take(*bench.model, *optimizer, bench.in, bench.batch, {0, 1}, &balance);
      return live.bytes;
    };
    take();
    bench.in.images = {};
    const double clean = take();
    {  // memory runs out behind the pass back: nobody completes the step
      Tape tape(&bench.cpu);
      const StepOutputs out = bench.forward(tape);
      balance.backward(tape, *bench.model, bench.in, out, 0);
    }
    bench.model->store().clear_gradients();
    bench.in.images = {};
    INFO("keep = " << keep);
    CHECK(take() == clean);
  }
}

TEST_CASE("task balance: FAMO looks at the new losses, and running statistics move once",
          "[balance]") {
  const auto statistics_after = [](const char* method, Balance::State* state) {
    Bench bench({std::string("balance.method=") + method, "retrain.optimizer.lr=1e-9"});
    const auto optimizer = make_optimizer(&bench.cpu, *bench.model, bench.run, Phase::retrain);
    TaskBalance balance(bench.run, &bench.cpu);
    TrainStep step(bench.run, &bench.cpu);
    step.take(*bench.model, *optimizer, bench.in, bench.batch, {0, 1}, &balance);
    if (state != nullptr) *state = balance.state();
    std::vector<double> all;
    for (const NamedStats& s : bench.model->store().stats()) {
      for (double v : s.stats.running_mean.to_vector()) all.push_back(v);
      for (double v : s.stats.running_var.to_vector()) all.push_back(v);
      all.push_back(static_cast<double>(s.stats.num_batches_tracked));
    }
    return all;
  };
  Balance::State famo;
  CHECK(statistics_after("famo", &famo) == statistics_after("equal", nullptr));
  REQUIRE(famo[3].first == "method.steps");
  CHECK(famo[3].second == balance::Vector{1, 1});  // its logits have moved
}

TEST_CASE("task balance: logit steps are the plain weighted loss", "[balance]") {
  Bench bench({"balance.method=upgrad", "balance.watch=1"});
  const TaskBalance balance(bench.run, &bench.cpu);
  StepInputs in;
  for (Phase phase : {Phase::warmup, Phase::weights, Phase::retrain}) {
    in.phase = phase;
    CHECK(balance.acts(in));
  }
  in.phase = Phase::policy;
  CHECK_FALSE(balance.acts(in));
}
