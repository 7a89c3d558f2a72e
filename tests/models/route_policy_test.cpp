// Routing's policy: draws follow their probabilities, regularisers are what they say, collapse is
// measured, and the gradient that comes back: by REINFORCE with the collaboration bonus exact over all
// outcomes of two places and unbiased in 20,000 draws, straight through the soft sample's.
#include "models/route_policy.h"

#include <cmath>
#include <map>

#include "models/collapse.h"
#include "models/sharing/sharing.h"
#include "ops/pointwise.h"
#include "ops/reduce.h"
#include "tests/support/catch.h"

using namespace weft;

namespace {

constexpr size_t functions = 3;

struct Fixture {
  CpuContext cpu{1};
  ParameterStore store{&cpu, DType::f64};
  RoutePolicy policy;

  explicit Fixture(Estimator estimator = Estimator::reinforce)
      : policy(store, {"seg", "depth"}, 3, {}, 5, functions, estimator, 0.75) {}
  void set(size_t task, const std::vector<double>& logits) {
    policy.set_logits(task, Tensor::from({3, functions}, logits, DType::f64));
  }
};

const std::vector<double> uneven{0.5, -1, 2, 1, 1, -2, -0.5, 0.25, 3};
const std::vector<double> other{0, 0, 0, 1, 0, 0, 0, 2, 0};

/// softmax of row l.
std::vector<double> row_of(const std::vector<double>& u, size_t l) {
  std::vector<double> p;
  double sum = 0;
  for (size_t c = 0; c < functions; ++c)
    p.push_back(std::exp(u[functions * l + c])), sum += p.back();
  for (double& v : p) v /= sum;
  return p;
}

}  // namespace

TEST_CASE("function blocks are drawn as likely as they are, in steps and after the search",
          "[models][routing]") {
  const Estimator estimator = GENERATE(Estimator::reinforce, Estimator::gumbel);
  const int active = GENERATE(3, 1);  // places without a turn too
  Fixture f(estimator);
  f.set(0, uneven);
  for (Parameter* logits : f.policy.logits()) logits->trainable = false;
  constexpr int draws = 4000;
  std::vector<std::vector<double>> steps(3, std::vector<double>(functions)), after = steps;
  for (uint32_t i = 0; i < draws; ++i) {
    Tape tape(&f.cpu);
    Pass pass{tape, true, Noise{9, i}};
    const PolicySample sample = f.policy.sample(pass, 5, false, active, false);
    const BinaryPolicy chosen = f.policy.sample_binary(9, i, active);
    for (size_t l = 0; l < 3; ++l) {
      const Gate& gate = sample.gates[0][l];
      REQUIRE(gate.kind == Gate::Kind::select);
      steps[l][static_cast<size_t>(gate.level - 1)] += 1.0 / draws;
      after[l][static_cast<size_t>(chosen.select[0][l] - 1)] += 1.0 / draws;
    }
  }
  for (size_t l = 0; l < 3; ++l) {
    const std::vector<double> p = row_of(uneven, l);
    for (size_t c = 0; c < functions; ++c) {
      const double margin = 4 * std::sqrt(p[c] * (1 - p[c]) / draws);
      CHECK(std::abs(steps[l][c] - p[c]) < margin);
      CHECK(std::abs(after[l][c] - p[c]) < margin);
    }
    CHECK(f.policy.probabilities()[0][l] ==
          Catch::Approx(*std::max_element(p.begin(), p.end())).epsilon(1e-12));
  }
  CHECK(f.policy.most_likely().select ==
        std::vector<std::vector<int>>{{3, 1, 3}, {1, 1, 1}});  // of equals the first
  CHECK(f.policy.least() == 1);
  CHECK(f.policy.most() == 3);
}

TEST_CASE("places without a turn have no part in the gradient", "[models][routing]") {
  Fixture f;
  Tape tape(&f.cpu);
  Pass pass{tape, true, Noise{9, 0}};
  const PolicySample sample = f.policy.sample(pass, 5, false, 1, false);
  tape.backward(add(sample.log_probability[0], sample.log_probability[1]));
  const std::vector<double> g = f.policy.logits()[0]->grad.to_vector();
  for (size_t i = 0; i < 6; ++i) CHECK(g[i] == 0);
  CHECK(g[6] != 0);
}

