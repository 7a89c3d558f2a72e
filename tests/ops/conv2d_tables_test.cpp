// Tables of pixels against plain loops over all pairs, made and found again, on 1 and 7 threads,
// for shapes that differ in one number at a time.
#include "ops/conv2d_tables.h"

#include <map>

#include "tests/support/catch.h"

namespace weft {
namespace {

using Pairs = std::vector<std::pair<int32_t, int32_t>>;

/// All pairs of tap t, by the definition at the head of ops/conv2d.h.
Pairs pairs_of(const Conv2dShape& s, int64_t t) {
  const Conv2dOptions& o = s.options;
  Pairs pairs;
  for (int64_t i = 0; i < s.output_pixels(); ++i) {
    const int64_t n = i / (s.p * s.q), p = i / s.q % s.p, q = i % s.q;
    const int64_t h = p * o.stride.h - o.padding.h + t / s.s * o.dilation.h;
    const int64_t w = q * o.stride.w - o.padding.w + t % s.s * o.dilation.w;
    if (h < 0 || h >= s.h || w < 0 || w >= s.w) continue;
    pairs.emplace_back(static_cast<int32_t>(i), static_cast<int32_t>((n * s.h + h) * s.w + w));
  }
  return pairs;
}

void check(CpuContext& ctx, const Conv2dShape& s) {
  const conv_tables::TapPairs taps(ctx, s);
  const auto outputs = conv_tables::of_outputs(ctx, s), inputs = conv_tables::of_inputs(ctx, s);
  REQUIRE(static_cast<int64_t>(taps.taps().size()) == s.taps());
  for (int64_t t = 0; t < s.taps(); ++t) {
    const Pairs want = pairs_of(s, t);
    const auto& tap = taps.taps()[static_cast<size_t>(t)];
    Pairs got;
    for (int64_t i = 0; i < tap.count; ++i) got.emplace_back(tap.out[i], tap.in[i]);
    CHECK(tap.index == t);
    CHECK(got == want);
    std::vector<int32_t> of_out(static_cast<size_t>(s.output_pixels()), -1);
    std::vector<int32_t> of_in(static_cast<size_t>(s.input_pixels()), -1);
    for (const auto& pair : want) {
      of_out[static_cast<size_t>(pair.first)] = pair.second;
      of_in[static_cast<size_t>(pair.second)] = pair.first;
    }
    const int32_t* out = outputs.get() + t * s.output_pixels();
    const int32_t* in = inputs.get() + t * s.input_pixels();
    CHECK(std::vector<int32_t>(out, out + s.output_pixels()) == of_out);
    CHECK(std::vector<int32_t>(in, in + s.input_pixels()) == of_in);
  }
  const auto padded = conv_tables::of_padded(ctx, s);
  const Conv2dOptions& o = s.options;
  bool right = true;
  for (int64_t i = 0; i < s.output_pixels(); ++i) {
    const int64_t row = i / (s.p * s.q) * (s.h + 2 * o.padding.h) + i / s.q % s.p * o.stride.h;
    right = right && padded[i] == row * (s.w + 2 * o.padding.w) + i % s.q * o.stride.w;
  }
  CHECK(right);
}

}  // namespace

TEST_CASE("conv2d_tables: the pairs of the definition, made or kept, whatever differs", "[ops]") {
  for (const int threads : {1, 7})
    for (int again = 0; again < 2; ++again) {
      CpuContext ctx(threads);
      for (const int64_t n : {0, 1, 3})
        for (const Shape& x : {Shape{n, 9, 11, 2}, Shape{n, 11, 9, 2}, Shape{n, 1, 5, 2}})
          for (const Shape& w : {Shape{2, 3, 3, 2}, Shape{2, 1, 3, 2}, Shape{2, 3, 1, 2}})
            for (const Conv2dOptions& o :
                 {Conv2dOptions{}, Conv2dOptions{.padding = 1}, Conv2dOptions{.padding = {1, 0}},
                  Conv2dOptions{.stride = 2, .padding = 1},
                  Conv2dOptions{.stride = {1, 2}, .padding = 1},
                  Conv2dOptions{.padding = 2, .dilation = 2},
                  Conv2dOptions{.padding = {4, 2}, .dilation = {4, 2}},
                  Conv2dOptions{.padding = 20, .dilation = 12}})
              check(ctx, Conv2dShape({x[0], x[1], x[2], x[3]}, w, o));
    }
}

TEST_CASE("conv2d_tables: what a table is made for once is the same one", "[ops]") {
  CpuContext ctx(2);
  const Conv2dShape narrow({2, 9, 9, 4}, {8, 3, 3, 4}, {.padding = 1});
  const Conv2dShape wide({2, 9, 9, 64}, {16, 3, 3, 64}, {.padding = 1});  // channels say nothing
  CHECK(conv_tables::of_outputs(ctx, narrow).get() == conv_tables::of_outputs(ctx, wide).get());
  const Conv2dShape large({3, 512, 512, 1}, {1, 3, 3, 1}, {.padding = 1});  // 28 MB: not kept
  CHECK(conv_tables::of_outputs(ctx, large).get() != conv_tables::of_outputs(ctx, large).get());
}

}  // namespace weft
