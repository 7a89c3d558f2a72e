// Per-task gradients of every way of sharing equal K separate backward passes in f64, at curriculum
// stages, under policies and with missing labels; their sum is the plain gradient, their Gram a
// naive one, and what combine() writes a sum by hand, with gradients kept or not.
#include "models/balance/per_task_gradients.h"

#include <map>

#include "ops/pointwise.h"
#include "ops/reduce.h"
#include "tests/models/ways.h"
#include "tests/support/catch.h"
#include "tests/support/domain_set.h"
#include "tests/support/op_check.h"
#include "train/loop/trainer.h"

using namespace weft;
using namespace weft::test;

namespace {

RunFile scenes_run(const std::string& sharing, const std::vector<std::string>& more = {}) {
  std::vector<std::string> overrides{"sharing=" + sharing};
  overrides.insert(overrides.end(), more.begin(), more.end());
  return parse_run_text(R"(
name = "rows"
seed = 3
precision = "f64"
[model]
trunk = "resnet18"
width = 0.0625
head = "linear"
[data]
kind = "scenes"
size = [33, 33]
batch = 2
count = 8
val_count = 1
test_count = 1
workers = 0
[[task]]
name = "seg"
kind = "segmentation"
classes = 13
[[task]]
name = "depth"
kind = "depth"
[[task]]
name = "edges"
kind = "edges"
[warmup]
steps = 1
[policy]
steps = 1
[retrain]
steps = 1
)",
                        "rows.toml", overrides);
}

/// One step's losses on a tape of their own, as often as a test asks.
struct Step {
  RunFile run;
  Phase phase = Phase::retrain;
  int active = 0;
  std::vector<bool> labels;
  BinaryPolicy chosen;

  CpuContext cpu{1};
  std::unique_ptr<Model> model = make_model(&cpu, run);
  Batch batch;

  Step(RunFile run_, Phase phase_, int active_, std::vector<bool> labels_)
      : run(std::move(run_)), phase(phase_), active(active_), labels(std::move(labels_)) {
    const auto data = open_dataset(run);
    Loader loader(*data, make_parts(*data).train, train_loader_options(run, *data, "train", 0));
    batch = loader.next();
    const Philox words(17, Stream::policy, 5, name_of(run.sharing));
    for (size_t k = 0; k < run.tasks.size(); ++k) {
      auto& row = chosen.select.emplace_back();
      for (int l = 0; l < model->trunk().blocks(); ++l)
        row.push_back(static_cast<int>(words.below(100 * k + static_cast<uint64_t>(l), 2)));
      if (!labels[k]) batch.targets[k] = Tensor::full(batch.targets[k].shape(), std::nan(""));
    }
    set_trainable(*model, phase);
  }
  std::vector<std::optional<Var>> losses(Tape& tape) {
    for (Parameter& p : model->store().parameters()) p.grad = Tensor();
    StepInputs in;
    in.phase = phase;
    in.seed = 3;
    in.step = 5;
    in.active = active;
    in.targets = batch.targets;
    if (run.sharing == Sharing::adashare && phase == Phase::retrain) in.chosen = &chosen;
    in.images = upload_images(tape, batch.images, *model, run);
    return compute_step(tape, *model, run, in).losses;
  }
  std::map<const Parameter*, Tensor> gradients() const {
    std::map<const Parameter*, Tensor> out;
    for (const Parameter& p : model->store().parameters()) out[&p] = p.grad;
    return out;
  }
};

/// The largest difference, relative to b's largest element; both must be defined or not.
double difference(const Tensor& a, const Tensor& b) {
  REQUIRE(a.defined() == b.defined());
  if (!a.defined()) return 0;
  const auto x = a.to_vector(), y = b.to_vector();
  REQUIRE(x.size() == y.size());
  double most = 0, size = 1e-3;
  for (size_t i = 0; i < x.size(); ++i) {
    most = std::max(most, std::abs(x[i] - y[i]));
    size = std::max(size, std::abs(y[i]));
  }
  return most / size;
}

