// cross_entropy: ignored labels, class weights, nothing valid, wrong labels, and large logits.
#include <cmath>
#include <limits>

#include "ops/cross_entropy.h"
#include "tests/support/op_check.h"

namespace weft {
namespace {

Values class_weights(int64_t classes) {
  Values w;
  for (int64_t c = 0; c < classes; ++c) w.push_back(0.25 + 0.5 * static_cast<double>(c % 4));
  return w;
}

/// Labels count through the classes; every fifth place is ignored where an id is given.
Values make_labels(int64_t n, int64_t classes, std::optional<int32_t> ignore) {
  Values labels;
  for (int64_t i = 0; i < n; ++i)
    labels.push_back(ignore && i % 5 == 3 ? *ignore : static_cast<double>(i * 7 % classes));
  return labels;
}

/// `each`: every place's loss instead of their mean.
OpCase case_of(const Shape& outer, int64_t classes, std::optional<int32_t> ignore, bool weighted,
               bool each = false) {
  Shape shape = outer;
  shape.push_back(classes);
  const Values labels = make_labels(outer.numel(), classes, ignore);
  const Values weights = weighted ? class_weights(classes) : Values(classes, 1.0);
  return {.name = fmt::format("cross_entropy{} {}{}{}", each ? "_each" : "", shape,
                              ignore ? " ignore" : "", weighted ? " weighted" : ""),
          .inputs = {shape},
          .op =
              [=](const auto& x) {
                CrossEntropyOptions options{ignore, {}};
                if (weighted)
                  options.class_weights =
                      on_tape(x[0].tape(), Tensor::from({classes}, weights, x[0].dtype()));
                const Tensor ids = on_tape(x[0].tape(), Tensor::from(outer, labels, DType::i32));
                if (!each) return cross_entropy(x[0], ids, options);
                const Var y = cross_entropy_each(x[0], ids, options);
                CHECK(y.shape() == outer);
                return y;
              },
          .naive =
              [=](const auto& in) {
                double loss = 0, weight = 0;
                Values losses(labels.size());
                for (size_t i = 0; i < labels.size(); ++i) {
                  if (ignore && labels[i] == *ignore) continue;
                  const double* x = in[0].data() + i * classes;
                  double sum = 0;
                  for (int64_t j = 0; j < classes; ++j) sum += std::exp(x[j]);
                  const size_t label = static_cast<size_t>(labels[i]);
                  losses[i] = weights[label] * (std::log(sum) - x[label]);
                  loss += losses[i];
                  weight += weights[label];
                }
                return each ? losses : Values{weight > 0 ? loss / weight : 0};
              },
          .reduction = each ? classes : shape.numel()};
}

}  // namespace

TEST_CASE("cross_entropy", "[ops]") {
  for (bool weighted : {false, true}) {
    op_check(case_of({6}, 3, {}, weighted));
    op_check(case_of({}, 2, {}, weighted));
    op_check(case_of({2, 3, 5}, 19, 255, weighted));
    op_check(case_of({2, 3, 5}, 7, -1, weighted));
    op_check(case_of({1, 41, 41}, 40, 255, weighted));
    op_check(case_of({4099}, 1, 255, weighted));
    op_check(case_of({0}, 3, {}, weighted));
  }
}

TEST_CASE("cross_entropy_each", "[ops]") {
  for (bool weighted : {false, true}) {
    op_check(case_of({6}, 3, {}, weighted, true));
    op_check(case_of({}, 2, {}, weighted, true));
    op_check(case_of({2, 3, 5}, 19, 255, weighted, true));
    op_check(case_of({2, 3, 5}, 7, -1, weighted, true));
    op_check(case_of({1, 41, 41}, 40, 255, weighted, true));
    op_check(case_of({4099}, 1, 255, weighted, true));
    op_check(case_of({0}, 3, {}, weighted, true));
  }
}

TEST_CASE("cross_entropy_each: a place's loss and gradient are its own", "[ops][nan]") {
  Tape tape(test_device());
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const Var x = tape.leaf(on_tape(tape, Tensor::from({3, 2}, {0, 0, nan, nan, nan, 0})));
  const Tensor labels = on_tape(tape, Tensor::from({3}, {0, 255, 1}, DType::i32));
  const Var loss = cross_entropy_each(x, labels, {255, {}});
  const Values losses = from_tape(tape, loss.value()).to_vector();
  CHECK(std::abs(losses[0] - std::log(2.0)) < 1e-7);
  CHECK(losses[1] == 0);
  CHECK(std::isnan(losses[2]));
  tape.backward(loss, on_tape(tape, Tensor::from({3}, {2, 2, 2})));
  const Values gradient = from_tape(tape, tape.grad(x)).to_vector();
  CHECK(Values(gradient.begin(), gradient.begin() + 4) == Values{-1, 1, 0, 0});
  CHECK(std::isnan(gradient[4]));
  check_shape_error(
      [&] {
        cross_entropy_each(x, on_tape(tape, Tensor::from({3}, {0, 0, 0})));
      },
      "cross_entropy_each: labels are f32 [3], logits [3, 2] need i32 [3]");
}

TEST_CASE("cross_entropy: valid places, and none", "[ops]") {
  Tape tape(test_device());
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const CrossEntropyOptions ignore{255, {}};
  Tensor valid;
  // An ignored place may hold anything.
  const Var x = tape.leaf(on_tape(tape, Tensor::from({3, 2}, {0, 0, nan, nan, 0, 0})));
  const auto labels = [&](const Values& v) {
    return on_tape(tape, Tensor::from({3}, v, DType::i32));
  };
  const Var loss = cross_entropy(x, labels({0, 255, 1}), ignore, &valid);
  CHECK(from_tape(tape, valid).item() == 2);
  CHECK(std::abs(from_tape(tape, loss.value()).item() - std::log(2.0)) < 1e-7);
  tape.backward(loss);
  const Values gradient = from_tape(tape, tape.take_grad(x)).to_vector();
  CHECK(gradient == Values{-0.25, 0.25, 0, 0, 0.25, -0.25});

  const Var none = cross_entropy(x, labels({255, 255, 255}), ignore, &valid);
  CHECK(from_tape(tape, valid).item() == 0);
  CHECK(from_tape(tape, none.value()).item() == 0);
  tape.backward(none);
  CHECK(from_tape(tape, tape.grad(x)).to_vector() == Values(6, 0.0));
}

TEST_CASE("cross_entropy: a class weight or a logit that is NaN is never a loss of 0",
          "[ops][nan]") {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const auto loss_of = [&](const Values& logits, const Values& weights, Values* gradient) {
    Tape tape(test_device());
    const Var x = tape.leaf(on_tape(tape, Tensor::from({2, 2}, logits)));
    const Tensor labels = on_tape(tape, Tensor::from({2}, {0, 1}, DType::i32));
    const Var loss = cross_entropy(x, labels, {{}, on_tape(tape, Tensor::from({2}, weights))});
    tape.backward(loss);
    *gradient = from_tape(tape, tape.grad(x)).to_vector();
    return from_tape(tape, loss.value()).item();
  };
  Values gradient;
  CHECK(std::isnan(loss_of({0, 0, 0, 0}, {1, nan}, &gradient)));
  CHECK(std::isnan(gradient[0]));  // the other row too: it is divided by the sum of weights
  CHECK(std::isnan(loss_of({0, 0, 0, 0}, {nan, nan}, &gradient)));
  CHECK(std::isnan(loss_of({nan, 0, 0, 0}, {1, 1}, &gradient)));
  CHECK(std::isnan(loss_of({0, nan, 0, 0}, {0, 0}, &gradient)));
  CHECK(loss_of({0, 1, 0, 0}, {0, 0}, &gradient) == 0);  // no weight at all: nothing to lose
  CHECK(gradient == Values(4, 0.0));
}

TEST_CASE("cross_entropy: large logits stay exact", "[ops]") {
  CpuContext ctx(1);
  Tape tape(&ctx);
  const Var x = tape.leaf(Tensor::from({1, 2}, {1e6, 1e6 - 1}));
  const Var loss = cross_entropy(x, Tensor::from({1}, {1}, DType::i32));
  const double p = 1 / (1 + std::exp(-1.0));
  CHECK(std::abs(loss.value().item() - (1 + std::log1p(std::exp(-1.0)))) < 1e-6);
  tape.backward(loss);
  CHECK(std::abs(tape.grad(x).to_vector()[0] - p) < 1e-6);
}

TEST_CASE("cross_entropy: what it refuses", "[ops]") {
  CpuContext ctx(1);
  Tape tape(&ctx);
  const Var x = tape.leaf(Tensor::from({2, 3}, Values(6, 0.0)));
  const auto labels = [](const Shape& s, const Values& v) {
    return Tensor::from(s, v, DType::i32);
  };
  const auto message = [&](const Values& v, const CrossEntropyOptions& options) -> std::string {
    try {
      cross_entropy(x, labels({2}, v), options);
    } catch (const DataError& e) {
      return e.what();
    }
    return "nothing";
  };
  const size_t before = tape.size();
  CHECK(message({0, 3}, {255, {}})
            .find("cross_entropy: label 3 at place 1 of [2] is outside 0..2 "
                  "and is not ignored (ignored: 255)") == 0);
  CHECK(message({-1, 0}, {})
            .find("cross_entropy: label -1 at place 0 of [2] is outside 0..2 and "
                  "is not ignored;") == 0);
  CHECK(message({255, 0}, {255, {}}) == "nothing");
  CHECK(tape.size() == before + 1);
  check_shape_error(
      [&] {
        cross_entropy(x, labels({3}, {0, 0, 0}));
      },
      "cross_entropy: labels are i32 [3], logits [2, 3] need i32 [2]");
  check_shape_error(
      [&] {
        cross_entropy(x, Tensor::from({2}, {0, 0}));
      },
      "labels are f32 [2], logits [2, 3] need i32 [2]");
  check_shape_error(
      [&] {
        cross_entropy(x, labels({2}, {0, 0}), {{}, Tensor::from({2}, {1.0, 1.0})});
      },
      "class weights are f32 [2], logits f32 [2, 3] need f32 [3]");
}

}  // namespace weft
