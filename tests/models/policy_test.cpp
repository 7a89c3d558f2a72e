// The policy: curriculum, regularisers on known tables, draws and their refusal.
#include "models/policy.h"

#include <cmath>

#include "tests/support/catch.h"
#include "tests/support/device.h"

using namespace weft;

namespace {

struct Fixture {
  CpuContext cpu;
  ParameterStore store{&cpu, DType::f64};
  std::vector<std::string> names{"seg", "normals", "depth"};
  Policy policy{store, names, 4, {}, 5};

  void set(size_t task, const std::vector<double>& logits) {
    policy.set_logits(task, Tensor::from({4, 2}, logits, DType::f64));
  }
};

double p_select(double select, double skip) { return 1 / (1 + std::exp(skip - select)); }

}  // namespace

TEST_CASE("the curriculum unlocks one block every `speed` policy epochs", "[models][policy]") {
  Fixture f;
  const std::vector<int> expected{1, 1, 1, 2, 2, 2, 3, 3, 3, 4, 4, 4, 4};
  for (size_t epoch = 0; epoch < expected.size(); ++epoch)
    CHECK(f.policy.active(static_cast<int64_t>(epoch), 3) == expected[epoch]);
  CHECK(f.policy.active(0, 0) == 4);
}

TEST_CASE("the sharing loss of known tables, sound and compat", "[models][policy]") {
  Fixture f;
  f.set(0, {1, 0, 0, 0, 0, 0, 0, 0});
  f.set(1, {0, 0, 0, 0, 0, 0, -2, 0});
  f.set(2, {0, 0, 0, 0, 0, 0, 0, 0});
  Tape tape(&f.cpu);
  // Sound: block 0 weighs 4/4, block 3 weighs 1/4; each difference stands in two of three pairs.
  const double sound = 2 * (p_select(1, 0) - 0.5) * 1.0 + 2 * (0.5 - p_select(-2, 0)) * 0.25;
  CHECK(f.policy.sharing_loss(tape, false, true).value().item() ==
        Catch::Approx(sound).epsilon(1e-12));
  // Compat: raw logits, and weights that grow with depth (1/4 and 4/4).
  CHECK(f.policy.sharing_loss(tape, true, true).value().item() ==
        Catch::Approx(2 * 1 * 0.25 + 2 * 2 * 1.0).epsilon(1e-12));
  CHECK(f.policy.sharing_loss(tape, true, false).value().item() ==
        Catch::Approx(2 * 1 + 2 * 2).epsilon(1e-12));
}

TEST_CASE("equal policies have no sharing loss and no gradient of it", "[models][policy]") {
  Fixture f;
  Tape tape(&f.cpu);
  const Var loss = f.policy.sharing_loss(tape, false, true);
  CHECK(loss.value().item() == 0);
  tape.backward(loss);
  for (const Parameter* logits : f.policy.logits())
    for (double g : logits->grad.to_vector()) CHECK(g == 0);
}

TEST_CASE("the sparsity loss covers the active blocks only", "[models][policy]") {
  Fixture f;
  f.set(0, {9, 0, 9, 0, 1, 0, 0, 2});
  Tape tape(&f.cpu);
  const double skip2 = std::log(1 - p_select(1, 0)), skip3 = std::log(1 - p_select(0, 2));
  const double others = 2 * -std::log(0.5);
  CHECK(f.policy.sparsity_loss(tape, SparsityForm::log_skip, 2).value().item() ==
        Catch::Approx(-(skip2 + skip3) / 2 + others).epsilon(1e-12));
  // Weighed by depth: 2 * 3/4 for block 2, 2 * 4/4 for block 3.
  CHECK(f.policy.sparsity_loss(tape, SparsityForm::log_skip_depth, 2).value().item() ==
        Catch::Approx(-(1.5 * skip2 + 2 * skip3) / 2 + 1.75 * others).epsilon(1e-12));
  const double select = std::log(p_select(1, 0)) + std::log(p_select(0, 2)) + 4 * std::log(0.5);
  CHECK(f.policy.sparsity_loss(tape, SparsityForm::log_select, 2).value().item() ==
        Catch::Approx(select).epsilon(1e-12));
}