/// Of rows and of what one task alone reaches; says how many parameters are shared.
size_t check_rows(Step& step) {
  std::vector<std::map<const Parameter*, Tensor>> separate;
  std::vector<size_t> present;
  for (size_t k = 0; k < step.labels.size(); ++k) {
    if (!step.labels[k]) continue;
    Tape tape(&step.cpu);
    const auto losses = step.losses(tape);
    tape.backward(losses[k].value());
    separate.push_back(step.gradients());
    present.push_back(k);
  }
  Tape plain(&step.cpu);
  std::optional<Var> total;
  for (const auto& loss : step.losses(plain))
    if (loss) total = total ? *total + *loss : loss;
  plain.backward(*total);
  const auto sum = step.gradients();

  Tape tape(&step.cpu);
  TaskGradients g = per_task_gradients(step.losses(tape));
  CHECK(g.tasks() == present);
  double worst = 0, worst_sum = 0;
  size_t shared = 0;
  for (const Parameter& p : step.model->store().parameters()) {
    INFO(p.name);
    std::vector<size_t> reached;
    for (size_t i = 0; i < present.size(); ++i)
      if (separate[i].at(&p).defined()) reached.push_back(i);
    if (reached.size() < 2) {
      const Tensor alone = reached.empty() ? Tensor() : separate[reached[0]].at(&p);
      worst = std::max(worst, difference(p.grad, alone));
      CHECK_THROWS_WITH(g.rows(p), contains_text("is not shared"));
      continue;
    }
    ++shared;
    CHECK_FALSE(p.grad.defined());
    for (size_t i = 0; i < present.size(); ++i)
      worst = std::max(worst, difference(g.rows(p).at(i), separate[i].at(&p)));
  }
  CHECK(shared == g.shared().size());
  g.combine(std::vector<double>(present.size(), 1.0));
  for (const Parameter& p : step.model->store().parameters())
    worst_sum = std::max(worst_sum, difference(p.grad, sum.at(&p)));
  CHECK(worst < 1e-11);
  CHECK(worst_sum < 1e-11);
  return shared;
}

const std::vector<std::vector<bool>> label_sets = {
    {true, true, true}, {true, false, true}, {false, true, false}};

}  // namespace

TEST_CASE("per-task gradients of every way of sharing equal separate passes", "[models][balance]") {
  const std::string sharing = GENERATE(
      from_range(names_of(ways_where([](const WayOfSharing& way) { return !way.policy; }))));
  for (const auto& labels : label_sets) {
    INFO(sharing << ", labels " << labels[0] << labels[1] << labels[2]);
    Step step(scenes_run(sharing), Phase::retrain, 0, labels);
    const size_t shared = check_rows(step);
    const bool none = sharing == "single" || sharing == "soft" || !labels[0];
    CHECK((shared == 0) == none);
  }
}

TEST_CASE("per-task gradients of adashare equal separate passes, in every phase and stage",
          "[models][balance]") {
  const std::string hard = GENERATE("true", "false");
  for (const auto& labels : label_sets) {
    INFO("hard " << hard << ", labels " << labels[0] << labels[1] << labels[2]);
    const RunFile run = scenes_run("adashare", {"policy.hard=" + hard});
    for (Phase phase : {Phase::warmup, Phase::retrain, Phase::policy})
      check_rows(*std::make_unique<Step>(run, phase, 8, labels));
    for (int active : {1, 4, 8})
      check_rows(*std::make_unique<Step>(run, Phase::weights, active, labels));
  }
}

TEST_CASE("per-task gradients equal separate passes where images and batch norm are the tasks' own",
          "[models][balance]") {
  TempFolder folder;
  write_domains(folder);
  for (const char* bn :
       {R"({running="shared", affine="shared"})", R"({running="per-task", affine="per-task"})"})
    for (const char* sharing : {"hard", "adashare"}) {
      INFO(sharing << " " << bn);
      const RunFile run = domain_run(folder, {std::string("model.bn=") + bn, "model.width=0.02",
                                              "precision=f64", std::string("sharing=") + sharing});
      std::vector<bool> labels(run.tasks.size(), true);
      labels[1] = false;
      for (Phase phase : {Phase::weights, Phase::retrain})
        check_rows(*std::make_unique<Step>(run, phase, 3, labels));
    }
}

