// BlockDrop's policy gradient on two blocks and three images, against plain loops: the mean over all
// outcomes is the gradient of the expected reward, exactly, and that of 20,000 draws is within four
// standard errors. What counts as right, and what is not rewarded at all.
#include "train/step/reinforce.h"

#include <algorithm>
#include <cmath>
#include <map>

#include "tests/support/catch.h"

using namespace weft;

namespace {

constexpr size_t images = 3, blocks = 2, inputs = 2;

/// A residual MLP of two blocks on rows of two numbers, without batch norm: two regressions.
struct Toy {
  CpuContext cpu{1};
  ModelOptions options;
  std::unique_ptr<Model> model;
  RunFile run;
  StepInputs in;
  Tape tape{&cpu};
  std::vector<double> x, labels[2];

  explicit Toy(PolicyOf decisions, double missing = 0) {
    options.sharing = Sharing::blockdrop;
    options.share.decisions = decisions;
    options.share.full_steps = options.share.policy_steps = options.share.unlock_steps = 0;
    options.trunk.kind = TrunkOptions::Kind::mlp;
    options.trunk.in_channels = inputs;
    options.trunk.hidden = 3;
    options.trunk.blocks = blocks;
    options.trunk.mlp_norm = Norm::none;
    options.head.aspp = false;
    options.tasks = {{"a", 1, true}, {"b", 1, true}};
    options.seed = 5;
    model = make_model(&cpu, DType::f64, options);
    for (Parameter& p : model->store().parameters()) fill(p);
    run.share.decisions = decisions;
    run.share.entropy = 0.3;
    run.share.penalty = 0.6;
    for (const char* name : {"a", "b"}) {
      TaskSpec task;
      task.name = name;
      task.kind = TaskKind::regression;
      task.weight = name[0] == 'a' ? 2 : 0.5;
      run.tasks.push_back(task);
    }
    in.phase = Phase::retrain;
    x = numbers("x", images * inputs);
    for (size_t k = 0; k < 2; ++k) {
      labels[k] = numbers("labels", images * 2);
      labels[k] = {labels[k].begin() + static_cast<std::ptrdiff_t>(k * images),
                   labels[k].begin() + static_cast<std::ptrdiff_t>((k + 1) * images)};
      for (double& label : labels[k]) label = static_cast<float>(label);
      if (missing != 0 && k == 1) labels[k][1] = missing;
      in.targets.push_back(
          Tensor::from({static_cast<int64_t>(images), 1, 1, 1}, labels[k], DType::f32));
    }
    in.images =
        tape.constant(Tensor::from({static_cast<int64_t>(images), 1, 1, inputs}, x, DType::f64));
  }

  static std::vector<double> numbers(const std::string& name, size_t n) {
    std::vector<double> out;
    for (size_t i = 0; i < n; ++i) out.push_back(Philox(2, Stream::init, 0, name).normal(i));
    return out;
  }
  static void fill(Parameter& p) {
    p.value = Tensor::from(p.value.shape(), numbers(p.name, static_cast<size_t>(p.value.numel())),
                           DType::f64);
  }

  const BlockDrop& policy() { return *blockdrop(*model); }
  size_t policies() { return policy().policies(); }

