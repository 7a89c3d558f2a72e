// DEN's policy: draws follow their probabilities, regularisers are the expected shares', and the
// gradient that comes back: by REINFORCE exact over all outcomes of two blocks and unbiased in
// 20,000 draws, straight through the soft sample's.
#include "models/channel_policy.h"

#include <cmath>
#include <map>

#include "models/sharing/sharing.h"
#include "ops/pointwise.h"
#include "ops/reduce.h"
#include "tests/support/catch.h"

using namespace weft;

namespace {

const std::vector<std::string> names{"seg", "depth"};

struct Fixture {
  CpuContext cpu{1};
  ParameterStore store{&cpu, DType::f64};
  ChannelPolicy policy;

  explicit Fixture(Estimator estimator = Estimator::reinforce, int blocks = 3)
      : policy(store, names, blocks, {}, 5, estimator, 0.5) {}
  void set(size_t task, const std::vector<double>& logits) {
    policy.set_logits(
        task, Tensor::from({static_cast<int64_t>(logits.size()) / 4, 4}, logits, DType::f64));
  }
};

const std::vector<double> uneven{0.5, -1, 2, 0, 1, 1, 0, -2, -0.5, 0.25, 0, 3};

/// softmax of row l, by column: 100, 50, 25 and 0 %.
std::vector<double> row_of(const std::vector<double>& u, size_t l) {
  std::vector<double> p;
  double sum = 0;
  for (size_t c = 0; c < 4; ++c) p.push_back(std::exp(u[4 * l + c])), sum += p.back();
  for (double& v : p) v /= sum;
  return p;
}

double share_of(const std::vector<double>& u, size_t l) {
  const std::vector<double> p = row_of(u, l);
  return p[0] + 0.5 * p[1] + 0.25 * p[2];
}

}  // namespace

TEST_CASE("levels are drawn as likely as they are, in steps and after the search",
          "[models][den]") {
  const Estimator estimator = GENERATE(Estimator::reinforce, Estimator::gumbel);
  Fixture f(estimator);
  f.set(0, uneven);
  for (Parameter* logits : f.policy.logits()) logits->trainable = false;
  constexpr int draws = 4000;
  std::vector<std::vector<double>> steps(3, std::vector<double>(4)), after = steps;
  for (uint32_t i = 0; i < draws; ++i) {
    Tape tape(&f.cpu);
    Pass pass{tape, true, Noise{9, i}};
    const PolicySample sample = f.policy.sample(pass, 5, false, 3, false);
    const BinaryPolicy chosen = f.policy.sample_binary(9, i, 3);
    for (size_t l = 0; l < 3; ++l) {
      const Gate& gate = sample.gates[0][l];
      REQUIRE(gate.kind == (gate.level == 0 ? Gate::Kind::skip : Gate::Kind::select));
      steps[l][static_cast<size_t>(3 - gate.level)] += 1.0 / draws;
      after[l][static_cast<size_t>(3 - chosen.select[0][l])] += 1.0 / draws;
    }
  }
  for (size_t l = 0; l < 3; ++l) {
    const std::vector<double> p = row_of(uneven, l);
    for (size_t c = 0; c < 4; ++c) {
      const double margin = 4 * std::sqrt(p[c] * (1 - p[c]) / draws);
      CHECK(std::abs(steps[l][c] - p[c]) < margin);
      CHECK(std::abs(after[l][c] - p[c]) < margin);
      CHECK(f.policy.levels(0)[l][3 - c] == Catch::Approx(p[c]).epsilon(1e-12));
    }
    CHECK(f.policy.probabilities()[0][l] == Catch::Approx(share_of(uneven, l)).epsilon(1e-12));
  }
  CHECK(f.policy.most_likely().select ==
        std::vector<std::vector<int>>{{1, 3, 0}, {3, 3, 3}});  // of equals the highest
  CHECK(f.policy.most() == 3);
}

TEST_CASE("blocks without a turn are executed whole", "[models][den]") {
  Fixture f;
  for (size_t k = 0; k < 2; ++k)
    f.set(k, std::vector<double>{0, 0, 0, 50, 0, 0, 0, 50, 0, 0, 0, 50});
  Tape tape(&f.cpu);
  Pass pass{tape, true, Noise{9, 0}};
  const PolicySample sample = f.policy.sample(pass, 5, false, 1, false);
  for (size_t k = 0; k < 2; ++k) CHECK(sample.gates[k] == gates_from({{3, 3, 0}})[0]);
  CHECK(f.policy.sample_binary(1, 0, 1).select[1] == std::vector<int>{3, 3, 0});
  tape.backward(add(sample.log_probability[0], sample.log_probability[1]));
  const std::vector<double> g = f.policy.logits()[0]->grad.to_vector();
  for (size_t i = 0; i < 8; ++i) CHECK(g[i] == 0);
}