TEST_CASE("the Gram of per-task gradients is a naive one, whole and by parameter",
          "[models][balance]") {
  const std::string sharing = GENERATE("hard", "adashare", "mtan");
  Step step(scenes_run(sharing), Phase::retrain, 0, {true, true, true});
  Tape tape(&step.cpu);
  const TaskGradients g = per_task_gradients(step.losses(tape));
  std::vector<double> whole(9, 0.0);
  for (Parameter* p : g.shared()) {
    std::vector<double> naive(9, 0.0);
    for (size_t i = 0; i < 3; ++i)
      for (size_t j = 0; j < 3; ++j) {
        if (!g.rows(*p)[i].defined() || !g.rows(*p)[j].defined()) continue;
        const auto a = g.rows(*p)[i].to_vector(), b = g.rows(*p)[j].to_vector();
        for (size_t e = 0; e < a.size(); ++e) naive[i * 3 + j] += a[e] * b[e];
      }
    const std::vector<double> once = g.gram({p}), twice = g.gram({p, p});
    const double size = std::abs(naive[0]) + std::abs(naive[4]) + std::abs(naive[8]);
    for (size_t e = 0; e < 9; ++e) {
      CHECK(std::abs(once[e] - naive[e]) <= 1e-12 * size);
      CHECK(twice[e] == 2 * once[e]);
      whole[e] += naive[e];
    }
  }
  const std::vector<double> all = g.gram();
  for (size_t e = 0; e < 9; ++e) CHECK(std::abs(all[e] - whole[e]) <= 1e-12 * whole[0]);
}

TEST_CASE("combine is the sum by hand on top of what is there, with gradients kept or not",
          "[models][balance]") {
  const std::string sharing = GENERATE(from_range(names_of(all_ways())));
  if (sharing == "single") return;  // which shares nothing
  INFO(sharing);
  Step step(scenes_run(sharing), Phase::retrain, 0, {true, false, true});
  const std::vector<double> weights{0.7, -1.9};
  Tape tape(&step.cpu);
  TaskGradients kept = per_task_gradients(step.losses(tape));
  const auto before = step.gradients();
  const auto gram = kept.gram();
  kept.combine(weights);
  double worst = 0;
  for (Parameter* p : kept.shared()) {
    std::vector<double> want(static_cast<size_t>(p->value.numel()), 0.0);
    for (size_t i = 0; i < 2; ++i)
      if (kept.rows(*p)[i].defined()) {
        const auto row = kept.rows(*p)[i].to_vector();
        for (size_t e = 0; e < row.size(); ++e) want[e] += weights[i] * row[e];
      }
    worst = std::max(worst, difference(p->grad, Tensor::from(p->value.shape(), want, DType::f64)));
  }
  CHECK(worst < 1e-13);
  for (const auto& [p, grad] : before)
    if (grad.defined()) CHECK(same_bits(grad, p->grad));  // one task's own
  const auto with_rows = step.gradients();
  kept.combine({0, 0});
  for (Parameter* p : kept.shared()) CHECK(same_bits(p->grad, with_rows.at(p)));

  Tape again(&step.cpu);
  TaskGradients grams = per_task_gradients(step.losses(again), std::nullopt, {.keep = false});
  CHECK(grams.shared() == kept.shared());
  CHECK(grams.gram() == gram);
  grams.combine(weights);
  worst = 0;
  for (const auto& [p, grad] : with_rows) {
    INFO(p->name);
    worst = std::max(worst, difference(p->grad, grad));
  }
  CHECK(worst < 1e-11);
  if (kept.shared().empty()) return;
  CHECK_THROWS_WITH(grams.combine(weights), contains_text("comes once"));
  CHECK_THROWS_WITH(grams.rows(*grams.shared()[0]), contains_text("keep = false"));
  CHECK_THROWS_WITH(grams.combine(weights, {grams.shared()[0]}), contains_text("keep = false"));
}

