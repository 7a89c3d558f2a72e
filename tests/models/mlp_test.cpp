// The residual MLP: names, parameters and cost; hard sharing and AdaShare with soft, selecting and
// skipping gates against loops over scalars (values, every gradient, the gates' own); the same with
// each activation, with batch norm and without.
#include "models/mlp.h"

#include "models/sharing/sharing.h"
#include "tests/support/catch.h"
#include "tests/support/naive_network.h"

using namespace weft;
using weft::test::Image;
using weft::test::Scalar;
using weft::test::Witness;

namespace {

constexpr int64_t rows = 6, inputs = 5;

ModelOptions mlp(const std::string& sharing) {
  ModelOptions options;
  options.sharing = from_word<Sharing>("sharing", sharing);
  options.trunk.kind = TrunkOptions::Kind::mlp;
  options.trunk.in_channels = inputs;
  options.trunk.hidden = 7;
  options.trunk.blocks = 3;
  options.tasks = {{"a", 1, true}, {"b", 2, true}, {"c", 1, true}};
  return options;
}

Image table() {
  Image x(rows, 1, 1, inputs);
  for (size_t i = 0; i < x.at.size(); ++i) x.at[i] = test::uneven(static_cast<int64_t>(i));
  return x;
}

Tensor table_tensor() {
  std::vector<double> values;
  for (const Scalar& v : table().at) values.push_back(v.value);
  return Tensor::from({rows, 1, 1, inputs}, values, DType::f64);
}

/// One task's pass of its own; p[l] = {select, skip}.
Image naive(const Witness& w, const std::string& prefix, const std::string& task,
            const std::vector<std::array<Scalar, 2>>& p) {
  Image x =
      Witness::relu(w.batch_norm(w.linear(table(), prefix + "stem.0", false), prefix + "stem.1"));
  for (size_t l = 0; l < p.size(); ++l) {
    const std::string block = fmt::format("{}blocks.{}.", prefix, l);
    const Image h = Witness::relu(w.batch_norm(w.linear(x, block + "fc1", false), block + "bn1"));
    Image f = w.batch_norm(w.linear(h, block + "fc2", false), block + "bn2");
    for (size_t i = 0; i < f.at.size(); ++i)
      x.at[i] = relu(x.at[i] + f.at[i]) * p[l][0] + x.at[i] * p[l][1];
  }
  return w.linear(x, "heads." + task + ".fc", true);
}

/// The activations by their definitions.
Scalar activation(Activation a, const Scalar& x) {
  const Scalar one(1), two(2);
  switch (a) {
    case Activation::relu:
      return relu(x);
    case Activation::tanh:
      return one - two / (exp(two * x) + one);
    case Activation::silu:
      return x / (one + exp(Scalar(-1) * x));
    case Activation::softplus:
      return log(one + exp(x));
    case Activation::gelu:
      return x * (one + erf(x / Scalar(std::sqrt(2.0)))) / two;
  }
  return x;
}

Image activated(Activation a, Image x) {
  for (Scalar& v : x.at) v = activation(a, v);
  return x;
}

/// Task a's network with every block executed.
Image naive_smooth(const Witness& w, Activation a, bool norm) {
  const auto step = [&](const Image& x, const std::string& linear, const std::string& bn) {
    const Image y = w.linear(x, linear, !norm);
    return norm ? w.batch_norm(y, bn) : y;
  };
  Image x = activated(a, step(table(), "stem.0", "stem.1"));
  for (int l = 0; l < 3; ++l) {
    const std::string block = fmt::format("blocks.{}.", l);
    const Image h = activated(a, step(x, block + "fc1", block + "bn1"));
    Image f = step(h, block + "fc2", block + "bn2");
    for (size_t i = 0; i < f.at.size(); ++i) f.at[i] = f.at[i] + x.at[i];
    x = activated(a, f);
  }
  return x;
}

const std::vector<std::array<Scalar, 2>> every_block(3, {Scalar(1), Scalar(0)});

}  // namespace

TEST_CASE("MLP: names, parameters, cost", "[models][mlp]") {
  CpuContext cpu;
  ParameterStore store(&cpu, DType::f32);
  const auto trunk = make_mlp(store, "", {.in = 10, .hidden = 32, .blocks = 2}, 1);
  for (const char* name : {"stem.0.weight", "stem.1.bias", "blocks.0.fc1.weight",
                           "blocks.1.bn1.weight", "blocks.1.fc2.weight", "blocks.1.bn2.bias"})
    CHECK(store.find(name) != nullptr);
  CHECK(store.find("blocks.0.fc1.bias") == nullptr);
  CHECK(store.count() == (10 * 32 + 2 * 32) + 2 * (2 * 32 * 32 + 4 * 32));
  CHECK(trunk->block_name(1) == "blocks.1");
  REQUIRE(trunk->stages().size() == 2);  // features may be exchanged after every block
  CHECK(trunk->stages()[1].begin == 1);
  CHECK(trunk->stages()[1].channels == 32);
  const Macs macs = make_plan(all_selected(1, 2)).macs(trunk->cost(1, 1));
  CHECK(macs.dense == 10 * 32 + 2 * 2 * 32 * 32);
  CHECK(macs.useful == macs.dense);
}