TEST_CASE("regularisers are of the expected shares", "[models][den]") {
  Fixture f;
  const std::vector<double> other{0, 0, 0, 0, 1, 0, 0, 0, 0, 2, 0, 0};
  f.set(0, uneven);
  f.set(1, other);
  Tape tape(&f.cpu);
  const double active = (share_of(uneven, 1) + share_of(uneven, 2)) / 2 +
                        (share_of(other, 1) + share_of(other, 2)) / 2;
  CHECK(f.policy.sparsity_loss(tape, SparsityForm::log_skip, 2).value().item() ==
        Catch::Approx(active).epsilon(1e-12));
  double apart = 0;
  for (size_t l = 0; l < 3; ++l)
    apart +=
        (3.0 - static_cast<double>(l)) / 3 * std::abs(share_of(uneven, l) - share_of(other, l));
  CHECK(f.policy.sharing_loss(tape, false, true).value().item() ==
        Catch::Approx(apart).epsilon(1e-12));
  tape.backward(f.policy.sparsity_loss(tape, SparsityForm::log_skip, 3));
  const std::vector<double> g = f.policy.logits()[0]->grad.to_vector();
  const double shares[] = {1, 0.5, 0.25, 0};
  for (size_t l = 0; l < 3; ++l)
    for (size_t c = 0; c < 4; ++c)
      CHECK(g[4 * l + c] ==
            Catch::Approx(row_of(uneven, l)[c] * (shares[c] - share_of(uneven, l)) / 3)
                .margin(1e-12));
}

namespace {

/// A network of eight blocks, of which the last two are learned, for one task.
struct TwoBlocks {
  CpuContext cpu{2};
  std::unique_ptr<Model> model;
  std::vector<double> u{0.3, -0.2, 0.9, 0.1, -0.4, 0.6, 0.0, 0.2};

  TwoBlocks() {
    ModelOptions o;
    o.sharing = Sharing::den;
    o.trunk.width = 0.0625;
    o.trunk.deeplab = false;
    o.head.aspp = false;
    o.tasks = {{"seg", 3}};
    o.policy.skip_layer = 6;
    o.seed = 3;
    model = make_model(&cpu, DType::f64, o);
    policy().set_logits(0, Tensor::from({2, 4}, u, DType::f64));
    for (Parameter& p : model->store().parameters())
      p.trainable = model->store().part_of(p) == Part::policy;
  }
  Policy& policy() { return *model->policy(); }

  Var loss(Pass& pass, const PolicySample& sample) {
    std::vector<double> pixels;
    for (int i = 0; i < 2 * 32 * 32 * 3; ++i) pixels.push_back(std::sin(0.37 * i));
    const Var x = pass.tape.constant(Tensor::from({2, 32, 32, 3}, pixels, DType::f64));
    return sum(square(shift(model->forward(pass, x, &sample)[0], -0.5)));
  }
  /// L of levels a and b, without a draw.
  double loss_of(int a, int b) {
    Tape tape(&cpu, Tape::Mode::no_grad);
    Pass pass{tape, true, Noise{}};
    return loss(pass, {gates_from({{3, 3, 3, 3, 3, 3, a, b}}), {}, {}}).value().item();
  }
  /// The columns of a draw.
  static std::pair<size_t, size_t> drawn(const PolicySample& sample) {
    const auto column = [&](size_t l) { return static_cast<size_t>(3 - sample.gates[0][l].level); };
    return {column(6), column(7)};
  }
  /// d E[L] / du in plain loops over the outcomes.
  std::vector<double> exact() {
    const std::vector<double> p = row_of(u, 0), q = row_of(u, 1);
    std::vector<double> d(8, 0.0);
    for (size_t a = 0; a < 4; ++a)
      for (size_t b = 0; b < 4; ++b) {
        const double l = loss_of(3 - static_cast<int>(a), 3 - static_cast<int>(b));
        for (size_t i = 0; i < 4; ++i) {
          d[i] += p[a] * q[b] * l * ((a == i) - p[i]);
          d[4 + i] += p[a] * q[b] * l * ((b == i) - q[i]);
        }
      }
    return d;
  }
};

}  // namespace