TEST_CASE("layers have Grams and weights of their own", "[models][balance]") {
  Step step(scenes_run("hard"), Phase::retrain, 0, {true, true, false});
  Tape tape(&step.cpu);
  TaskGradients g = per_task_gradients(step.losses(tape));
  const auto layers = layers_of(g.shared());
  REQUIRE(layers.size() > 30);
  CHECK(layers[0].size() == 1);
  CHECK(layers[0][0]->name == "conv1.weight");
  CHECK(layers[1].size() == 2);
  for (const Parameter* p : layers[1]) CHECK(p->name.rfind("bn1.", 0) == 0);
  std::vector<double> sum(4, 0.0);
  double weight = 0;
  for (const auto& layer : layers) {
    const std::vector<double> gram = g.gram(layer);
    for (size_t e = 0; e < 4; ++e) sum[e] += gram[e];
    g.combine({weight += 1, -0.5}, layer);
  }
  const std::vector<double> whole = g.gram();
  for (size_t e = 0; e < 4; ++e) CHECK(std::abs(sum[e] - whole[e]) <= 1e-12 * whole[0]);
  weight = 0;
  for (const auto& layer : layers) {
    weight += 1;
    for (Parameter* p : layer) {
      const auto a = g.rows(*p)[0].to_vector(), b = g.rows(*p)[1].to_vector();
      std::vector<double> want;
      for (size_t e = 0; e < a.size(); ++e) want.push_back(weight * a[e] - 0.5 * b[e]);
      CHECK(difference(p->grad, Tensor::from(p->value.shape(), want, DType::f64)) < 1e-13);
    }
  }
}

TEST_CASE("a list says what is shared: the rest gets the plain sum", "[models][balance]") {
  const bool keep = GENERATE(true, false);
  CpuContext cpu(1);
  Parameter a{"a", Tensor::from({2}, {1, 2}, DType::f64), {}, true};
  Parameter b{"b", Tensor::from({2}, {3, 4}, DType::f64), {}, true};
  Parameter own{"own", Tensor::from({2}, {5, 6}, DType::f64), {}, true};
  Tape tape(&cpu);
  const Var trunk = mul(tape.use(a), tape.use(b));
  const Var first = sum(trunk), second = sum(mul(trunk, tape.use(own)));
  auto g = per_task_gradients({first, std::nullopt, second}, std::vector<Parameter*>{&a, &own},
                              {.keep = keep});
  CHECK(g.tasks() == std::vector<size_t>{0, 2});
  CHECK(g.shared() == std::vector<Parameter*>{&a, &own});
  CHECK(b.grad.to_vector() == std::vector<double>{6, 14});
  CHECK(g.gram() == std::vector<double>{25, 141, 141, 801 + 73});
  CHECK(g.gram({&own}) == std::vector<double>{0, 0, 0, 73});
  g.combine({10, 1});
  CHECK(a.grad.to_vector() == std::vector<double>{45, 64});
  CHECK(own.grad.to_vector() == std::vector<double>{3, 8});
  CHECK(b.grad.to_vector() == std::vector<double>{6, 14});
  CHECK_THROWS_WITH(g.combine({1}), contains_text("1 weights for 2 rows"));
  CHECK_THROWS_WITH(g.gram({&b}), contains_text("'b' is not shared"));
  CHECK_THROWS_WITH(per_task_gradients({std::nullopt}), contains_text("no loss is there"));
}

TEST_CASE("per-task gradients and their Gram have the same bits on any number of threads",
          "[models][balance]") {
  std::vector<double> gram;
  for (int threads : {1, 7}) {
    CpuContext cpu(threads);
    Parameter w{"w", Tensor::full({9001}, 0.3), {}, true};
    Tape tape(&cpu);
    const Var x = sigmoid(tape.use(w));
    auto g = per_task_gradients({sum(square(x)), sum(exp(x)), sum(x)});
    if (gram.empty()) gram = g.gram();
    CHECK(g.gram() == gram);
  }
  CHECK(gram[1] > 0);
}
