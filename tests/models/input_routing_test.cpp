// Routing by the input against its definition in plain loops (naive_input_routing.h): in f64 every
// prediction and every pathwise gradient agrees to 1e-9, under given draws, where a function block's
// statistics are those of the images that take it, and straight through, the policy network's too.
// Evaluation runs the likeliest function block of each place, image by image as alone; what is
// counted; how chances are remembered; and what it refuses.
#include "models/sharing/input_routing.h"

#include <algorithm>
#include <functional>
#include <set>

#include "models/collapse.h"
#include "models/sharing/way.h"
#include "ops/pointwise.h"
#include "ops/reduce.h"
#include "tests/models/naive_input_routing.h"
#include "tests/models/random_model.h"
#include "tests/support/catch.h"
#include "tests/support/op_check.h"
#include "tests/support/temp_folder.h"

using namespace weft;
using namespace weft::test;

namespace {

constexpr int64_t height = 17, width = 14, images = 4;
constexpr int blocks = 8, functions = 3;

ModelOptions options_of(PolicyOf decisions, Estimator estimator = Estimator::reinforce) {
  ModelOptions o;
  o.sharing = Sharing::input_routing;
  o.share.decisions = decisions;
  o.share.estimator = estimator;
  o.share.functions = functions;
  o.share.policy_width = 4;
  o.share.temperature = 0.7;
  o.share.full_steps = o.share.policy_steps = 0;
  o.trunk.width = 0.0625;
  o.head.aspp = false;
  o.tasks = {{"seg", 3}, {"depth", 1}};
  o.seed = 7;
  return o;
}

struct Pictures {
  std::vector<double> pixels = noise("image", images* height* width * 3, -1, 1);
  Map map{images, height, width, 3};
  Tensor tensor;
  Pictures() {
    // Some brighter than others, so that the policy network tells them apart.
    for (size_t i = 0; i < pixels.size(); ++i) {
      pixels[i] += static_cast<double>(i * images / pixels.size());
      map.values[i] = {pixels[i]};
    }
    tensor = Tensor::from({images, height, width, 3}, pixels, DType::f64);
  }
};

/// The policy network's last bias, which decides where it is large.
void set_bias(Model& model, const std::vector<double>& bias) {
  Parameter& last = *model.store().find("sharing.policy.fc.bias");
  last.value = Tensor::from(last.value.shape(), bias, last.value.dtype());
}

/// sum_k sum_i w_ki y_ki of both; checks the values on the way.
struct Weighed {
  Number naive;
  std::optional<Var> own;

  void add_task(const std::string& task, const Var& y, const Numbers& values) {
    const std::vector<double> mine = y.value().to_vector();
    REQUIRE(mine.size() == values.size());
    const auto w = noise("w." + task, y.value().numel(), -1, 1);
    size_t wrong = 0;
    for (size_t i = 0; i < w.size(); ++i) {
      wrong += !close(mine[i], values[i].value);
      naive = naive + w[i] * values[i];
    }
    INFO(task);
    CHECK(wrong == 0);
    const Var term = sum(mul(y, y.tape().constant(Tensor::from(y.shape(), w, DType::f64))));
    own = own ? add(*own, term) : term;
  }
};

/// How many of the policy network's numbers have a gradient; checks all that there are.
size_t check_gradients(Model& model, const std::map<std::string, Numbers>& parameters,
                       const std::vector<double>& d) {
  size_t of_policy = 0;
  for (const Parameter& p : model.store().parameters()) {
    INFO(p.name);
    if (model.store().part_of(p) == Part::policy) {
      CHECK_FALSE(p.grad.defined());
      continue;
    }
    const std::vector<double> expected = gradient_of(parameters.at(p.name), d);
    const std::vector<double> mine =
        p.grad.defined() ? p.grad.to_vector() : std::vector<double>(expected.size(), 0);
    size_t off = 0;
    for (size_t i = 0; i < expected.size(); ++i) off += !close(mine[i], expected[i]);
    CHECK(off == 0);
    if (p.name.rfind("sharing.policy.", 0) == 0)
      for (const double g : mine) of_policy += g != 0;
  }
  return of_policy;
}

}  // namespace