TEST_CASE("DEN's REINFORCE over all outcomes of two blocks is the exact gradient",
          "[models][den]") {
  TwoBlocks net;
  const std::vector<double> expected = net.exact(), p = row_of(net.u, 0), q = row_of(net.u, 1);
  net.policy().stepped({Tensor::from({}, {1.5}, DType::f64)});  // some baseline
  std::map<std::pair<size_t, size_t>, std::vector<double>> outcomes;
  for (uint32_t step = 0; outcomes.size() < 16; ++step) {
    REQUIRE(step < 2000);
    Tape tape(&net.cpu);
    Pass pass{tape, true, Noise{1, step}};
    const PolicySample sample = net.policy().sample(pass, 1, false, 2);
    auto& gradient = outcomes[TwoBlocks::drawn(sample)];
    if (!gradient.empty()) continue;
    const std::optional<Var> surrogate = net.policy().surrogate(sample, 0, net.loss(pass, sample));
    REQUIRE(surrogate);
    tape.backward(*surrogate);
    gradient = net.policy().logits()[0]->grad.to_vector();
    net.model->store().clear_gradients();
  }
  std::vector<double> mean(8, 0.0);
  for (const auto& [drawn, gradient] : outcomes)
    for (size_t i = 0; i < 8; ++i) mean[i] += p[drawn.first] * q[drawn.second] * gradient[i];
  for (size_t i = 0; i < 8; ++i) CHECK(std::abs(mean[i] - expected[i]) < 1e-9);
}

TEST_CASE("DEN's REINFORCE is unbiased in 20,000 draws", "[models][den]") {
  constexpr int draws = 20000;
  TwoBlocks net;
  const std::vector<double> expected = net.exact();
  double losses[4][4];
  for (int a = 0; a < 4; ++a)
    for (int b = 0; b < 4; ++b) losses[a][b] = net.loss_of(3 - a, 3 - b);
  net.policy().stepped({Tensor::from({}, {losses[0][0]}, DType::f64)});
  std::vector<double> mean(8, 0.0), square(8, 0.0);
  for (uint32_t step = 0; step < draws; ++step) {
    Tape tape(&net.cpu);
    Pass pass{tape, true, Noise{2, step}};
    const PolicySample sample = net.policy().sample(pass, 1, false, 2);
    const auto [a, b] = TwoBlocks::drawn(sample);
    const Tensor loss = Tensor::from({}, {losses[a][b]}, DType::f64);
    tape.backward(*net.policy().surrogate(sample, 0, tape.constant(loss)));
    const std::vector<double> g = net.policy().logits()[0]->grad.to_vector();
    net.model->store().clear_gradients();
    net.policy().stepped({loss});
    for (size_t i = 0; i < 8; ++i) mean[i] += g[i] / draws, square[i] += g[i] * g[i] / draws;
  }
  for (size_t i = 0; i < 8; ++i)
    CHECK(std::abs(mean[i] - expected[i]) < 4 * std::sqrt((square[i] - mean[i] * mean[i]) / draws));
}

TEST_CASE("straight through, the logits have the soft sample's gradient", "[models][den]") {
  Fixture f(Estimator::gumbel);
  f.set(0, uneven);
  constexpr double tau = 0.7;
  Tape tape(&f.cpu);
  Pass pass{tape, true, Noise{4, 2}};
  const PolicySample sample = f.policy.sample(pass, tau, false, 3, false);
  REQUIRE(sample.p.size() == 2);
  CHECK(sample.log_probability.empty());
  std::vector<double> w;
  for (int i = 0; i < 12; ++i) w.push_back(std::cos(2.0 * i));
  tape.backward(sum(mul(sample.p[0], tape.constant(Tensor::from({3, 4}, w, DType::f64)))));
  const std::vector<double> g = f.policy.logits()[0]->grad.to_vector();
  const std::vector<double> p = sample.p[0].value().to_vector();
  const Philox words(4, Stream::gumbel, 2, "policy.seg");
  for (size_t l = 0; l < 3; ++l) {
    std::vector<double> s;
    double sum = 0, inner = 0;
    size_t top = 0;
    for (size_t c = 0; c < 4; ++c) {
      const double noise = -std::log(-std::log(words.uniform(4 * l + c)));
      s.push_back(std::exp((uneven[4 * l + c] + noise) / tau));
      sum += s.back();
      if (s[c] > s[top]) top = c;
    }
    for (size_t c = 0; c < 4; ++c) s[c] /= sum, inner += s[c] * w[4 * l + c];
    const Gate& gate = sample.gates[0][l];
    CHECK(gate.kind == Gate::Kind::soft);
    CHECK(gate.level == static_cast<int>(3 - top));
    for (size_t c = 0; c < 4; ++c) {
      CHECK(p[4 * l + c] == (c == top));
      CHECK(std::abs(g[4 * l + c] - s[c] * (w[4 * l + c] - inner) / tau) < 1e-9);
    }
  }
}