TEST_CASE("draws follow the probabilities, the seed and the index", "[models][policy]") {
  Fixture f;
  f.set(0, {3, 0, 0, 3, 0, 0, 50, 0});
  std::vector<double> mean(4, 0.0);
  for (uint32_t i = 0; i < 2000; ++i) {
    const BinaryPolicy chosen = f.policy.sample_binary(1, i, 4);
    for (size_t l = 0; l < 4; ++l) mean[l] += chosen.select[0][l] / 2000.0;
  }
  CHECK(mean[0] == Catch::Approx(p_select(3, 0)).margin(0.03));
  CHECK(mean[1] == Catch::Approx(p_select(0, 3)).margin(0.03));
  CHECK(mean[2] == Catch::Approx(0.5).margin(0.04));
  CHECK(mean[3] == Catch::Approx(1.0));
  CHECK(f.policy.sample_binary(1, 5, 4) == f.policy.sample_binary(1, 5, 4));
  CHECK_FALSE((f.policy.sample_binary(1, 5, 4) == f.policy.sample_binary(1, 6, 4) &&
               f.policy.sample_binary(1, 6, 4) == f.policy.sample_binary(2, 6, 4)));
  // The curriculum's padding: blocks before the last `active` are executed by everybody.
  CHECK(f.policy.sample_binary(1, 0, 1).select[1][0] == 1);
}

TEST_CASE("what the host knows of logits is never older than they are",
          "[models][policy][device]") {
  ParameterStore store(test_device(), DType::f32);
  Policy policy(store, {"a", "b"}, 2, {}, 5);
  CHECK(policy.probabilities()[0][0] == 0.5);  // the host has asked
  policy.set_logits(0, Tensor::from({2, 2}, {4, 0, -4, 0}));
  CHECK(policy.probabilities()[0][0] == Catch::Approx(p_select(4, 0)));
  CHECK(policy.most_likely().select == std::vector<std::vector<int>>{{1, 0}, {1, 1}});
  CHECK(to_host(store.context(), policy.logits()[0]->value).to_vector() ==
        std::vector<double>{4, 0, -4, 0});
  CHECK_THROWS_AS(policy.set_logits(1, Tensor::from({1, 2}, {0, 0})), ShapeError);
  // A hard sample of constant logits skips by what the host knows.
  policy.set_logits(0, Tensor::from({2, 2}, {40, 0, -40, 0}));
  for (Parameter* logits : policy.logits()) logits->trainable = false;
  Tape tape(test_device());
  Pass pass{tape, true, Noise{1, 1}};
  const PolicySample sample = policy.sample(pass, 1, true, 2);
  CHECK(sample.gates[0][0].kind == Gate::Kind::select);
  CHECK(sample.gates[0][1].kind == Gate::Kind::skip);
}