TEST_CASE("MLP equals loops over scalars: hard and single", "[models][mlp]") {
  for (const std::string sharing : {"hard", "single"}) {
    CpuContext cpu(2);
    const auto model = make_model(&cpu, DType::f64, mlp(sharing));
    Witness witness(*model);
    std::vector<Image> expected;
    for (const TaskShape& task : model->tasks())
      expected.push_back(naive(witness, sharing == "single" ? "trunks." + task.name + "." : "",
                               task.name, every_block));
    Tape tape(&cpu);
    Pass pass{tape, true, Noise{}};
    witness.check(tape, model->forward(pass, tape.constant(table_tensor()), nullptr), expected);
  }
}

TEST_CASE("MLP under AdaShare equals one pass a task, gates and their gradients too",
          "[models][mlp]") {
  CpuContext cpu(2);
  const auto model = make_model(&cpu, DType::f64, mlp("adashare"));
  for (Parameter* logits : model->policy()->logits()) logits->trainable = false;
  Witness witness(*model);
  // Task a: soft everywhere; b: select, skip, soft; c: soft, select, skip.
  const std::vector<std::vector<Gate::Kind>> kinds = {
      {Gate::Kind::soft, Gate::Kind::soft, Gate::Kind::soft},
      {Gate::Kind::select, Gate::Kind::skip, Gate::Kind::soft},
      {Gate::Kind::soft, Gate::Kind::select, Gate::Kind::skip}};
  Tape tape(&cpu);
  PolicySample sample;
  std::vector<Image> expected;
  std::vector<std::vector<std::array<Scalar, 2>>> gates;
  for (size_t k = 0; k < kinds.size(); ++k) {
    auto& task = sample.gates.emplace_back();
    auto& p = gates.emplace_back();
    std::vector<double> values;
    for (size_t l = 0; l < 3; ++l) {
      const Gate::Kind kind = kinds[k][l];
      task.push_back({kind});
      const double select = kind == Gate::Kind::select ? 1
                            : kind == Gate::Kind::skip ? 0
                                                       : 0.2 + 0.1 * double(3 * k + l);
      p.push_back({Scalar::input(select), Scalar::input(1 - select)});
      values.insert(values.end(), {select, 1 - select});
    }
    sample.p.push_back(tape.leaf(Tensor::from({3, 2}, values, DType::f64)));
    expected.push_back(naive(witness, "", model->tasks()[k].name, p));
  }
  Pass pass{tape, true, Noise{}};
  witness.check(tape, model->forward(pass, tape.constant(table_tensor()), &sample), expected);
  for (size_t k = 0; k < kinds.size(); ++k) {
    const std::vector<double> found = tape.grad(sample.p[k]).to_vector();
    for (size_t l = 0; l < 3; ++l) {
      if (kinds[k][l] != Gate::Kind::soft) continue;
      for (size_t side = 0; side < 2; ++side)
        CHECK(found[2 * l + side] ==
              Catch::Approx(witness.gradient(gates[k][l][side])).epsilon(1e-9));
    }
  }
}

TEST_CASE("MLP of each activation, with batch norm and without, equals loops over scalars",
          "[models][mlp]") {
  for (const Activation a : {Activation::relu, Activation::tanh, Activation::silu,
                             Activation::softplus, Activation::gelu})
    for (const bool norm : {true, false}) {
      INFO(name_of(a) << (norm ? " with batch norm" : " without"));
      CpuContext cpu(2);
      ModelOptions options = mlp("hard");
      options.trunk.activation = a;
      options.trunk.mlp_norm = norm ? Norm::batch : Norm::none;
      const auto model = make_model(&cpu, DType::f64, options);
      CHECK(model->store().stats().empty() == !norm);
      Witness witness(*model);
      std::vector<Image> expected;
      const Image features = naive_smooth(witness, a, norm);
      for (const TaskShape& task : model->tasks())
        expected.push_back(witness.linear(features, "heads." + task.name + ".fc", true));
      Tape tape(&cpu);
      Pass pass{tape, true, Noise{}};
      witness.check(tape, model->forward(pass, tape.constant(table_tensor()), nullptr), expected);
    }
}

TEST_CASE("MLP without batch norm: names, parameters, and a row that knows of no other",
          "[models][mlp]") {
  CpuContext cpu;
  ModelOptions options = mlp("adashare");
  options.trunk.mlp_norm = Norm::none;
  options.trunk.activation = Activation::silu;
  const auto model = make_model(&cpu, DType::f64, options);
  CHECK(model->store().find("stem.0.bias") != nullptr);
  CHECK(model->store().find("blocks.1.fc2.bias") != nullptr);
  CHECK(model->store().find("blocks.1.bn2.weight") == nullptr);
  const auto output = [&](const Tensor& rows_of_table) {
    Tape tape(&cpu, Tape::Mode::no_grad);
    Pass pass{tape, true, Noise{}};
    return model->forward(pass, tape.constant(rows_of_table), nullptr)[1].value().to_vector();
  };
  const std::vector<double> all = output(table_tensor());
  const std::vector<double> first = output(table_tensor().rows(0, 1));
  CHECK(first == std::vector<double>(all.begin(), all.begin() + 2));
}
