// BlockDrop against its definition in plain loops: under given draws every prediction and every
// pathwise gradient agrees to 1e-9 in f64, batch norm's statistics those of the images that execute
// the block; its chances; and what it refuses.
#include <algorithm>
#include <cmath>
#include <functional>

#include "models/sharing/blockdrop.h"
#include "models/sharing/way.h"
#include "ops/pointwise.h"
#include "ops/reduce.h"
#include "tests/models/naive_per_input.h"
#include "tests/models/random_model.h"
#include "tests/support/catch.h"
#include "tests/support/temp_folder.h"

using namespace weft;
using namespace weft::test;

namespace {

constexpr int64_t height = 17, width = 14, images = 3;

ModelOptions options_of(PolicyOf decisions) {
  ModelOptions o;
  o.sharing = Sharing::blockdrop;
  o.share.decisions = decisions;
  o.share.full_steps = o.share.policy_steps = o.share.unlock_steps = 0;
  o.share.policy_width = 4;
  o.trunk.width = 0.0625;
  o.head.aspp = false;
  o.tasks = {{"seg", 3}, {"depth", 1}};
  o.seed = 7;
  return o;
}

}  // namespace

TEST_CASE("blockdrop is its definition under its draws: values and pathwise gradients",
          "[models][ways][blockdrop]") {
  const PolicyOf decisions = GENERATE(PolicyOf::image, PolicyOf::task);
  const ModelOptions options = options_of(decisions);
  CpuContext cpu(2);
  const auto model = make_model(&cpu, DType::f64, options);
  randomise(*model);
  auto& own = *blockdrop(*model);
  const auto pixels = noise("image", images * height * width * 3, -1, 1);
  Tape tape(&cpu);
  // A step at which no block is executed by one image alone, whose statistics would be others.
  Pass pass{tape, true, Noise{3, 0}};
  const Var x = tape.constant(Tensor::from({images, height, width, 3}, pixels, DType::f64));
  const Tensor chances = own.probabilities(pass, x).value();
  Decisions u;
  for (bool lonely = true; lonely;) {
    u = own.draw(chances, Noise{3, ++pass.noise.step}, 8);
    const RowPlan plan = plan_rows(u);
    lonely = std::any_of(plan.blocks.begin(), plan.blocks.end(),
                         [](const RowPlan::Block& block) { return block.run.size() == 1; });
  }

  steps().clear();
  const auto parameters = numbers_of(*model);
  Map image(images, height, width, 3);
  for (size_t i = 0; i < pixels.size(); ++i) image.values[i] = {pixels[i]};
  const NaiveNet net(options, parameters);
  const auto features = naive_rows(net, image, u);
  const auto y = model->forward(pass, x, nullptr);
  Number loss;
  std::optional<Var> total;
  size_t wrong = 0;
  for (size_t k = 0; k < options.tasks.size(); ++k) {
    const std::vector<double> mine = y[k].value().to_vector();
    const auto w = noise("w." + options.tasks[k].name, static_cast<int64_t>(mine.size()), -1, 1);
    size_t at = 0;
    for (size_t n = 0; n < images; ++n) {
      const std::string key = row_key(n, u[own.policy_of(k)][n]);
      for (const Number& v : net.head(options.tasks[k].name, features.at(key)).values) {
        wrong += !close(mine.at(at), v.value);
        loss = loss + w[at] * v;
        ++at;
      }
    }
    REQUIRE(at == mine.size());
    const Var term = sum(mul(y[k], tape.constant(Tensor::from(y[k].shape(), w, DType::f64))));
    total = total ? add(*total, term) : term;
  }
  CHECK(wrong == 0);
  tape.backward(*total);
  const std::vector<double> d = gradients(loss);
  size_t reached = 0;
  for (const Parameter& p : model->store().parameters()) {
    INFO(p.name);
    if (model->store().part_of(p) == Part::sharing) {
      CHECK_FALSE(p.grad.defined());  // decisions carry no gradient
      continue;
    }
    const Numbers& naive = parameters.at(p.name);
    const std::vector<double> mine =
        p.grad.defined() ? p.grad.to_vector() : std::vector<double>(naive.size(), 0);
    size_t off = 0;
    for (size_t i = 0; i < naive.size(); ++i)
      off += !close(mine[i], d[static_cast<size_t>(naive[i].step)]);
    CHECK(off == 0);
    reached += p.grad.defined();
  }
  CHECK(reached > 20);
}

TEST_CASE("blockdrop: chances are bounded, start near sigmoid(2), and decide evaluation",
          "[models][blockdrop]") {
  ModelOptions options = options_of(PolicyOf::task);
  options.share.bound = 0.7;
  CpuContext cpu;
  const auto model = make_model(&cpu, DType::f64, options);
  auto& own = *blockdrop(*model);
  Tape tape(&cpu, Tape::Mode::no_grad);
  Pass pass{tape, false, Noise{}};
  const Var x =
      tape.constant(Tensor::from({2, 9, 9, 3}, noise("x", 2 * 9 * 9 * 3, -2, 2), DType::f64));
  const Tensor first = own.probabilities(pass, x).value();
  CHECK(first.shape() == Shape{2, 16});
  const double s = 1 / (1 + std::exp(-2.0));
  for (double p : first.to_vector()) CHECK(std::abs(p - (0.7 * s + 0.3 * (1 - s))) < 0.02);
  randomise(*model);
  for (Parameter& p : model->store().parameters())
    if (p.name == "sharing.policy.fc.bias")
      p.value = Tensor::from(p.value.shape(), noise("bias", 16, -40, 40), DType::f64);
  const Tensor chances = own.probabilities(pass, x).value();
  for (double p : chances.to_vector()) CHECK((p >= 0.3 - 1e-12 && p <= 0.7 + 1e-12));
  const Decisions likely = own.likely(chances, 8), late = own.likely(chances, 3);
  const auto p = chances.to_vector();
  bool skips = false;
  for (size_t v = 0; v < 2; ++v)
    for (size_t n = 0; n < 2; ++n)
      for (size_t l = 0; l < 8; ++l) {
        const bool select = p[(n * 2 + v) * 8 + l] >= 0.5;
        skips = skips || !select;
        CHECK((likely[v][n][l] != 0) == select);
        CHECK((late[v][n][l] != 0) == (select || l < 5));
      }
  CHECK(skips);
}

