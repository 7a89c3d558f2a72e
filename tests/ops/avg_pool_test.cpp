// avg_pool: windows at every border, padding counted as PyTorch counts it; global_avg_pool.
#include "ops/avg_pool.h"
#include "tests/support/op_check.h"

namespace weft {
namespace {

Values naive_avg(const Shape& x, const PoolOptions& o, const Values& in) {
  const Shape y = pooled_shape("avg_pool", x, o, SourceLoc::here());
  Values out;
  for (int64_t n = 0; n < y[0]; ++n)
    for (int64_t i = 0; i < y[1]; ++i)
      for (int64_t j = 0; j < y[2]; ++j)
        for (int64_t c = 0; c < y[3]; ++c) {
          double sum = 0, count = 0;
          for (int64_t r = 0; r < o.kernel; ++r)
            for (int64_t t = 0; t < o.kernel; ++t) {
              const int64_t h = i * o.stride - o.padding + r, w = j * o.stride - o.padding + t;
              if (h >= x[1] + o.padding || w >= x[2] + o.padding) continue;
              count += 1;
              if (h < 0 || w < 0 || h >= x[1] || w >= x[2]) continue;
              sum += in[((n * x[1] + h) * x[2] + w) * x[3] + c];
            }
          out.push_back(sum / count);
        }
  return out;
}

}  // namespace

TEST_CASE("avg_pool: windows of every kind", "[ops]") {
  struct Case {
    Shape x;
    PoolOptions options;
  };
  for (const auto& [shape, options] : std::vector<Case>{{{2, 6, 8, 3}, {2, 2}},
                                                        {{1, 7, 9, 5}, {3, 2, 1}},
                                                        {{2, 8, 8, 3}, {3, 2, 1, true}},
                                                        {{1, 5, 6, 17}, {3, 2, 0, true}},
                                                        {{1, 4, 4, 2}, {3, 1, 1}},
                                                        {{1, 9, 7, 2}, {2, 3, 0}},
                                                        {{2, 7, 7, 31}, {7, 7}},
                                                        {{0, 4, 4, 3}, {2, 2}},
                                                        {{3, 1, 1, 1}, {1, 1}}})
    op_check({.name = fmt::format("avg_pool {} k{} s{} p{} ceil {}", shape, options.kernel,
                                  options.stride, options.padding, options.ceil_mode),
              .inputs = {shape},
              .op = [o = options](const auto& x) { return avg_pool(x[0], o); },
              .naive = [s = shape, o = options](const auto& in) { return naive_avg(s, o, in[0]); },
              .reduction = options.kernel * options.kernel});
}

TEST_CASE("avg_pool: global", "[ops]") {
  for (const Shape& shape : std::vector<Shape>{{2, 3, 5, 7}, {1, 1, 1, 3}, {2, 17, 19, 1}})
    op_check({.name = fmt::format("global_avg_pool {}", shape),
              .inputs = {shape},
              .op = [](const auto& x) { return global_avg_pool(x[0]); },
              .naive =
                  [=](const auto& in) {
                    Values y(static_cast<size_t>(shape[0] * shape[3]));
                    const double pixels = static_cast<double>(shape[1] * shape[2]);
                    for (int64_t i = 0; i < shape.numel(); ++i)
                      y[i / shape.inner(1) * shape[3] + i % shape[3]] += in[0][i] / pixels;
                    return y;
                  },
              .reduction = shape[1] * shape[2]});
  CpuContext ctx(1);
  Tape tape(&ctx);
  const Var x = tape.constant(Tensor::from({2, 3}, Values(6, 1.0)));
  check_shape_error([&] { global_avg_pool(x); },
                    "global_avg_pool: x must be [N, H, W, C] with pixels, got [2, 3]");
  check_shape_error([&] { avg_pool(x, {}); }, "avg_pool: x must be [N, H, W, C], got [2, 3]");
}

}  // namespace weft