TEST_CASE("input routing is its definition under its draws: values and pathwise gradients",
          "[models][ways][routing][input_routing]") {
  const ModelOptions options = options_of(GENERATE(PolicyOf::image, PolicyOf::task));
  CpuContext cpu(2);
  const auto model = make_model(&cpu, DType::f64, options);
  randomise(*model);
  auto& own = *input_routing(*model);
  const Pictures x;
  Tape tape(&cpu);
  Pass pass{tape, true, Noise{3, 0}};
  const Tensor z = own.logits(pass, tape.constant(x.tensor)).value();
  // Draws under which no function block is taken by one image alone, whose statistics would be others.
  const auto lonely = [](const Decisions& a) {
    for (const RowPlan::Block& block : plan_rows(a).blocks)
      for (int m = 1; m <= functions; ++m)
        if (std::count(block.functions.begin(), block.functions.end(), m) == 1) return true;
    return false;
  };
  Decisions a;
  do a = own.draw(z, Noise{3, ++pass.noise.step});
  while (lonely(a));
  std::set<std::vector<uint8_t>> routes(a[0].begin(), a[0].end());
  REQUIRE(routes.size() > 1);

  steps().clear();
  const auto parameters = numbers_of(*model);
  const NaiveNet net(options, parameters);
  const auto features = naive_rows(net, x.map, a);
  const auto y = model->forward(pass, tape.constant(x.tensor), nullptr);
  Weighed loss;
  for (size_t k = 0; k < options.tasks.size(); ++k) {
    Numbers values;
    for (size_t n = 0; n < images; ++n)
      for (const Number& v :
           net.head(options.tasks[k].name, features.at(row_key(n, a[own.policy_of(k)][n]))).values)
        values.push_back(v);
    loss.add_task(options.tasks[k].name, y[k], values);
  }
  tape.backward(*loss.own);
  CHECK(check_gradients(*model, parameters, gradients(loss.naive)) == 0);  // draws carry none
  // What no image takes has no gradient, not one of zero.
  for (int l = 0; l < blocks; ++l)
    for (int m = 1; m <= functions; ++m) {
      bool taken = false;
      for (const auto& policy : a)
        for (const auto& image : policy) taken = taken || image[static_cast<size_t>(l)] == m;
      const std::string name = fmt::format("layer{}.{}.f{}.conv1.weight", l / 2 + 1, l % 2, m);
      CHECK(model->store().find(name)->grad.defined() == taken);
    }
}

TEST_CASE("input routing straight through is its definition: values and all gradients",
          "[models][ways][routing][input_routing]") {
  const ModelOptions options =
      options_of(GENERATE(PolicyOf::image, PolicyOf::task), Estimator::gumbel);
  CpuContext cpu(2);
  const auto model = make_model(&cpu, DType::f64, options);
  randomise(*model);
  const Pictures x;
  const Noise step{3, 5};
  steps().clear();
  const auto parameters = numbers_of(*model);
  const NaiveNet net(options, parameters);
  const NaiveInputRouting naive(net);
  const auto features = naive.train(x.map, step);
  Tape tape(&cpu);
  Pass pass{tape, true, step};
  const Var z = input_routing(*model)->logits(pass, tape.constant(x.tensor));
  CHECK(input_routing(*model)->draw(z.value(), step) == naive.drawn());
  const auto y = model->forward(pass, tape.constant(x.tensor), nullptr);
  Weighed loss;
  for (size_t k = 0; k < options.tasks.size(); ++k)
    loss.add_task(options.tasks[k].name, y[k],
                  net.head(options.tasks[k].name, features[features.size() == 1 ? 0 : k]).values);
  tape.backward(*loss.own);
  CHECK(check_gradients(*model, parameters, gradients(loss.naive)) > 100);
}

TEST_CASE("input routing: evaluation runs the likeliest function blocks, each image as alone",
          "[models][routing][input_routing]") {
  const ModelOptions options = options_of(GENERATE(PolicyOf::image, PolicyOf::task));
  CpuContext cpu(2);
  const auto model = make_model(&cpu, DType::f64, options);
  randomise(*model);
  Running running;
  for (NamedStats& s : model->store().stats()) {
    const int64_t c = s.stats.running_mean.numel();
    const auto mean = noise(s.name + ".mean", c, -0.3, 0.3), var = noise(s.name, c, 0.5, 2);
    std::copy(mean.begin(), mean.end(), s.stats.running_mean.data<double>());
    std::copy(var.begin(), var.end(), s.stats.running_var.data<double>());
    running[s.name] = {mean, var};
  }
  // Logits that differ between images.
  Parameter& weight = *model->store().find("sharing.policy.fc.weight");
  weight.value =
      Tensor::from(weight.value.shape(), noise("fc", weight.value.numel(), -40, 40), DType::f64);
  auto& own = *input_routing(*model);
  const Pictures x;
  steps().clear();
  const NaiveNet net(options, numbers_of(*model));
  const NaiveInputRouting naive(net, running);
  const Numbers z = naive.logits(x.map);
  const Decisions routes = decide(naive.policies(), images, blocks, [&](int64_t, size_t at) {
    const auto row = z.begin() + static_cast<std::ptrdiff_t>(at) * functions;
    const auto less = [](const Number& a, const Number& b) { return a.value < b.value; };
    return 1 + (std::max_element(row, row + functions, less) - row);
  });
  std::set<std::vector<uint8_t>> different(routes[0].begin(), routes[0].end());
  REQUIRE(different.size() > 1);
  const auto features = naive.evaluate(x.map, routes);

  const auto evaluated = [&](const Tensor& pictures) {
    Tape tape(&cpu, Tape::Mode::no_grad);
    Pass pass{tape, false, Noise{}};
    std::vector<Tensor> out;
    for (const Var& y : model->forward(pass, tape.constant(pictures), nullptr))
      out.push_back(y.value());
    return out;
  };
  const auto together = evaluated(x.tensor);
  for (size_t k = 0; k < options.tasks.size(); ++k) {
    const Numbers values =
        net.head(options.tasks[k].name, features[features.size() == 1 ? 0 : k]).values;
    std::vector<double> expected;
    for (const Number& v : values) expected.push_back(v.value);
    check_close(options.tasks[k].name, together[k].to_vector(), expected);
  }
  for (int64_t n = 0; n < images; ++n) {
    const auto alone = evaluated(x.tensor.rows(n, 1));
    for (size_t k = 0; k < alone.size(); ++k) CHECK(same_bits(alone[k], together[k].rows(n, 1)));
  }
  CHECK(own.executed().images == 2 * images);
}

