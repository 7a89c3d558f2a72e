// Dropout: the mask is Philox's words, element by element, whatever the size; and its statistics.
#include <algorithm>
#include <cmath>

#include "ops/dropout.h"
#include "tests/support/op_check.h"

namespace weft {
namespace {

const Noise noise{7, 3};
constexpr const char* place = "heads.seg.aspp0.drop1";

/// m / (1 - p) by the definition, one word at a time.
double factor(double p, size_t element) {
  const Philox philox(noise.seed, Stream::dropout, noise.step, place);
  return philox.uniform(element) >= p ? 1 / (1 - p) : 0.0;
}

}  // namespace

TEST_CASE("dropout: against the definition", "[ops]") {
  for (double p : {0.1, 0.5, 0.875})
    for (const Shape& shape :
         std::vector<Shape>{{0}, {}, {127}, {128}, {2, 5, 7, 13}, {pointwise_chunk + 129}}) {
      op_check({.name = fmt::format("dropout {} {}", p, shape),
                .inputs = {shape},
                .op = [p](const auto& x) { return dropout(x[0], p, noise, place); },
                .naive =
                    [p](const auto& in) {
                      Values y;
                      for (size_t i = 0; i < in[0].size(); ++i)
                        y.push_back(in[0][i] * factor(p, i));
                      return y;
                    }});
      op_check({.name = fmt::format("relu_dropout {} {}", p, shape),
                .inputs = {shape},
                .op = [p](const auto& x) { return relu_dropout(x[0], p, noise, place); },
                .naive =
                    [p](const auto& in) {
                      Values y;
                      for (size_t i = 0; i < in[0].size(); ++i)
                        y.push_back(std::max(0.0, in[0][i]) * factor(p, i));
                      return y;
                    },
                .kinks = {0}});
    }
}

TEST_CASE("dropout: p = 0 is no op at all", "[ops]") {
  CpuContext ctx(1);
  Tape tape(&ctx);
  const Var x = tape.leaf(Tensor::from({3}, {-1, 0, 2}));
  CHECK(dropout(x, 0, noise, place).node() == x.node());
  CHECK(relu_dropout(x, 0, noise, place).value().to_vector() == Values{0, 0, 2});
}

TEST_CASE("dropout: keeps 1 - p of many, other names and steps others", "[ops]") {
  CpuContext ctx(2);
  Tape tape(&ctx, Tape::Mode::no_grad);
  const int64_t n = 1 << 18;
  const Var x = tape.constant(Tensor::from({n}, Values(n, 1.0)));
  const auto kept = [&](const Noise& which, const char* name) {
    return dropout(x, 0.3, which, name).value().to_vector();
  };
  const Values a = kept(noise, "a");
  const auto count = [](const Values& y) {
    return static_cast<double>(std::count_if(y.begin(), y.end(), [](double v) { return v != 0; }));
  };
  const double deviation = std::sqrt(0.3 * 0.7 * static_cast<double>(n));
  CHECK(std::abs(count(a) - 0.7 * static_cast<double>(n)) < 4 * deviation);
  CHECK(a != kept(noise, "b"));
  CHECK(a != kept({noise.seed, noise.step + 1}, "a"));
  CHECK(a != kept({noise.seed + 1, noise.step}, "a"));
  CHECK(a == kept(noise, "a"));
}

TEST_CASE("dropout: the integer threshold is U >= p", "[ops]") {
  for (double p : {1e-9, 0.1, 0.25, 0.5, 1.5 / 16777216, 2.0 / 16777216, 0.999999999}) {
    const int32_t from = keep_from(p);
    for (int32_t k : {from - 1, from})
      if (k >= 0 && k < 1 << 24)
        CHECK((Philox::to_unit(static_cast<uint32_t>(k) << 8) >= p) == (k >= from));
  }
}

TEST_CASE("dropout: errors", "[ops]") {
  CpuContext ctx(1);
  Tape tape(&ctx);
  const Var x = tape.leaf(Tensor::from({3}, {-1, 0, 2}));
  check_shape_error([&] { dropout(x, 1.0, noise, place); },
                    "dropout: p must be in [0, 1), it is 1");
  check_shape_error([&] { relu_dropout(x, std::nan(""), noise, place); }, "relu_dropout: p");
}

}  // namespace weft
