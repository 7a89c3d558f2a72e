// SpotTune against its definition in plain loops (naive_spottune.h): in f64 every prediction and
// every gradient agrees to 1e-9, through the straight-through estimator too; evaluation executes the
// likelier copy of each block and no other, image by image as alone; and what it refuses.
#include <algorithm>
#include <cmath>
#include <functional>

#include "models/sharing/per_input.h"
#include "models/sharing/way.h"
#include "ops/pointwise.h"
#include "ops/reduce.h"
#include "tests/models/naive_spottune.h"
#include "tests/models/random_model.h"
#include "tests/support/catch.h"
#include "tests/support/op_check.h"
#include "tests/support/temp_folder.h"

using namespace weft;
using namespace weft::test;

namespace {

constexpr int64_t height = 17, width = 14, images = 3;

ModelOptions options_of(PolicyOf decisions) {
  ModelOptions o;
  o.sharing = Sharing::spottune;
  o.share.decisions = decisions;
  o.share.policy_width = 4;
  o.share.temperature = 0.7;
  o.trunk.width = 0.0625;
  o.head.aspp = false;
  o.tasks = {{"seg", 3}, {"depth", 1}};
  o.seed = 7;
  return o;
}

/// Every running statistic anew, too; those, by layer.
Running randomise_all(Model& model) {
  randomise(model);
  Running running;
  for (NamedStats& s : model.store().stats()) {
    const int64_t c = s.stats.running_mean.numel();
    const auto mean = noise(s.name + ".mean", c, -0.3, 0.3), var = noise(s.name, c, 0.5, 2);
    std::copy(mean.begin(), mean.end(), s.stats.running_mean.data<double>());
    std::copy(var.begin(), var.end(), s.stats.running_var.data<double>());
    running[s.name] = {mean, var};
  }
  return running;
}

struct Pictures {
  std::vector<double> pixels = noise("image", images* height* width * 3, -1, 1);
  Map map{images, height, width, 3};
  Tensor tensor = Tensor::from({images, height, width, 3}, pixels, DType::f64);
  Pictures() {
    for (size_t i = 0; i < pixels.size(); ++i) map.values[i] = {pixels[i]};
  }
};

bool frozen(const std::string& name) { return name.rfind("sharing.frozen.", 0) == 0; }

size_t apart(const Tensor& mine, const Numbers& naive) {
  const std::vector<double> values = mine.to_vector();
  REQUIRE(values.size() == naive.size());
  size_t wrong = 0;
  for (size_t i = 0; i < naive.size(); ++i) wrong += !close(values[i], naive[i].value);
  return wrong;
}

/// [policy][image][block]: whether the tuned copy's logit is at least the other's.
Decisions likelier(const Numbers& z, size_t policies) {
  return decide(policies, images, 8,
                [&](int64_t, size_t at) { return z[2 * at].value >= z[2 * at + 1].value; });
}

}  // namespace