TEST_CASE("input routing: what is counted is what ran, and how alike routes are",
          "[models][routing][input_routing]") {
  CpuContext cpu;
  const PolicyOf decisions = GENERATE(PolicyOf::image, PolicyOf::task);
  const auto model = make_model(&cpu, DType::f64, options_of(decisions));
  randomise(*model);
  auto& own = *input_routing(*model);
  // All images take function block 2, but task 1's policy parts at place 5 for 3.
  const size_t policies = own.policies();
  std::vector<double> bias(policies * blocks * functions, -90.0);
  for (size_t v = 0; v < policies; ++v)
    for (size_t l = 0; l < blocks; ++l)
      bias[(v * blocks + l) * 3 + (v == 1 && l == 5 ? 2 : 1)] = 90;
  set_bias(*model, bias);
  Tape tape(&cpu, Tape::Mode::no_grad);
  Pass pass{tape, false, Noise{}};
  own.forward(pass, tape.constant(Pictures().tensor), nullptr);
  const TrunkCost cost = own.trunk().cost(height, width);
  const ModelCost counted = own.cost(height, width, nullptr);
  auto all = static_cast<double>(counted.body().dense);
  for (size_t l = 5; policies == 2 && l < blocks; ++l)
    all += static_cast<double>(cost.residual[l].dense + (l > 5 ? cost.shortcut[l].dense : 0));
  CHECK(own.executed().images == images);
  CHECK(own.executed().mean() == Catch::Approx(all));
  CHECK(own.executed().spread() == Catch::Approx(0).margin(1));
  int64_t one = 0;
  for (const FunctionCost& place : cost.functions) one += place.parameters;
  CHECK(counted.trunk_parameters - counted.one_trunk_parameters == 2 * one);
  CHECK(own.idle_parameters(height, width) ==
        2 * one - (policies == 2 ? cost.functions[5].parameters : 0));
  // Of 8 decisions at place 5 two halves: 2 * (4 * 3) of 8 * 7 pairs are alike.
  const double alike = policies == 2 ? (7 + 24.0 / 56) / 8 : 1;
  REQUIRE(own.executed().together());
  CHECK(*own.executed().together() == Catch::Approx(alike));
  CHECK(collapse_text(1, "images") == "collapsed: all images take one path");
  own.forget_executed();
  CHECK(own.executed().images == 0);
  CHECK_FALSE(own.executed().together());
  // One image makes two decisions where its tasks have a policy each, and else no pair.
  own.forward(pass, tape.constant(Pictures().tensor.rows(0, 1)), nullptr);
  CHECK(own.executed().images == 1);
  CHECK(own.executed().together().has_value() == (policies == 2));
  // A look at decisions, as training has it, is no evaluation.
  own.run(pass, tape.constant(Pictures().tensor),
          {decide(policies, images, blocks, [](int64_t, size_t) { return 1; })});
  CHECK(own.executed().images == 1);
}

