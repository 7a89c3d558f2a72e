// Multi-head attention against its definition in plain loops, with every form of mask, over itself
// and over others; its parameters are PyTorch's; its errors name it.
#include "models/attention.h"

#include <cmath>

#include "models/parameter_file.h"
#include "tests/support/op_check.h"
#include "tests/support/temp_folder.h"

using namespace weft;

namespace {

struct Sizes {
  int64_t n, t, s, e, heads;
};

/// row [E] of a projection's part: W x + b
Values project(const Values& w, const Values& b, const double* x, int64_t part, int64_t e) {
  Values out;
  for (int64_t o = part * e; o < (part + 1) * e; ++o) {
    double sum = b[static_cast<size_t>(o)];
    for (int64_t i = 0; i < e; ++i) sum += w[static_cast<size_t>(o * e + i)] * x[i];
    out.push_back(sum);
  }
  return out;
}

/// in: query, key, value, in_weight, in_bias, out_weight, out_bias, mask [H, N, T, S] or nothing.
Values naive(const Sizes& z, const std::vector<Values>& in, const Values& mask) {
  const int64_t d = z.e / z.heads;
  Values y;
  for (int64_t n = 0; n < z.n; ++n)
    for (int64_t t = 0; t < z.t; ++t) {
      const Values q =
          project(in[3], in[4], &in[0][static_cast<size_t>((n * z.t + t) * z.e)], 0, z.e);
      Values joined;
      for (int64_t h = 0; h < z.heads; ++h) {
        Values p;
        double sum = 0;
        for (int64_t s = 0; s < z.s; ++s) {
          const Values k =
              project(in[3], in[4], &in[1][static_cast<size_t>((n * z.s + s) * z.e)], 1, z.e);
          double score = 0;
          for (int64_t i = h * d; i < (h + 1) * d; ++i)
            score += q[static_cast<size_t>(i)] * k[static_cast<size_t>(i)];
          score /= std::sqrt(static_cast<double>(d));
          if (!mask.empty())
            score += mask[static_cast<size_t>(((h * z.n + n) * z.t + t) * z.s + s)];
          p.push_back(std::exp(score));
          sum += p.back();
        }
        Values head(static_cast<size_t>(d));
        for (int64_t s = 0; s < z.s; ++s) {
          const Values v =
              project(in[3], in[4], &in[2][static_cast<size_t>((n * z.s + s) * z.e)], 2, z.e);
          for (int64_t i = 0; i < d; ++i)
            head[static_cast<size_t>(i)] +=
                p[static_cast<size_t>(s)] / sum * v[static_cast<size_t>(h * d + i)];
        }
        joined.insert(joined.end(), head.begin(), head.end());
      }
      const Values out = project(in[5], in[6], joined.data(), 0, z.e);
      y.insert(y.end(), out.begin(), out.end());
    }
  return y;
}

/// `mask` of a shape that stretches over [H, N, T, S]; some keys hidden, the rest moved.
void check_attention(const char* name, const Sizes& z, const Shape& mask = {}) {
  OpCase c;
  c.name = name;
  c.inputs = {{z.n, z.t, z.e},
              {z.n, z.s, z.e},
              {z.n, z.s, z.e},
              {3 * z.e, z.e},
              {3 * z.e},
              {z.e, z.e},
              {z.e}};
  c.low = -1;
  c.high = 1;
  Values bias;
  for (int64_t i = 0; mask.rank() > 0 && i < mask.numel(); ++i)
    bias.push_back(i % 3 == 1 ? -1e30 : 0.25 * static_cast<double>(i % 5));
  c.op = [=](const std::vector<Var>& in) {
    const Tape& tape = in[0].tape();
    Var m;
    if (!bias.empty()) m = tape.constant(on_tape(tape, Tensor::from(mask, bias, in[0].dtype())));
    return multi_head_attention({in[0], in[1], in[2], bias.empty() ? nullptr : &m}, in[3], in[4],
                                in[5], in[6], z.heads);
  };
  Values whole;  // the mask stretched: its axes are the last ones of [H, N, T, S]
  const Shape all{z.heads, z.n, z.t, z.s};
  for (int64_t i = 0; !bias.empty() && i < all.numel(); ++i) {
    int64_t at = 0, step = 1, rest = i;
    for (int axis = 3; axis >= 0; --axis) {
      const int64_t place = rest % all[axis];
      rest /= all[axis];
      const int own = axis - (4 - mask.rank());
      if (own >= 0 && mask[own] > 1) at += place * step;
      if (own >= 0) step *= mask[own];
    }
    whole.push_back(bias[static_cast<size_t>(at)]);
  }
  c.naive = [=](const std::vector<Values>& in) { return naive(z, in, whole); };
  c.reduction = z.e * z.e;
  op_check(c);
}

}  // namespace