TEST_CASE("spottune is its definition: values and gradients, straight through",
          "[models][ways][spottune]") {
  const ModelOptions options = options_of(GENERATE(PolicyOf::image, PolicyOf::task));
  CpuContext cpu(2);
  const auto model = make_model(&cpu, DType::f64, options);
  const Running running = randomise_all(*model);
  const Noise step{3, 5};
  const Pictures x;

  steps().clear();
  const auto parameters = numbers_of(*model);
  const NaiveNet net(options, parameters);
  const NaiveSpotTune naive(net, running);
  const auto features = naive.train(x.map, step);
  for (const auto& policy : naive.drawn()) {  // each copy is drawn by some image
    std::vector<uint8_t> all;
    for (const auto& image : policy) all.insert(all.end(), image.begin(), image.end());
    REQUIRE(std::count(all.begin(), all.end(), 1) > 3);
    REQUIRE(std::count(all.begin(), all.end(), 0) > 3);
  }

  Tape tape(&cpu);
  Pass pass{tape, true, step};
  const auto y = model->forward(pass, tape.constant(x.tensor), nullptr);
  Number loss;
  std::optional<Var> total;
  for (size_t k = 0; k < options.tasks.size(); ++k) {
    INFO(options.tasks[k].name);
    const Map own = net.head(options.tasks[k].name, features[features.size() == 1 ? 0 : k]);
    CHECK(apart(y[k].value(), own.values) == 0);
    const auto w = noise("w." + options.tasks[k].name, y[k].value().numel(), -1, 1);
    for (size_t i = 0; i < w.size(); ++i) loss = loss + w[i] * own.values[i];
    const Var term = sum(mul(y[k], tape.constant(Tensor::from(y[k].shape(), w, DType::f64))));
    total = total ? add(*total, term) : term;
  }
  tape.backward(*total);
  const std::vector<double> d = gradients(loss);
  size_t of_policy = 0;
  for (const Parameter& p : model->store().parameters()) {
    INFO(p.name);
    if (frozen(p.name)) {
      CHECK_FALSE(p.grad.defined());
      continue;
    }
    Numbers expected;
    for (const Number& n : parameters.at(p.name))
      expected.push_back({d[static_cast<size_t>(n.step)]});
    REQUIRE(p.grad.defined());
    CHECK(apart(p.grad, expected) == 0);
    if (p.name.rfind("sharing.policy.", 0) == 0)
      for (const Number& n : expected) of_policy += n.value != 0;
  }
  CHECK(of_policy > 100);
  for (const NamedStats& s : model->store().stats()) {
    INFO(s.name);
    CHECK((s.stats.running_mean.to_vector() == running.at(s.name).first) == frozen(s.name));
    CHECK((s.stats.running_var.to_vector() == running.at(s.name).second) == frozen(s.name));
    const bool once = options.share.decisions == PolicyOf::image;
    CHECK(s.stats.num_batches_tracked == (frozen(s.name) ? 0 : once ? 1 : 2));
  }
}

TEST_CASE("spottune: evaluation executes the likelier copy, each image as alone",
          "[models][spottune]") {
  const ModelOptions options = options_of(GENERATE(PolicyOf::image, PolicyOf::task));
  CpuContext cpu(2);
  const auto model = make_model(&cpu, DType::f64, options);
  const Running running = randomise_all(*model);
  // Logits that differ between images.
  Parameter& weight = *model->store().find("sharing.policy.fc.weight");
  weight.value =
      Tensor::from(weight.value.shape(), noise("fc", weight.value.numel(), -40, 40), DType::f64);
  const Pictures x;
  steps().clear();
  const NaiveNet net(options, numbers_of(*model));
  const NaiveSpotTune naive(net, running);
  const Decisions tuned = likelier(naive.logits(x.map), naive.policies());
  const auto features = naive.evaluate(x.map, tuned);
  bool differ = false;
  for (const auto& policy : tuned)
    for (const auto& image : policy) differ = differ || image != policy[0];
  REQUIRE(differ);

  const auto evaluated = [&](const Tensor& pictures) {
    Tape tape(&cpu, Tape::Mode::no_grad);
    Pass pass{tape, false, Noise{}};
    std::vector<Tensor> out;
    for (const Var& y : model->forward(pass, tape.constant(pictures), nullptr))
      out.push_back(y.value());
    return out;
  };
  const auto together = evaluated(x.tensor);
  for (size_t k = 0; k < options.tasks.size(); ++k)
    CHECK(apart(together[k],
                net.head(options.tasks[k].name, features[features.size() == 1 ? 0 : k]).values) ==
          0);
  for (int64_t n = 0; n < images; ++n) {
    const auto alone = evaluated(x.tensor.rows(n, 1));
    for (size_t k = 0; k < alone.size(); ++k) CHECK(same_bits(alone[k], together[k].rows(n, 1)));
  }
}