TEST_CASE(
    "input routing: images are routed by chance before the router learns, and chances are kept",
    "[models][routing][input_routing]") {
  ModelOptions options =
      options_of(PolicyOf::image, GENERATE(Estimator::reinforce, Estimator::gumbel));
  options.share.full_steps = 2;
  options.share.policy_steps = 1;
  options.share.baseline = 0.75;
  CpuContext cpu;
  const auto model = make_model(&cpu, DType::f64, options);
  auto& own = *input_routing(*model);
  const Parameter& shares = *model->store().find("policy.routing.shares");
  CHECK(shares.value.to_vector() == std::vector<double>(blocks * functions, 1.0 / functions));
  std::vector<double> bias;
  for (int i = 0; i < blocks * functions; ++i) bias.push_back(i % 3 == 0 ? 1.0 : 0.0);
  set_bias(*model, bias);
  for (uint32_t step = 0; step < 4; ++step) {
    INFO("step " << step);
    CHECK(own.phase_at(step) == (step < 2    ? PerInputPhase::full
                                 : step == 2 ? PerInputPhase::policy
                                             : PerInputPhase::joint));
    const std::vector<double> before = shares.value.to_vector();
    std::vector<int64_t> tracked;
    for (const NamedStats& s : model->store().stats())
      tracked.push_back(s.stats.num_batches_tracked);
    Tape tape(&cpu);
    Pass pass{tape, true, Noise{1, step}};
    const Var x = tape.constant(Pictures().tensor);
    const std::vector<double> z = own.logits(pass, x).value().to_vector();
    own.forward(pass, x, nullptr);
    own.stepped();
    const std::vector<double> after = shares.value.to_vector();
    if (step < 2) CHECK(after == before);
    for (size_t i = 0; step >= 2 && i < after.size(); ++i) {
      double mean = 0;
      const size_t l = i / 3;
      for (size_t n = 0; n < images; ++n) {
        double total = 0;
        for (size_t m = 0; m < 3; ++m) total += std::exp(z[(n * blocks + l) * 3 + m]);
        mean += std::exp(z[n * blocks * 3 + i]) / total / images;
      }
      CHECK(after[i] == Catch::Approx(0.75 * before[i] + 0.25 * mean));
    }
    size_t at = 0;
    bool moved = false;
    for (const NamedStats& s : model->store().stats())
      moved = moved || s.stats.num_batches_tracked != tracked[at++];
    CHECK(moved ==
          (step != 2));  // while the router learns alone, the network is as it will be used
  }
}

TEST_CASE("input routing: draws follow the chances", "[models][routing][input_routing]") {
  CpuContext cpu;
  const auto model = make_model(&cpu, DType::f64, options_of(PolicyOf::image));
  auto& own = *input_routing(*model);
  std::vector<double> z;
  for (int i = 0; i < blocks * functions; ++i) z.push_back(std::log(1.0 + i % 3));  // 1 : 2 : 3
  const Tensor logits = Tensor::from({1, blocks, functions}, z, DType::f64);
  std::vector<double> counts(3);
  constexpr uint32_t draws = 3000;
  for (uint32_t i = 0; i < draws; ++i) {
    const Decisions drawn = own.draw(logits, Noise{5, i});
    for (const uint8_t m : drawn[0][0]) counts.at(m - size_t{1}) += 1;
  }
  for (size_t m = 0; m < 3; ++m) {
    const double p = static_cast<double>(m + 1) / 6, n = draws * blocks;
    CHECK(std::abs(counts[m] / n - p) < 4 * std::sqrt(p * (1 - p) / n));
  }
  CHECK(own.likely(logits)[0][0] == std::vector<uint8_t>(blocks, 3));
  CHECK(own.likely(Tensor::full({1, blocks, functions}, 0.5, DType::f64))[0][0] ==
        std::vector<uint8_t>(blocks, 1));
}

TEST_CASE("input routing: a logit that is no number is said, not taken for a choice",
          "[models][nan][routing][input_routing]") {
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

TEST_CASE("input routing refuses by name what it is not for",
          "[models][ways][routing][input_routing]") {
  CpuContext cpu;
  const auto refusal = [&](const std::function<void(ModelOptions&)>& change) {
    ModelOptions options = options_of(PolicyOf::image);
    change(options);
    return message_of<ConfigError>([&] { make_model(&cpu, DType::f32, options); });
  };
  for (const auto& [change, text] :
       std::vector<std::pair<std::function<void(ModelOptions&)>, const char*>>{
           {[](auto& o) { o.trunk.kind = TrunkOptions::Kind::vgg16; }, "\"input_routing\""},
           {[](auto& o) { o.trunk.kind = TrunkOptions::Kind::vdcnn; }, "reads texts"},
           {[](auto& o) { o.trunk.kind = TrunkOptions::Kind::mlp; }, "function blocks of a ResNet"},
           {[](auto& o) { o.share.functions = 1; }, "share.functions: is 1"},
           {[](auto& o) { o.own_statistics = true; }, "\"input_routing\" has one batch norm"},
           {[](auto& o) { o.separate_inputs = true; }, "\"input_routing\""}})
    CHECK(refusal(change).find(text) != std::string::npos);
}
