// The gradient of routers that look at the input, on two places and two images, against plain loops:
// REINFORCE's mean over all outcomes is the gradient of the expected cost, exactly, and that of 20,000
// draws is within four standard errors; costs are their definition, images without a label teach
// nothing; the bonuses' gradients are exact; and when there is a loss at all.
#include "train/step/route_loss.h"

#include <algorithm>
#include <cmath>
#include <map>

#include "tests/models/naive_input_routing.h"
#include "tests/models/random_model.h"
#include "tests/support/catch.h"
#include "train/step/reinforce.h"

using namespace weft;
using namespace weft::test;

namespace {

constexpr size_t images = 2, blocks = 8, functions = 2;
constexpr size_t open[] = {2,
                           5};  // the two places that are drawn; the others are as good as decided
constexpr int64_t height = 17, width = 14;

/// Two regressions on a slim ResNet with two function blocks a place.
struct Toy {
  CpuContext cpu{1};
  ModelOptions options;
  std::unique_ptr<Model> model;
  RunFile run;
  StepInputs in;
  Tape tape{&cpu};
  Map image{images, height, width, 3};
  std::vector<double> labels[2];
  std::map<std::string, Numbers> parameters;
  std::map<std::string, double> known;  ///< losses by task, image and route

  explicit Toy(PolicyOf decisions, Estimator estimator = Estimator::reinforce, double missing = 0) {
    options.sharing = Sharing::input_routing;
    options.share.decisions = decisions;
    options.share.estimator = estimator;
    options.share.functions = functions;
    options.share.policy_width = 4;
    options.share.full_steps = options.share.policy_steps = 0;
    options.share.entropy = 0.3;
    options.share.collaboration = 0.2;
    options.trunk.width = 0.0625;
    options.head.aspp = false;
    options.tasks = {{"a", 1, true}, {"b", 1, true}};
    options.seed = 5;
    model = make_model(&cpu, DType::f64, options);
    randomise(*model);
    for (const Parameter& p : model->store().parameters())
      for (const double v : p.value.to_vector()) parameters[p.name].push_back({v});
    run.sharing = options.sharing;
    static_cast<ShareOptions&>(run.share) = options.share;
    for (const char* name : {"a", "b"}) {
      TaskSpec task;
      task.name = name;
      task.kind = TaskKind::regression;
      task.weight = name[0] == 'a' ? 2 : 0.5;
      run.tasks.push_back(task);
    }
    in.phase = Phase::retrain;
    const std::vector<double> pixels = noise("image", image.values.size(), -1, 1);
    for (size_t i = 0; i < pixels.size(); ++i) image.values[i] = {pixels[i]};
    for (size_t k = 0; k < 2; ++k) {
      for (const double v : noise(k == 0 ? "labels a" : "labels b", images, -2, 2))
        labels[k].push_back(static_cast<float>(v));
      if (missing != 0 && k == 1) labels[k][1] = missing;
      in.targets.push_back(Tensor::from({int64_t{images}, 1, 1, 1}, labels[k], DType::f32));
    }
    in.images =
        tape.constant(Tensor::from({int64_t{images}, height, width, 3}, pixels, DType::f64));
  }

  const InputRouting& router() { return *input_routing(*model); }
  size_t policies() { return router().policies(); }

  /// (prediction - label)^2 of task k on image n that takes a route, in plain loops.
  double loss(size_t k, size_t n, const std::vector<uint8_t>& route) {
    const std::string key = fmt::format("{} {}", k, row_key(n, route));
    if (const auto found = known.find(key); found != known.end()) return found->second;
    const NaiveNet net(options, parameters);
    const Map x = NaiveInputRouting(net).evaluate(images_of(image, {n}), {{route}}).at(0);
    const Map y = net.head(options.tasks[k].name, x);
    double prediction = 0;
    for (const Number& v : y.values) prediction += v.value / static_cast<double>(y.values.size());
    return known[key] = (prediction - labels[k][n]) * (prediction - labels[k][n]);
  }
  /// Of policy v; by the definition.
  double cost(size_t v, size_t n, const std::vector<uint8_t>& route) {
    double sum = 0;
    for (size_t k = 0; k < 2; ++k)
      if ((policies() == 1 || k == v) && !std::isnan(labels[k][n]))
        sum += run.tasks[k].weight * loss(k, n, route);
    return sum;
  }