TEST_CASE("spottune: a copy that no image executes is not run", "[models][spottune]") {
  CpuContext cpu;
  const auto model = make_model(&cpu, DType::f64, options_of(PolicyOf::image));
  randomise_all(*model);
  // Even blocks by their tuned copy, odd ones by the frozen.
  std::vector<double> bias;
  for (int l = 0; l < 8; ++l) bias.insert(bias.end(), {l % 2 == 0 ? 90.0 : -90.0, 0.0});
  Parameter& last = *model->store().find("sharing.policy.fc.bias");
  last.value = Tensor::from(last.value.shape(), bias, DType::f64);
  for (Parameter& p : model->store().parameters()) p.trainable = true;
  Tape tape(&cpu);
  Pass pass{tape, false, Noise{}};
  const auto y = model->forward(pass, tape.constant(Pictures().tensor), nullptr);
  tape.backward(add(sum(y[0]), sum(y[1])));
  for (const Parameter& p : model->store().parameters()) {
    INFO(p.name);
    const size_t at = p.name.find("layer");
    if (at == std::string::npos) continue;
    const bool even = p.name.at(at + std::string("layer1.").size()) == '0';
    CHECK(p.grad.defined() == (even != frozen(p.name)));
  }
  auto& own = *per_input(*model);
  CHECK(own.executed().images == images);
  CHECK(own.executed().mean() ==
        Catch::Approx(static_cast<double>(own.cost(height, width, nullptr).body().dense)));
  CHECK(own.executed().spread() == Catch::Approx(0).margin(1));
}

TEST_CASE("spottune: policies of an image share what they execute alike, and are counted so",
          "[models][spottune]") {
  CpuContext cpu;
  const auto model = make_model(&cpu, DType::f64, options_of(PolicyOf::task));
  randomise_all(*model);
  auto& own = *per_input(*model);
  const TrunkCost cost = own.trunk().cost(height, width);
  // The second task's policy parts from the first's at block 5.
  std::vector<double> bias(32, 0.0);
  for (size_t v = 0; v < 2; ++v)
    for (size_t l = 0; l < 8; ++l) bias[v * 16 + l * 2] = v == 1 && l == 5 ? -90 : 90;
  Parameter& last = *model->store().find("sharing.policy.fc.bias");
  last.value = Tensor::from(last.value.shape(), bias, DType::f64);
  Tape tape(&cpu, Tape::Mode::no_grad);
  Pass pass{tape, false, Noise{}};
  own.forward(pass, tape.constant(Pictures().tensor), nullptr);
  auto all = static_cast<double>(own.cost(height, width, nullptr).body().dense);
  for (size_t l = 5; l < 8; ++l)
    all += static_cast<double>(cost.residual[l].dense + cost.shortcut[l].dense);
  CHECK(own.executed().mean() == Catch::Approx(all));
  own.forget_executed();
  CHECK(own.executed().images == 0);
}

TEST_CASE("spottune: a logit that is no number is said, not taken for a choice",
          "[models][nan][spottune]") {
  CpuContext cpu;
  const auto model = make_model(&cpu, DType::f32, options_of(PolicyOf::image));
  model->store().find("sharing.policy.fc.bias")->value.data<float>()[3] = std::nanf("");
  Tape tape(&cpu, Tape::Mode::no_grad);
  Pass pass{tape, false, Noise{}};
  const Var x = tape.constant(Tensor::full({1, height, width, 3}, 0.5, DType::f32));
  CHECK(message_of<NumericError>([&] {
          model->forward(pass, x, nullptr);
        }).find("a logit is no number") != std::string::npos);
}

TEST_CASE("spottune refuses by name what it is not for", "[models][ways][spottune]") {
  CpuContext cpu;
  const auto refusal = [&](const std::function<void(ModelOptions&)>& change) {
    ModelOptions options = options_of(PolicyOf::image);
    change(options);
    return message_of<ConfigError>([&] { make_model(&cpu, DType::f32, options); });
  };
  for (const auto& [change, text] :
       std::vector<std::pair<std::function<void(ModelOptions&)>, const char*>>{
           {[](auto& o) { o.trunk.kind = TrunkOptions::Kind::vgg16; }, "\"spottune\""},
           {[](auto& o) { o.trunk.kind = TrunkOptions::Kind::vdcnn; }, "reads texts"},
           {[](auto& o) { o.own_statistics = true; }, "\"spottune\" has one batch norm"},
           {[](auto& o) { o.separate_inputs = true; }, "\"spottune\""}})
    CHECK(refusal(change).find(text) != std::string::npos);
}