  std::vector<double> get(const std::string& name) {
    return model->store().find(name)->value.to_vector();
  }
  /// W v + b in plain loops, ReLU where asked for.
  std::vector<double> layer(const std::string& name, const std::vector<double>& v, bool relu) {
    const auto w = get(name + ".weight"), b = get(name + ".bias");
    std::vector<double> y = b;
    for (size_t i = 0; i < y.size(); ++i) {
      for (size_t j = 0; j < v.size(); ++j) y[i] += w[i * v.size() + j] * v[j];
      if (relu) y[i] = std::max(y[i], 0.0);
    }
    return y;
  }
  /// (prediction - label)^2 of task k on image n that executes `select`.
  double loss(size_t k, size_t n, const std::vector<uint8_t>& select) {
    std::vector<double> v{x[n * inputs], x[n * inputs + 1]};
    v = layer("stem.0", v, true);
    for (size_t l = 0; l < blocks; ++l) {
      if (select[l] == 0) continue;
      const std::string name = fmt::format("blocks.{}", l);
      const auto f = layer(name + ".fc2", layer(name + ".fc1", v, true), false);
      for (size_t i = 0; i < v.size(); ++i) v[i] = std::max(v[i] + f[i], 0.0);
    }
    const double error =
        layer(std::string("heads.") + (k == 0 ? "a" : "b") + ".fc", v, false)[0] - labels[k][n];
    return error * error;
  }
  /// Of policy v; by the definition.
  double reward(size_t v, size_t n, const std::vector<uint8_t>& select) {
    double sum = 0, weights = 0;
    for (size_t k = 0; k < 2; ++k) {
      if ((policies() == 2 && k != v) || std::isnan(labels[k][n])) continue;
      const double share = (select[0] + select[1]) / 2.0;
      const bool right = loss(k, n, select) <= loss(k, n, {1, 1});
      const double weight = policies() == 2 ? 1 : run.tasks[k].weight;
      sum += weight * (right ? 1 - share * share : -run.share.penalty);
      weights += weight;
    }
    return sum / weights;
  }
  /// dL/dchances of weft's loss.
  std::vector<double> gradient(const std::vector<double>& p, const Decisions& u, int active = 2) {
    Tape own(&cpu);
    const auto width = static_cast<int64_t>(policies() * blocks);
    const Var chances =
        own.leaf(Tensor::from({static_cast<int64_t>(images), width}, p, DType::f64));
    own.backward(reinforce_loss(policy(), run, in, chances, u, active).value());
    return own.grad(chances).to_vector();
  }
  std::vector<double> some_chances() {
    std::vector<double> p;
    for (double z : numbers("p", images * policies() * blocks))
      p.push_back(0.2 + 0.6 / (1 + std::exp(-z)));
    return p;
  }
};

Decisions outcome(size_t policies, size_t bits) {
  Decisions u(policies);
  for (auto& policy : u)
    for (size_t n = 0; n < images; ++n) {
      policy.push_back({static_cast<uint8_t>(bits & 1), static_cast<uint8_t>(bits >> 1 & 1)});
      bits >>= 2;
    }
  return u;
}

double chance_of(const Decisions& u, const std::vector<double>& p) {
  double chance = 1;
  for (size_t v = 0; v < u.size(); ++v)
    for (size_t n = 0; n < images; ++n)
      for (size_t l = 0; l < blocks; ++l) {
        const double q = p[(n * u.size() + v) * blocks + l];
        chance *= u[v][n][l] ? q : 1 - q;
      }
  return chance;
}

/// d/dp of -1/N sum_n (E[R_n] + beta H_n).
std::vector<double> exact_gradient(Toy& toy, const std::vector<double>& p) {
  const size_t policies = toy.policies();
  std::vector<double> g(p.size());
  for (size_t n = 0; n < images; ++n)
    for (size_t v = 0; v < policies; ++v)
      for (size_t l = 0; l < blocks; ++l) {
        const size_t at = (n * policies + v) * blocks + l;
        const double other = p[at - l + (1 - l)];
        double slope = 0;
        for (const uint8_t mine : {0, 1})
          for (const uint8_t its : {0, 1}) {
            std::vector<uint8_t> select{mine, mine};
            select[1 - l] = its;
            slope += (mine ? 1 : -1) * (its ? other : 1 - other) * toy.reward(v, n, select);
          }
        const double entropy = std::log(1 - p[at]) - std::log(p[at]);
        g[at] = -(slope + toy.run.share.entropy * entropy) / images;
      }
  return g;
}

}  // namespace

TEST_CASE("reinforce: the mean over all outcomes is the gradient of the expected reward",
          "[train][blockdrop]") {
  Toy toy(GENERATE(PolicyOf::image, PolicyOf::task));
  const auto p = toy.some_chances();
  std::vector<double> mean(p.size());
  const size_t outcomes = size_t{1} << (2 * images * toy.policies());
  for (size_t bits = 0; bits < outcomes; ++bits) {
    const Decisions u = outcome(toy.policies(), bits);
    const auto g = toy.gradient(p, u);
    for (size_t i = 0; i < p.size(); ++i) mean[i] += chance_of(u, p) * g[i];
  }
  const auto exact = exact_gradient(toy, p);
  for (size_t i = 0; i < p.size(); ++i) CHECK(mean[i] == Catch::Approx(exact[i]).margin(1e-9));
}

TEST_CASE("reinforce: 20,000 draws are unbiased within four standard errors",
          "[train][blockdrop]") {
  Toy toy(PolicyOf::image);
  const auto p = toy.some_chances();
  const Tensor chances = Tensor::from({int64_t{images}, int64_t{blocks}}, p, DType::f64);
  constexpr uint32_t draws = 20000;
  std::map<Decisions, std::vector<double>> gradients;  // of the 64 outcomes
  std::vector<double> sum(p.size()), squares(p.size());
  for (uint32_t i = 0; i < draws; ++i) {
    const Decisions u = toy.policy().draw(chances, {9, i}, blocks);
    auto& g = gradients[u];
    if (g.empty()) g = toy.gradient(p, u);
    for (size_t j = 0; j < p.size(); ++j) {
      sum[j] += g[j];
      squares[j] += g[j] * g[j];
    }
  }
  CHECK(gradients.size() == 64);
  const auto exact = exact_gradient(toy, p);
  for (size_t j = 0; j < p.size(); ++j) {
    const double mean = sum[j] / draws;
    const double error = std::sqrt((squares[j] / draws - mean * mean) / draws);
    CHECK(std::abs(mean - exact[j]) <= 4 * error + 1e-12);
  }
}