  /// Logits near each other at the open places, far apart elsewhere.
  std::vector<double> some_logits() {
    std::vector<double> z =
        noise("z", static_cast<int64_t>(images * policies() * blocks * functions), -1, 1);
    for (size_t i = 0; i < z.size(); ++i) {
      const size_t l = i / functions % blocks;
      if (l != open[0] && l != open[1]) z[i] = i % 2 == 1 ? 0 : z[i] < 0 ? -60 : 60;
    }
    return z;
  }
  Shape shape() {
    return {int64_t{images}, static_cast<int64_t>(policies() * blocks), int64_t{functions}};
  }
  /// dL/dlogits of weft's loss.
  std::vector<double> gradient(const std::vector<double>& z, const Decisions& a) {
    Tape own(&cpu);
    const Var logits = own.leaf(Tensor::from(shape(), z, DType::f64));
    own.backward(route_loss(router(), run, in, logits, a).value());
    return own.grad(logits).to_vector();
  }
};

size_t place(size_t policies, size_t n, size_t v, size_t l) {
  return (n * policies + v) * blocks + l;
}

std::vector<double> softmax_of(const std::vector<double>& z) {
  std::vector<double> p;
  for (size_t row = 0; row < z.size(); row += functions) {
    double total = 0;
    for (size_t m = 0; m < functions; ++m) total += std::exp(z[row + m] - z[row]);
    for (size_t m = 0; m < functions; ++m) p.push_back(std::exp(z[row + m] - z[row]) / total);
  }
  return p;
}

/// The routes of the likeliest function blocks, but at the open places those that `bits` say.
Decisions outcome(size_t policies, const std::vector<double>& p, size_t bits) {
  return decide(policies, images, blocks, [&](int64_t l, size_t at) {
    const bool drawn = static_cast<size_t>(l) == open[0] || static_cast<size_t>(l) == open[1];
    const bool second = drawn ? bits & 1 : p[at * functions + 1] > p[at * functions];
    if (drawn) bits >>= 1;
    return second ? 2 : 1;
  });
}

/// d/dz of 1/N sum_{v,n} E[C_{v,n}], at the open places.
std::vector<double> exact_gradient(Toy& toy, const std::vector<double>& p) {
  std::vector<double> g(p.size());
  const Decisions likely = outcome(toy.policies(), p, 0);
  for (size_t n = 0; n < images; ++n)
    for (size_t v = 0; v < toy.policies(); ++v)
      for (const uint8_t first : {1, 2})
        for (const uint8_t second : {1, 2}) {
          std::vector<uint8_t> route = likely[v][n];
          route[open[0]] = first;
          route[open[1]] = second;
          const auto chance = [&](size_t l) {
            return p[place(toy.policies(), n, v, l) * functions + route[l] - 1];
          };
          const double weighed = chance(open[0]) * chance(open[1]) * toy.cost(v, n, route) / images;
          for (const size_t l : open)
            for (size_t m = 0; m < functions; ++m) {
              const size_t at = place(toy.policies(), n, v, l) * functions + m;
              g[at] += weighed * ((route[l] == m + 1) - p[at]);
            }
        }
  return g;
}

}  // namespace

TEST_CASE("router: REINFORCE's mean over all outcomes is the gradient of the expected cost",
          "[train][routing][input_routing]") {
  Toy toy(GENERATE(PolicyOf::image, PolicyOf::task));
  const auto z = toy.some_logits(), p = softmax_of(z);
  std::vector<double> mean(p.size());
  const size_t outcomes = size_t{1} << (2 * images * toy.policies());
  for (size_t bits = 0; bits < outcomes; ++bits) {
    const Decisions a = outcome(toy.policies(), p, bits);
    double chance = 1;
    for (size_t n = 0; n < images; ++n)
      for (size_t v = 0; v < toy.policies(); ++v)
        for (const size_t l : open)
          chance *= p[place(toy.policies(), n, v, l) * functions + a[v][n][l] - 1];
    const auto g = toy.gradient(z, a);
    for (size_t i = 0; i < p.size(); ++i) mean[i] += chance * g[i];
  }
  const auto exact = exact_gradient(toy, p);
  double largest = 0;
  for (size_t i = 0; i < p.size(); ++i) {
    CHECK(mean[i] == Catch::Approx(exact[i]).margin(1e-9));
    largest = std::max(largest, std::abs(exact[i]));
  }
  CHECK(largest > 1e-3);
}

TEST_CASE("router: 20,000 draws are unbiased within four standard errors",
          "[train][routing][input_routing]") {
  Toy toy(PolicyOf::image);
  const auto z = toy.some_logits(), p = softmax_of(z);
  const Tensor logits = Tensor::from(toy.shape(), z, DType::f64);
  constexpr uint32_t draws = 20000;
  std::map<Decisions, std::vector<double>> gradients;  // of the 16 outcomes
  std::vector<double> sum(p.size()), squares(p.size());
  for (uint32_t i = 0; i < draws; ++i) {
    const Decisions a = toy.router().draw(logits, {9, i});
    auto& g = gradients[a];
    if (g.empty()) g = toy.gradient(z, a);
    for (size_t j = 0; j < p.size(); ++j) {
      sum[j] += g[j];
      squares[j] += g[j] * g[j];
    }
  }
  CHECK(gradients.size() == 16);
  const auto exact = exact_gradient(toy, p);
  for (size_t j = 0; j < p.size(); ++j) {
    const double mean = sum[j] / draws;
    const double error = std::sqrt(std::max(0.0, squares[j] / draws - mean * mean) / draws);
    CHECK(std::abs(mean - exact[j]) <= 4 * error + 1e-9);
  }
}