TEST_CASE("blockdrop: phases and the curriculum are functions of the step", "[models][blockdrop]") {
  ModelOptions options = options_of(PolicyOf::image);
  options.share.full_steps = 4;
  options.share.policy_steps = 6;
  options.share.unlock_steps = 2;
  CpuContext cpu;
  const auto model = make_model(&cpu, DType::f32, options);
  auto& own = *blockdrop(*model);
  CHECK(own.phase_at(3) == PerInputPhase::full);
  CHECK(own.phase_at(4) == PerInputPhase::policy);
  CHECK(own.phase_at(9) == PerInputPhase::policy);
  CHECK(own.phase_at(10) == PerInputPhase::joint);
  CHECK(own.active_at(3) == 0);
  CHECK(own.active_at(4) == 1);
  CHECK(own.active_at(6) == 2);
  CHECK(own.active_at(100) == 8);
}

TEST_CASE("blockdrop: what it counts is what evaluation ran, mean and spread",
          "[models][blockdrop]") {
  CpuContext cpu;
  const auto model = make_model(&cpu, DType::f64, options_of(PolicyOf::image));
  randomise(*model);
  auto& own = *blockdrop(*model);
  for (Parameter& p : model->store().parameters())
    if (p.name == "sharing.policy.fc.bias")
      p.value = Tensor::from(p.value.shape(), std::vector<double>(8, 0), DType::f64);
  Tape tape(&cpu, Tape::Mode::no_grad);
  Pass pass{tape, false, Noise{}};
  const Var x = tape.constant(Tensor::from(
      {images, height, width, 3}, noise("y", images * height * width * 3, -3, 3), DType::f64));
  own.forward(pass, x, nullptr);
  const Decisions u = own.likely(own.probabilities(pass, x).value(), 8);
  const TrunkCost cost = own.trunk().cost(height, width);
  std::vector<double> each;
  for (const auto& select : u[0]) {
    auto macs =
        static_cast<double>(own.cost(height, width, nullptr).sharing.dense + cost.stem.dense);
    for (size_t l = 0; l < 8; ++l)
      macs +=
          static_cast<double>(cost.shortcut[l].dense + (select[l] ? cost.residual[l].dense : 0));
    each.push_back(macs);
  }
  double mean = 0, variance = 0;
  for (double m : each) mean += m / images;
  for (double m : each) variance += (m - mean) * (m - mean) / images;
  CHECK(own.executed().images == images);
  CHECK(own.executed().mean() == Catch::Approx(mean));
  CHECK(own.executed().spread() == Catch::Approx(std::sqrt(variance)).margin(1));
  CHECK(own.executed().mean() < static_cast<double>(own.cost(height, width, nullptr).body().dense));
  own.forget_executed();
  CHECK(own.executed().images == 0);
}

TEST_CASE("blockdrop: a chance that is no number is said, not taken for a skip",
          "[models][nan][blockdrop]") {
  CpuContext cpu;
  const auto model = make_model(&cpu, DType::f32, options_of(PolicyOf::image));
  Parameter& bias = *model->store().find("sharing.policy.fc.bias");
  bias.value.data<float>()[3] = std::nanf("");
  Tape tape(&cpu, Tape::Mode::no_grad);
  Pass pass{tape, false, Noise{}};
  const Var x = tape.constant(Tensor::full({1, height, width, 3}, 0.5, DType::f32));
  CHECK(message_of<NumericError>([&] {
          model->forward(pass, x, nullptr);
        }).find("the chance to execute a block is no number") != std::string::npos);
}

TEST_CASE("blockdrop refuses by name what it is not for", "[models][ways][blockdrop]") {
  CpuContext cpu;
  const auto refusal = [&](const std::function<void(ModelOptions&)>& change) {
    ModelOptions options = options_of(PolicyOf::image);
    change(options);
    return message_of<ConfigError>([&] { make_model(&cpu, DType::f32, options); });
  };
  CHECK(refusal([](auto& o) { o.trunk.kind = TrunkOptions::Kind::vgg16; }).find("\"blockdrop\"") !=
        std::string::npos);
  CHECK(refusal([](auto& o) { o.trunk.kind = TrunkOptions::Kind::vdcnn; }).find("reads texts") !=
        std::string::npos);
  CHECK(refusal([](auto& o) {
          o.own_statistics = true;
        }).find("\"blockdrop\" has one batch norm") != std::string::npos);
  CHECK(refusal([](auto& o) { o.separate_inputs = true; }).find("\"blockdrop\"") !=
        std::string::npos);
}
