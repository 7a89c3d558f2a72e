// Every way of sharing against its definition (naive_net.h): with random parameters in f64, for two
// and three tasks, every prediction, the regulariser and every gradient agree to 1e-9. The network
// is the dilated ResNet-18 at four channels and up, two blocks a stage.
#include "models/sharing/sharing.h"

#include "engine/glob.h"
#include "ops/pointwise.h"
#include "ops/reduce.h"
#include "tests/models/naive_net.h"
#include "tests/models/random_model.h"
#include "tests/models/ways.h"
#include "tests/support/catch.h"

using namespace weft;
using namespace weft::test;

namespace {

constexpr int64_t height = 17, width = 14;

struct Way {
  std::string sharing;
  ShareOptions share = {};
  bool small_stem = false;
};

ModelOptions options_of(const Way& way, size_t tasks) {
  ModelOptions o;
  o.sharing = from_word<Sharing>("sharing", way.sharing);
  o.share = way.share;
  if (row_of(o.sharing).at_once) {
    o.share.estimator = Estimator::gumbel;
    o.share.full_steps = o.share.policy_steps = 0;
  }
  o.trunk.width = 0.0625;  // 4, 8, 16 and 32 channels
  o.trunk.small_stem = way.small_stem;
  o.head.aspp = false;
  o.tasks = {{"seg", 3}, {"depth", 1}};
  if (tasks == 3) o.tasks.push_back({"normals", 2});
  o.seed = 7;
  return o;
}

/// Both must be near, and the reference must be something.
void check_values(const std::string& name, const Tensor& mine, const std::vector<double>& naive) {
  INFO(name);
  REQUIRE(mine.defined());
  const std::vector<double> values = mine.to_vector();
  REQUIRE(values.size() == naive.size());
  size_t wrong = 0, zeros = 0;
  for (size_t i = 0; i < naive.size(); ++i) {
    if (!close(values[i], naive[i])) ++wrong;
    if (naive[i] == 0) ++zeros;
  }
  CHECK(wrong == 0);
  CHECK(zeros < naive.size());
}

void check_way(const Way& way, size_t tasks) {
  INFO(way.sharing << " " << name_of(way.share.distance) << " for " << tasks << " tasks");
  const ModelOptions options = options_of(way, tasks);
  CpuContext cpu(2);
  const auto model = make_model(&cpu, DType::f64, options);
  randomise(*model);
  const std::vector<double> pixels = noise("image", 2 * height * width * 3, -1, 1);

  // Naive.
  steps().clear();
  const auto parameters = numbers_of(*model);
  std::vector<Numbers> select;
  std::vector<std::vector<double>> p_values;
  for (const TaskShape& task : options.tasks) {
    p_values.push_back(noise("p." + task.name, 2 * model->trunk().blocks(), 0.1, 0.9));
    select.emplace_back();
    for (double v : p_values.back()) select.back().push_back(variable(v));
  }
  Map image(2, height, width, 3);
  for (size_t i = 0; i < pixels.size(); ++i) image.values[i] = {pixels[i]};
  const NaiveOutput naive = NaiveNet(options, parameters).forward(image, select);
  Number loss = naive.regulariser;
  for (size_t k = 0; k < tasks; ++k) {
    const Numbers& y = naive.predictions[k].values;
    const auto w = noise("w." + options.tasks[k].name, static_cast<int64_t>(y.size()), -1, 1);
    for (size_t i = 0; i < y.size(); ++i) loss = loss + w[i] * y[i];
  }
  const std::vector<double> d = gradients(loss);

  // weft.
  Tape tape(&cpu);
  Pass pass{tape, true, Noise{0, ways_step}};
  PolicySample sample;
  if (way_of(options.sharing).policy) {
    sample.gates = all_selected(static_cast<int>(tasks), model->trunk().blocks());
    for (auto& task : sample.gates)
      for (Gate& gate : task) gate.kind = Gate::Kind::soft;
    for (const auto& p : p_values)
      sample.p.push_back(tape.leaf(Tensor::from({model->trunk().blocks(), 2}, p, DType::f64)));
  }
  const Var x = tape.constant(Tensor::from({2, height, width, 3}, pixels, DType::f64));
  const auto y = model->forward(pass, x, sample.p.empty() ? nullptr : &sample);
  REQUIRE(y.size() == tasks);
  std::optional<Var> total = model->regulariser(tape);
  CHECK(total.has_value() == (row_of(options.sharing).regulariser != nullptr));
  if (total) {
    CHECK(close(total->value().item(), naive.regulariser.value));
    CHECK(naive.regulariser.value > 0);
  }
  for (size_t k = 0; k < tasks; ++k) {
    std::vector<double> values;
    for (const Number& v : naive.predictions[k].values) values.push_back(v.value);
    check_values("prediction of " + options.tasks[k].name, y[k].value(), values);
    const auto w = noise("w." + options.tasks[k].name, y[k].value().numel(), -1, 1);
    const Var term = sum(mul(y[k], tape.constant(Tensor::from(y[k].shape(), w, DType::f64))));
    total = total ? add(*total, term) : term;
  }
  tape.backward(*total);
  for (const Parameter& p : model->store().parameters())
    if (model->store().part_of(p) != Part::policy &&
        !matches(row_of(options.sharing).unreached, p.name))
      check_values(p.name, p.grad, gradient_of(parameters.at(p.name), d));
  for (size_t k = 0; k < sample.p.size(); ++k)
    check_values("p of " + options.tasks[k].name, tape.grad(sample.p[k]),
                 gradient_of(select[k], d));
}

ShareOptions soft(Distance distance, size_t tasks) {
  ShareOptions s;
  s.layers = {"layer2", "*.conv2"};
  s.distance = distance;
  s.weight = 0.3;
  s.pair_weights = tasks == 2 ? std::vector<double>{0.7} : std::vector<double>{0.7, 1.1, 0.4};
  return s;
}

}  // namespace

TEST_CASE("every way of sharing is its definition: values and gradients", "[models][ways]") {
  const size_t tasks = GENERATE(2, 3);
  const Sharing way = GENERATE(from_range(all_ways()));
  // Those with a term in the loss have tests of their own, of its options.
  if (row_of(way).regulariser == nullptr) check_way({name_of(way)}, tasks);
}

TEST_CASE("a ResNet with the small stem is its definition, shared and each task's own",
          "[models][ways][small_stem]") {
  check_way({.sharing = GENERATE("hard", "adashare", "cross_stitch"), .small_stem = true}, 2);
}

TEST_CASE("cross-stitch with a weight a channel is its definition", "[models][ways]") {
  ShareOptions share;
  share.per_channel = true;
  check_way({"cross_stitch", share}, GENERATE(2, 3));
}

TEST_CASE("soft sharing is its definition, by every distance", "[models][ways]") {
  const size_t tasks = GENERATE(2, 3);
  const Distance distance = GENERATE(Distance::l2, Distance::squared, Distance::trace);
  check_way({"soft", soft(distance, tasks)}, tasks);
}

TEST_CASE("sluice is its definition, with two and with four subspaces", "[models][ways]") {
  ShareOptions share;
  share.subspaces = GENERATE(2, 4);
  share.orthogonality = 0.3;
  check_way({"sluice", share}, GENERATE(2, 3));
}