TEST_CASE("the collaboration bonus is the routers' running chance of an action",
          "[models][routing]") {
  Fixture f;
  f.set(0, uneven);
  f.set(1, other);
  std::vector<double> h(9, 1.0 / 3);  // as the logits began
  const auto check_shares = [&] {
    for (size_t i = 0; i < 9; ++i)
      CHECK(f.policy.shares()[i] == Catch::Approx(h[i]).epsilon(1e-12));
  };
  check_shares();
  for (int step = 0; step < 3; ++step) {
    const Tensor loss = Tensor::from({}, {1.0}, DType::f64);
    f.policy.stepped({loss, loss});
    for (size_t l = 0; l < 3; ++l)
      for (size_t c = 0; c < functions; ++c)
        h[3 * l + c] =
            0.75 * h[3 * l + c] + 0.25 * (row_of(uneven, l)[c] + row_of(other, l)[c]) / 2;
    check_shares();
  }
  f.policy.logits_changed();  // forgets what the host knows: the parameter has it
  check_shares();
  Tape tape(&f.cpu);
  double expected = 0;
  for (const auto& u : {uneven, other})
    for (const size_t l : {size_t{1}, size_t{2}})
      for (size_t c = 0; c < functions; ++c) expected += row_of(u, l)[c] * (1 - h[3 * l + c]) / 2;
  const Var bonus = f.policy.sparsity_loss(tape, SparsityForm::log_skip, 2);
  CHECK(bonus.value().item() == Catch::Approx(expected).epsilon(1e-12));
  tape.backward(bonus);
  const std::vector<double> g = f.policy.logits()[0]->grad.to_vector();
  for (size_t l = 0; l < 3; ++l) {
    const std::vector<double> p = row_of(uneven, l);
    double mean = 0;
    for (size_t c = 0; c < functions; ++c) mean += p[c] * h[3 * l + c];
    for (size_t c = 0; c < functions; ++c)
      CHECK(g[3 * l + c] ==
            Catch::Approx(l == 0 ? 0 : -p[c] * (h[3 * l + c] - mean) / 2).margin(1e-12));
  }
}

TEST_CASE("the sharing loss compares routes, and collapse is how often tasks meet",
          "[models][routing]") {
  Fixture f;
  f.set(0, uneven);
  f.set(1, other);
  Tape tape(&f.cpu);
  double apart = 0, together = 0;
  for (size_t l = 0; l < 3; ++l)
    for (size_t c = 0; c < functions; ++c) {
      const double p = row_of(uneven, l)[c], q = row_of(other, l)[c];
      apart += (3.0 - static_cast<double>(l)) / 3 * std::abs(p - q) / 2;
      together += p * q / 3;
    }
  CHECK(f.policy.sharing_loss(tape, false, true).value().item() ==
        Catch::Approx(apart).epsilon(1e-12));
  REQUIRE(f.policy.together());
  CHECK(*f.policy.together() == Catch::Approx(together).epsilon(1e-12));
  const BinaryPolicy routes{{{1, 2, 3, 1}, {1, 2, 2, 1}, {1, 1, 2, 1}}};
  CHECK(same_gates(routes, 0).value() == Catch::Approx(8.0 / 12));
  CHECK(same_gates(routes, 1).value() == Catch::Approx(5.0 / 9));
  CHECK(same_gates(routes, 3) == 1.0);
  CHECK_FALSE(same_gates({{{1, 2, 3, 1}}}, 0));  // a task by itself collapses with none
  CHECK(collapse_text(1) == "collapsed: all tasks take one path");
  CHECK(collapse_text(0.625) ==
        "two tasks take the same function block at 62 % of the places, mean over pairs (100: one "
        "path for all)");
}

namespace {

/// A network of eight places, of which the last two are routed, for one task.
struct TwoPlaces {
  static constexpr size_t n = 2 * functions;
  static constexpr double rho = 0.4;  ///< policy.sparsity
  CpuContext cpu{2};
  std::unique_ptr<Model> model;
  std::vector<double> u{0.3, -0.2, 0.9, -0.4, 0.6, 0.2};