TEST_CASE("attention is its definition: heads, widths, one key, one query", "[models][attention]") {
  check_attention("two heads", {2, 3, 4, 6, 2});
  check_attention("one head", {1, 4, 2, 5, 1});
  check_attention("a head for every column", {2, 2, 3, 3, 3});
  check_attention("one key", {2, 3, 1, 4, 2});
  check_attention("one query", {1, 1, 5, 4, 2});
}

TEST_CASE("attention is its definition: masks of every shape", "[models][attention]") {
  const Sizes z{2, 3, 4, 4, 2};
  check_attention("of keys", z, {4});
  check_attention("of pairs", z, {3, 4});
  check_attention("of every image", z, {2, 3, 4});
  check_attention("of keys of every image", z, {2, 1, 4});
  check_attention("of every head", z, {2, 1, 3, 4});
}

TEST_CASE("attention: a causal mask hides what comes later", "[models][attention]") {
  CpuContext cpu(1);
  ParameterStore store(&cpu, DType::f64);
  const MultiHeadAttention attention(store, "block.attn", 6, 2, 1);
  const auto run = [&](double last) {
    Tape tape(&cpu, Tape::Mode::no_grad);
    Pass pass{tape, true, {}};
    Tensor x = Tensor::full({1, 4, 6}, 0.5, DType::f64);
    for (int64_t i = 0; i < 24; ++i) x.data<double>()[i] = std::sin(static_cast<double>(i));
    x.data<double>()[3 * 6] = last;
    const Var mask = tape.constant(causal_mask(4, DType::f64));
    return attention(pass, tape.constant(x), &mask).value().to_vector();
  };
  const Values a = run(1), b = run(7);
  for (size_t i = 0; i < 18; ++i) CHECK(a[i] == b[i]);
  CHECK(a[18] != b[18]);
}

TEST_CASE("attention: its parameters are PyTorch's, and its errors name it",
          "[models][attention]") {
  CpuContext cpu(1);
  ParameterStore store(&cpu, DType::f32);
  const MultiHeadAttention attention(store, "block.attn", 6, 2, 1);
  std::vector<std::string> names;
  for (const NamedTensor& t : file_tensors(store)) names.push_back(t.name);
  CHECK(names == std::vector<std::string>{"block.attn.in_proj_weight", "block.attn.in_proj_bias",
                                          "block.attn.out_proj.weight",
                                          "block.attn.out_proj.bias"});
  Tape tape(&cpu);
  Pass pass{tape, true, {}};
  const auto error = [&](const Shape& q, const Shape& kv) {
    const Var x = tape.constant(Tensor::zeros(q)), y = tape.constant(Tensor::zeros(kv));
    return test::message_of<ShapeError>([&] { attention(pass, {x, y, y}); });
  };
  CHECK_THAT(
      error({2, 3, 6}, {1, 3, 6}),
      contains_text("block.attn (attention): needs query [N, T, E], key and value [N, S, E]: "
                    "query [2, 3, 6], key [1, 3, 6]"));
  CHECK_THAT(error({2, 3, 8}, {2, 3, 8}),
             contains_text("the inputs' weight must be [24, 8] for query [2, 3, 8], and is"));
  CHECK(test::message_of<ConfigError>([&] { MultiHeadAttention(store, "x", 6, 4, 1); }) ==
        "x: 4 heads do not divide its width 6");
}