TEST_CASE("router: costs are their definition; images without a label teach nothing",
          "[train][routing][input_routing]") {
  for (const PolicyOf decisions : {PolicyOf::image, PolicyOf::task}) {
    Toy toy(decisions, Estimator::reinforce, std::nan(""));
    const auto z = toy.some_logits(), p = softmax_of(z);
    for (const size_t bits : {0, 5, 11, 15}) {
      const Decisions a = outcome(toy.policies(), p, bits);
      const auto costs = costs_of(toy.router(), toy.run, toy.in, &toy.cpu, {a})[0];
      const auto g = toy.gradient(z, a);
      for (size_t v = 0; v < toy.policies(); ++v)
        for (size_t n = 0; n < images; ++n) {
          if (v == 0 || n == 0) {
            CHECK(costs[v][n].value() == Catch::Approx(toy.cost(v, n, a[v][n])).margin(1e-9));
            continue;
          }
          CHECK_FALSE(costs[v][n].has_value());
          for (size_t l = 0; l < blocks; ++l)
            for (size_t m = 0; m < functions; ++m) CHECK(g[place(2, n, v, l) * functions + m] == 0);
        }
    }
  }
}

TEST_CASE("router: a cost that is no number reaches the loss", "[train][routing][input_routing]") {
  Toy toy(PolicyOf::task, Estimator::reinforce, std::nan(""));
  for (Parameter& p : toy.model->store().parameters())
    if (p.name.rfind("heads.a", 0) == 0)
      p.value = Tensor::full(p.value.shape(), std::nan(""), DType::f64);
  const auto z = toy.some_logits();
  const Decisions a = outcome(toy.policies(), softmax_of(z), 5);
  const auto costs = costs_of(toy.router(), toy.run, toy.in, &toy.cpu, {a})[0];
  CHECK((costs[0][0] && std::isnan(*costs[0][0])));
  CHECK((costs[1][0] && std::isfinite(*costs[1][0])));
  CHECK_FALSE(costs[1][1].has_value());  // has no label
  Tape own(&toy.cpu);
  const Var logits = own.leaf(Tensor::from(toy.shape(), z, DType::f64));
  CHECK(std::isnan(route_loss(toy.router(), toy.run, toy.in, logits, a).value().value().item()));
}

TEST_CASE("router: the bonuses' gradients are exact", "[train][routing][input_routing]") {
  Toy toy(GENERATE(PolicyOf::image, PolicyOf::task));
  const auto h = noise("h", blocks * functions, 0.1, 0.9);
  Parameter& shares = *toy.model->store().find("policy.routing.shares");
  shares.value = Tensor::from(shares.value.shape(), h, DType::f64);
  const auto z = noise("z", toy.shape().numel(), -2, 2), p = softmax_of(z);
  Tape own(&toy.cpu);
  const Var logits = own.leaf(Tensor::from(toy.shape(), z, DType::f64));
  const Var bonus = toy.router().bonus(logits).value();
  own.backward(bonus);
  const auto g = own.grad(logits).to_vector();
  double value = 0.2 * static_cast<double>(toy.policies());
  for (size_t row = 0; row < p.size() / functions; ++row) {
    const size_t l = row % blocks;
    double met = 0, sure = 0;
    for (size_t m = 0; m < functions; ++m) {
      const double pi = p[row * functions + m];
      met += pi * h[l * functions + m];
      sure += pi * std::log(pi);
    }
    value += -0.2 * met / (images * blocks) + 0.3 * sure / images;
    for (size_t m = 0; m < functions; ++m) {
      const double pi = p[row * functions + m];
      const double slope = -0.2 / (images * blocks) * pi * (h[l * functions + m] - met) +
                           0.3 / images * pi * (std::log(pi) - sure);
      CHECK(g[row * functions + m] == Catch::Approx(slope).margin(1e-12));
    }
  }
  CHECK(bonus.value().item() == Catch::Approx(value));
}

TEST_CASE("router: its loss is there while it learns, and REINFORCE's part where labels are",
          "[train][routing][input_routing]") {
  const Estimator estimator = GENERATE(Estimator::reinforce, Estimator::gumbel);
  Toy toy(PolicyOf::image, estimator);
  const auto value = [&](Toy& of) {
    return policy_loss(of.tape, *of.model, of.run, of.in).value().value().item();
  };
  Pass pass{toy.tape, true, Noise{toy.in.seed, toy.in.step}};
  const double bonus =
      toy.router().bonus(toy.router().logits(pass, toy.in.images)).value().value().item();
  CHECK((value(toy) == bonus) == (estimator == Estimator::gumbel));
  for (Tensor& target : toy.in.targets)
    target = Tensor::full({int64_t{images}, 1, 1, 1}, std::nan(""), DType::f32);
  CHECK(value(toy) == bonus);
  Toy waits(PolicyOf::image, estimator);
  waits.options.share.full_steps = 1;
  const auto later = make_model(&waits.cpu, DType::f64, waits.options);
  CHECK_FALSE(policy_loss(waits.tape, *later, waits.run, waits.in).has_value());
}