TEST_CASE("a curriculum from the first block: these rows are sampled, drawn and made sparse",
          "[models][policy]") {
  CpuContext cpu;
  ParameterStore store{&cpu, DType::f64};
  const PolicyOptions options{.skip_layer = 1, .curriculum_from = CurriculumFrom::first};
  Policy policy{store, {"seg", "depth"}, 5, options, 5};
  // Rows are blocks 1 to 4; where the curriculum has not come, a draw would surely skip.
  policy.set_logits(0, Tensor::from({4, 2}, {1, 0, 0, 2, 0, 40, 0, 40}, DType::f64));
  policy.set_logits(1, Tensor::from({4, 2}, {0, 0, 0, 0, 0, 40, 0, 40}, DType::f64));
  const std::vector<bool> used{false, true, true, false, false};
  for (int l = 0; l < 5; ++l) CHECK(policy.uses(l, 2) == used[static_cast<size_t>(l)]);
  Tape tape(&cpu);
  Pass pass{tape, true, Noise{1, 1}};
  const PolicySample sample = policy.sample(pass, 1, false, 2);
  for (const auto& task : sample.gates)
    for (size_t l = 0; l < 5; ++l)
      CHECK(task[l].kind == (used[l] ? Gate::Kind::soft : Gate::Kind::select));
  for (uint32_t draw = 0; draw < 8; ++draw)
    for (const auto& task : policy.sample_binary(1, draw, 2).select)
      CHECK((task[0] == 1 && task[3] == 1 && task[4] == 1));
  for (const auto& task : policy.sample_binary(1, 0, 4).select)
    CHECK((task[3] == 0 && task[4] == 0));
  const double skip1 = std::log(1 - p_select(1, 0)), skip2 = std::log(1 - p_select(0, 2));
  const double even = -std::log(0.5);
  CHECK(policy.sparsity_loss(tape, SparsityForm::log_skip, 2).value().item() ==
        Catch::Approx(-(skip1 + skip2) / 2 + even).epsilon(1e-12));
  // Weighed by depth: 2 * 1/4 for the first row, 2 * 2/4 for the second.
  CHECK(policy.sparsity_loss(tape, SparsityForm::log_skip_depth, 2).value().item() ==
        Catch::Approx(-(0.5 * skip1 + skip2) / 2 + 0.75 * even).epsilon(1e-12));
}

TEST_CASE("blocks without a decision have no logits and no part in regularisers",
          "[models][policy]") {
  CpuContext cpu;
  const std::vector<std::string> names{"seg", "normals", "depth"};
  for (const int skip : {1, 2, 5}) {
    INFO("skip_layer " << skip);
    ParameterStore all{&cpu, DType::f64}, few{&cpu, DType::f64};
    Policy policy{all, names, 7, {.skip_layer = skip}, 5}, whole{few, names, 7 - skip, {}, 5};
    const auto rows = static_cast<int64_t>(7 - skip);
    CHECK(policy.active(1000, 3) == rows);
    for (size_t k = 0; k < names.size(); ++k) {
      CHECK(policy.logits()[k]->value.shape() == Shape{rows, 2});
      std::vector<double> values;
      for (int64_t i = 0; i < 2 * rows; ++i)
        values.push_back(std::sin(static_cast<double>(7 * i + 3 * static_cast<int64_t>(k))));
      for (Policy* p : {&policy, &whole})
        p->set_logits(k, Tensor::from({rows, 2}, values, DType::f64));
    }
    Tape tape(&cpu);
    for (const bool compat : {false, true})
      CHECK(policy.sharing_loss(tape, compat, true).value().item() ==
            whole.sharing_loss(tape, compat, true).value().item());
    for (const SparsityForm form :
         {SparsityForm::log_skip, SparsityForm::log_skip_depth, SparsityForm::log_select})
      CHECK(policy.sparsity_loss(tape, form, 2).value().item() ==
            whole.sparsity_loss(tape, form, 2).value().item());
    const auto p = policy.probabilities(), q = whole.probabilities();
    for (size_t k = 0; k < names.size(); ++k)
      for (size_t l = 0; l < 7; ++l)
        CHECK(p[k][l] ==
              (l < static_cast<size_t>(skip) ? 1.0 : q[k][l - static_cast<size_t>(skip)]));
    // Hard samples go to the blocks that their rows are of.
    for (Policy* each : {&policy, &whole})
      for (Parameter* logits : each->logits()) logits->trainable = false;
    Pass pass{tape, true, Noise{1, 1}};
    const auto sample = policy.sample(pass, 1, true, static_cast<int>(rows));
    const auto same = whole.sample(pass, 1, true, static_cast<int>(rows));
    for (size_t k = 0; k < names.size(); ++k)
      for (size_t l = 0; l < 7; ++l)
        CHECK(sample.gates[k][l].kind == (l < static_cast<size_t>(skip)
                                              ? Gate::Kind::select
                                              : same.gates[k][l - static_cast<size_t>(skip)].kind));
  }
}