TEST_CASE("reinforce: rewards are their definition; images without a label teach nothing",
          "[train][blockdrop]") {
  for (const PolicyOf decisions : {PolicyOf::image, PolicyOf::task}) {
    Toy toy(decisions, std::nan(""));
    const auto p = toy.some_chances();
    for (size_t bits : {0, 5, 27, 63}) {
      const Decisions u = outcome(toy.policies(), bits);
      const auto rewards = rewards_of(toy.policy(), toy.run, toy.in, &toy.cpu, {u})[0];
      const auto g = toy.gradient(p, u);
      for (size_t v = 0; v < toy.policies(); ++v)
        for (size_t n = 0; n < images; ++n) {
          if (v == 1 && n == 1) {
            CHECK_FALSE(rewards[v][n].has_value());
            for (size_t l = 0; l < blocks; ++l) CHECK(g[(n * 2 + v) * blocks + l] == 0);
          } else {
            CHECK(rewards[v][n].value() == Catch::Approx(toy.reward(v, n, u[v][n])).margin(1e-12));
          }
        }
    }
  }
}

TEST_CASE("reinforce: a batch without a label is no step for the policy", "[train][blockdrop]") {
  for (const PolicyOf decisions : {PolicyOf::image, PolicyOf::task}) {
    Toy toy(decisions);
    const bool some = GENERATE(true, false);
    for (size_t k = 0; k < 2; ++k) {
      std::vector<double> labels(images, std::nan(""));
      if (some && k == 1) labels[2] = 0.5;
      toy.in.targets[k] = Tensor::from({int64_t{images}, 1, 1, 1}, labels, DType::f32);
    }
    const auto loss = policy_loss(toy.tape, *toy.model, toy.run, toy.in);
    CHECK(loss.has_value() == some);
  }
}

TEST_CASE("reinforce: blocks before the curriculum's get no gradient", "[train][blockdrop]") {
  Toy toy(PolicyOf::image);
  Decisions u = outcome(1, 0);
  for (auto& image : u[0]) image[0] = 1;
  const auto g = toy.gradient(toy.some_chances(), u, 1);
  for (size_t n = 0; n < images; ++n) {
    CHECK(g[n * blocks] == 0);
    CHECK(g[n * blocks + 1] != 0);
  }
}

TEST_CASE("reinforce: a label of the whole image is right where it is predicted",
          "[train][blockdrop]") {
  Toy toy(PolicyOf::image);
  ModelOptions options = toy.options;
  options.tasks = {{"a", 3, true}, {"b", 1, true}};
  const auto model = make_model(&toy.cpu, DType::f64, options);
  for (Parameter& p : model->store().parameters()) Toy::fill(p);
  const BlockDrop& policy = *blockdrop(*model);
  RunFile run = toy.run;
  run.tasks[0].kind = TaskKind::classification;
  run.tasks[0].classes = 3;
  run.tasks[1].kind = TaskKind::binary;
  const Decisions u = outcome(1, 25);
  Pass pass{toy.tape, false, Noise{}};
  const auto outputs = policy.run(pass, toy.in.images, {u})[0];
  const auto logits = outputs[0].value().to_vector(), logit = outputs[1].value().to_vector();
  std::vector<double> classes, signs;
  for (size_t n = 0; n < images; ++n) {
    const auto best = std::max_element(logits.begin() + static_cast<std::ptrdiff_t>(3 * n),
                                       logits.begin() + static_cast<std::ptrdiff_t>(3 * n + 3)) -
                      logits.begin() - static_cast<std::ptrdiff_t>(3 * n);
    classes.push_back(static_cast<double>(n == 0 ? (best + 1) % 3 : best));  // image 0: wrong
    signs.push_back(n == 2 ? !(logit[n] > 0) : logit[n] > 0);                // image 2: wrong
  }
  toy.in.targets = {Tensor::from({int64_t{images}, 1, 1, 1}, classes, DType::f32),
                    Tensor::from({int64_t{images}, 1, 1, 1}, signs, DType::f32)};
  const auto rewards = rewards_of(policy, run, toy.in, &toy.cpu, {u})[0][0];
  for (size_t n = 0; n < images; ++n) {
    const double share = (u[0][n][0] + u[0][n][1]) / 2.0, saved = 1 - share * share;
    const double a = n == 0 ? -0.6 : saved, b = n == 2 ? -0.6 : saved;
    CHECK(rewards[n].value() == Catch::Approx((2 * a + 0.5 * b) / 2.5));
  }
  // An output that is no number is neither right nor wrong, and no missing label.
  for (Parameter& p : model->store().parameters())
    if (model->store().part_of(p) == Part::head)
      p.value = Tensor::full(p.value.shape(), std::nan(""), DType::f64);
  const auto lost = rewards_of(policy, run, toy.in, &toy.cpu, {u})[0][0];
  for (size_t n = 0; n < images; ++n) CHECK((lost[n] && std::isnan(*lost[n])));
}