  explicit TwoPlaces(Estimator estimator = Estimator::reinforce) {
    ModelOptions o;
    o.sharing = Sharing::routing;
    o.share.functions = functions;
    o.share.estimator = estimator;
    o.trunk.width = 0.0625;
    o.trunk.deeplab = false;
    o.head.aspp = false;
    o.tasks = {{"seg", 3}};
    o.policy.skip_layer = 6;
    o.seed = 3;
    model = make_model(&cpu, DType::f64, o);
    policy().set_logits(0, Tensor::from({2, functions}, u, DType::f64));
    for (Parameter& p : model->store().parameters())
      p.trainable = model->store().part_of(p) == Part::policy;
  }
  RoutePolicy& policy() { return dynamic_cast<RoutePolicy&>(*model->policy()); }

  Var loss(Pass& pass, const PolicySample& sample) {
    std::vector<double> pixels;
    for (int i = 0; i < 2 * 32 * 32 * 3; ++i) pixels.push_back(std::sin(0.37 * i));
    const Var x = pass.tape.constant(Tensor::from({2, 32, 32, 3}, pixels, DType::f64));
    return sum(square(shift(model->forward(pass, x, &sample)[0], -0.5)));
  }
  /// L of function blocks a and b, without a draw.
  double loss_of(int a, int b) {
    Tape tape(&cpu, Tape::Mode::no_grad);
    Pass pass{tape, true, Noise{}};
    return loss(pass, {gates_from({{1, 1, 1, 1, 1, 1, a, b}}), {}, {}}).value().item();
  }
  std::vector<std::vector<double>> losses() {
    std::vector<std::vector<double>> out(functions, std::vector<double>(functions));
    for (size_t a = 0; a < functions; ++a)
      for (size_t b = 0; b < functions; ++b)
        out[a][b] = loss_of(static_cast<int>(a) + 1, static_cast<int>(b) + 1);
    return out;
  }
  static std::pair<size_t, size_t> drawn(const PolicySample& sample) {
    const auto column = [&](size_t l) { return static_cast<size_t>(sample.gates[0][l].level - 1); };
    return {column(6), column(7)};
  }
  /// d E[L - rho / 2 (h_0(a) + h_1(b))] / du in plain loops over the outcomes.
  std::vector<double> exact(const std::vector<double>& h) {
    const std::vector<double> p = row_of(u, 0), q = row_of(u, 1);
    const auto l = losses();
    std::vector<double> d(n, 0.0);
    for (size_t a = 0; a < functions; ++a)
      for (size_t b = 0; b < functions; ++b) {
        const double cost = l[a][b] - rho / 2 * (h[a] + h[functions + b]);
        for (size_t i = 0; i < functions; ++i) {
          d[i] += p[a] * q[b] * cost * ((a == i) - p[i]);
          d[functions + i] += p[a] * q[b] * cost * ((b == i) - q[i]);
        }
      }
    return d;
  }
  /// What a step for the logits goes back from.
  Var objective(Tape& tape, const PolicySample& sample, const Var& loss) {
    const std::optional<Var> surrogate = policy().surrogate(sample, 0, loss);
    return add(surrogate ? *surrogate : loss,
               scale(policy().sparsity_loss(tape, SparsityForm::log_skip, 2), rho));
  }
  std::vector<double> gradient_of(Tape& tape, const Var& y) {
    tape.backward(y);
    const std::vector<double> g = policy().logits()[0]->grad.to_vector();
    model->store().clear_gradients();
    return g;
  }
};

}  // namespace

TEST_CASE("routing's REINFORCE over all outcomes of two places is the exact gradient",
          "[models][routing]") {
  TwoPlaces net;
  const std::vector<double> p = row_of(net.u, 0), q = row_of(net.u, 1);
  net.policy().stepped({Tensor::from({}, {1.5}, DType::f64)});  // some baseline, uneven shares
  const std::vector<double> expected = net.exact(net.policy().shares());
  std::map<std::pair<size_t, size_t>, std::vector<double>> outcomes;
  for (uint32_t step = 0; outcomes.size() < functions * functions; ++step) {
    REQUIRE(step < 2000);
    Tape tape(&net.cpu);
    Pass pass{tape, true, Noise{1, step}};
    const PolicySample sample = net.policy().sample(pass, 1, false, 2, false);
    auto& gradient = outcomes[TwoPlaces::drawn(sample)];
    if (gradient.empty())
      gradient = net.gradient_of(tape, net.objective(tape, sample, net.loss(pass, sample)));
  }
  std::vector<double> mean(TwoPlaces::n, 0.0);
  for (const auto& [drawn, gradient] : outcomes)
    for (size_t i = 0; i < mean.size(); ++i)
      mean[i] += p[drawn.first] * q[drawn.second] * gradient[i];
  for (size_t i = 0; i < mean.size(); ++i) CHECK(std::abs(mean[i] - expected[i]) < 1e-9);
}

TEST_CASE("routing's REINFORCE is unbiased in 20,000 draws", "[models][routing]") {
  constexpr int draws = 20000;
  TwoPlaces net;
  const auto losses = net.losses();
  net.policy().stepped({Tensor::from({}, {losses[0][0]}, DType::f64)});
  std::vector<double> mean(TwoPlaces::n, 0.0), square(TwoPlaces::n, 0.0), expected = mean;
  for (uint32_t step = 0; step < draws; ++step) {
    Tape tape(&net.cpu);
    Pass pass{tape, true, Noise{2, step}};
    const PolicySample sample = net.policy().sample(pass, 1, false, 2, false);
    const auto [a, b] = TwoPlaces::drawn(sample);
    const Tensor loss = Tensor::from({}, {losses[a][b]}, DType::f64);
    const std::vector<double> g =
        net.gradient_of(tape, *net.policy().surrogate(sample, 0, tape.constant(loss)));
    net.policy().stepped({loss});
    for (size_t i = 0; i < g.size(); ++i) mean[i] += g[i] / draws, square[i] += g[i] * g[i] / draws;
  }
  expected = net.exact(std::vector<double>(TwoPlaces::n, 0.0));
  for (size_t i = 0; i < mean.size(); ++i)
    CHECK(std::abs(mean[i] - expected[i]) < 4 * std::sqrt((square[i] - mean[i] * mean[i]) / draws));
}

TEST_CASE("straight through, the router has the soft sample's gradient of the mixed network",
          "[models][routing]") {
  TwoPlaces net(Estimator::gumbel);
  constexpr double tau = 0.7;
  Tape tape(&net.cpu);
  Pass pass{tape, true, Noise{4, 2}};
  const PolicySample sample = net.policy().sample(pass, tau, false, 2, false);
  CHECK(sample.log_probability.empty());
  const std::vector<double> found =
      net.gradient_of(tape, net.objective(tape, sample, net.loss(pass, sample)));
  const std::vector<double> p = sample.p[0].value().to_vector();
  // dL/dp of the mixture x' = sum_m z_m f_m, by central differences around the one-hot draw.
  const auto mixed = [&](const std::vector<double>& z) {
    Tape plain(&net.cpu, Tape::Mode::no_grad);
    Pass again{plain, true, Noise{4, 2}};
    PolicySample at = sample;
    at.p = {plain.constant(Tensor::from({2, functions}, z, DType::f64))};
    return net.loss(again, at).value().item();
  };
  std::vector<double> w;
  for (size_t i = 0; i < TwoPlaces::n; ++i) {
    constexpr double step = 1e-5;
    std::vector<double> up = p, down = p;
    up[i] += step, down[i] -= step;
    w.push_back((mixed(up) - mixed(down)) / (2 * step));
  }
  const Philox words(4, Stream::gumbel, 2, "policy.seg");
  const std::vector<double>& h = net.policy().shares();
  for (size_t l = 0; l < 2; ++l) {
    std::vector<double> s;
    double sum = 0, inner = 0, bonus = 0;
    size_t top = 0;
    const std::vector<double> pi = row_of(net.u, l);
    for (size_t c = 0; c < functions; ++c) {
      const double noise = -std::log(-std::log(words.uniform(functions * l + c)));
      s.push_back(std::exp((net.u[functions * l + c] + noise) / tau));
      sum += s.back();
      if (s[c] > s[top]) top = c;
    }
    for (size_t c = 0; c < functions; ++c)
      s[c] /= sum, inner += s[c] * w[functions * l + c], bonus += pi[c] * h[functions * l + c];
    CHECK(sample.gates[0][6 + l].level == static_cast<int>(top) + 1);
    for (size_t c = 0; c < functions; ++c) {
      const size_t at = functions * l + c;
      CHECK(p[at] == (c == top));
      const double want =
          s[c] * (w[at] - inner) / tau - TwoPlaces::rho / 2 * pi[c] * (h[at] - bonus);
      CHECK(std::abs(found[at] - want) < 1e-6 * std::max(1.0, std::abs(want)));
    }
  }
}
