// The texts. Where a pixel may be outside of the map it is left out: there x - zero is 0.
#include "train/export/int8/c_int8_kernels.h"

#include "engine/error.h"

namespace weft {
namespace {

constexpr const char* common_text = R"(
/* round(v 2^-shift), halves to even, plus zero, within int8; |v| <= 2^62. Without a branch: v is
   brought above 0 by 2^63, whose quotient is even, and what lies below half is rounded down */
static int8_t weft_step(int64_t v, int shift, int zero) {
  const uint64_t base = (uint64_t)1 << 63, size = (uint64_t)v + base;
  const uint64_t below = ((uint64_t)1 << (shift - 1)) - 1 + (size >> shift & 1);
  const int64_t y = (int64_t)((size + below) >> shift) - (int64_t)(base >> shift) + zero;
  return (int8_t)(y < -128 ? -128 : y > 127 ? 127 : y);
}

/* v in the 24 bits of a float, and by itself: gcc with -std=gnu99 would fuse a product with the sum
   that takes it, and x87 keep more bits, so that steps would depend on the compiler */
static float weft_rounded(float v) {
  const volatile float kept = v;
  return kept;
}

/* round(x / scale), halves to even, plus zero, within int8; not a number is the lowest */
static int8_t weft_quantise(float x, float scale, int zero) {
  float v = weft_rounded(x / scale), rest;
  int q;
  if (!(v > (float)(-128 - zero))) v = (float)(-128 - zero);
  if (v > (float)(127 - zero)) v = (float)(127 - zero);
  q = (int)v;
  rest = v - (float)q;
  if (rest > 0.5f || (rest == 0.5f && (q & 1))) ++q;
  if (rest < -0.5f || (rest == -0.5f && (q & 1))) --q;
  return (int8_t)(q + zero);
}
)";

constexpr const char* by_eight_text =
    "\n/* clang has an instruction for sums of two products of 16 bits where it takes eight */\n"
    "#ifdef __clang__\n#define WEFT_BY_EIGHT _Pragma(\"clang loop vectorize_width(8)\")\n"
    "#else\n#define WEFT_BY_EIGHT\n#endif\n";

constexpr const char* sums_text = R"(
typedef struct {
  int h, w, c, p, q, k, r, s; /* input, output, kernel */
  int stride_h, stride_w, padding_h, padding_w, dilation_h, dilation_w, groups;
  int zero; /* of the input */
} weft_conv_shape;

/* in[r][s][c] = x[h][w][c] - zero of what output pixel `at` sees of group g; 0 outside of the map */
static void weft_patch(const int8_t *x, int g, int at, int16_t *restrict in,
                       const weft_conv_shape *o) {
  const int channels = o->c / o->groups, zero = o->zero;
  const int top = at / o->q * o->stride_h - o->padding_h;
  const int left = at % o->q * o->stride_w - o->padding_w;
  for (int r = 0; r < o->r; ++r)
    for (int s = 0; s < o->s; ++s, in += channels) {
      const int h = top + r * o->dilation_h, w = left + s * o->dilation_w;
      const int8_t *pixel = x + (size_t)(g * channels);
      if (h < 0 || h >= o->h || w < 0 || w >= o->w) {
        memset(in, 0, (size_t)channels * sizeof *in);
        continue;
      }
      pixel += ((size_t)h * (size_t)o->w + (size_t)w) * (size_t)o->c;
      for (int c = 0; c < channels; ++c) in[c] = (int16_t)(pixel[c] - zero);
    }
}

/* sums[k][i] = bias[k] + sum over r, s, c of patch[i][r][s][c] weight[k][r][s][c], of the n output
   pixels from `at`; four at once read a weight once */
static void weft_sums(const int8_t *x, const int8_t *weight, const int32_t *bias, int at, int n,
                      const weft_conv_shape *o) {
  const int k_group = o->k / o->groups, count = o->r * o->s * (o->c / o->groups);
  int32_t *out = sums;
  for (int g = 0; g < o->groups; ++g) {
    for (int i = 0; i < n; ++i) weft_patch(x, g, at + i, patch[i], o);
    for (int k = 0; k < k_group; ++k, weight += count, ++bias, out += 4) {
      int32_t a = *bias, b = *bias, c = *bias, d = *bias;
      if (n < 4) {
        for (int i = 0; i < n; ++i) {
          a = *bias;
          WEFT_BY_EIGHT
          for (int j = 0; j < count; ++j) a += patch[i][j] * (int16_t)weight[j];
          out[i] = a;
        }
        continue;
      }
      WEFT_BY_EIGHT
      for (int j = 0; j < count; ++j) {
        const int16_t w = weight[j];
        a += patch[0][j] * w;
        b += patch[1][j] * w;
        c += patch[2][j] * w;
        d += patch[3][j] * w;
      }
      out[0] = a;
      out[1] = b;
      out[2] = c;
      out[3] = d;
    }
  }
}
)";

constexpr const char* conv_text = R"(
static void weft_conv(const int8_t *x, const int8_t *weight, const int32_t *bias,
                      const int32_t *factor, const uint8_t *shift, int zero, int8_t *y,
                      const weft_conv_shape *o) {
  const int pixels = o->p * o->q;
  for (int at = 0; at < pixels; at += 4) {
    const int n = pixels - at < 4 ? pixels - at : 4;
    weft_sums(x, weight, bias, at, n, o);
    for (int i = 0; i < n; ++i, y += o->k)
      for (int k = 0; k < o->k; ++k)
        y[k] = weft_step((int64_t)sums[4 * k + i] * factor[k], shift[k], zero);
  }
}
)";

constexpr const char* conv_f32_text = R"(
static void weft_conv_f32(const int8_t *x, const int8_t *weight, const int32_t *bias,
                          const float *scale, float *y, const weft_conv_shape *o) {
  const int pixels = o->p * o->q;
  for (int at = 0; at < pixels; at += 4) {
    const int n = pixels - at < 4 ? pixels - at : 4;
    weft_sums(x, weight, bias, at, n, o);
    for (int i = 0; i < n; ++i, y += o->k)
      for (int k = 0; k < o->k; ++k) {
        const float sum = (float)sums[4 * k + i];
        y[k] = sum * scale[k];
      }
  }
}
)";

constexpr const char* max_pool_text = R"(
typedef struct {
  int h, w, c, p, q, kernel, stride, padding;
} weft_pool_shape;

static void weft_max_pool(const int8_t *x, int8_t *y, const weft_pool_shape *o) {
  for (int p = 0; p < o->p; ++p)
    for (int q = 0; q < o->q; ++q, y += o->c) {
      for (int c = 0; c < o->c; ++c) y[c] = -128;
      for (int r = 0; r < o->kernel; ++r)
        for (int s = 0; s < o->kernel; ++s) {
          const int h = p * o->stride - o->padding + r, w = q * o->stride - o->padding + s;
          const int8_t *in = x;
          if (h < 0 || h >= o->h || w < 0 || w >= o->w) continue;
          in += ((size_t)h * (size_t)o->w + (size_t)w) * (size_t)o->c;
          for (int c = 0; c < o->c; ++c)
            if (in[c] > y[c]) y[c] = in[c];
        }
    }
}
)";

constexpr const char* affine_text = R"(
static void weft_affine(const int8_t *x, int zero_x, const int32_t *factor, const int64_t *offset,
                        int shift, int zero, int8_t *y, size_t pixels, int channels) {
  for (size_t i = 0; i < pixels; ++i, x += channels, y += channels)
    for (int c = 0; c < channels; ++c)
      y[c] = weft_step((int64_t)(x[c] - zero_x) * factor[c] + offset[c], shift, zero);
}
)";

constexpr const char* sum_text = R"(
static void weft_sum(int maps, const int8_t *const *x, const int *zero_x, const int32_t *factor,
                     int shift, int zero, int8_t *y, size_t count) {
  for (size_t i = 0; i < count; ++i) {
    int64_t sum = 0;
    for (int j = 0; j < maps; ++j) sum += (int64_t)(x[j][i] - zero_x[j]) * factor[j];
    y[i] = weft_step(sum, shift, zero);
  }
}
)";

constexpr const char* mul_text = R"(
static void weft_mul(const int8_t *a, int zero_a, const int8_t *b, int zero_b, int32_t factor,
                     int shift, int zero, int8_t *y, size_t count) {
  for (size_t i = 0; i < count; ++i)
    y[i] = weft_step((int64_t)((a[i] - zero_a) * (b[i] - zero_b)) * factor, shift, zero);
}
)";

constexpr const char* mean_text = R"(
static void weft_mean(const int8_t *x, int zero_x, int32_t factor, int shift, int zero, int8_t *y,
                      size_t pixels, int channels) {
  for (int c = 0; c < channels; ++c) {
    int32_t sum = 0;
    for (size_t i = 0; i < pixels; ++i) sum += x[i * (size_t)channels + (size_t)c] - zero_x;
    y[c] = weft_step((int64_t)sum * factor, shift, zero);
  }
}
)";

constexpr const char* concat_text = R"(
/* count channels of x to y, whose pixels are to apart, in y's steps */
static void weft_concat(const int8_t *x, int zero_x, int32_t factor, int shift, int zero, int8_t *y,
                        int to, size_t pixels, int count) {
  for (size_t i = 0; i < pixels; ++i, x += count, y += to)
    for (int c = 0; c < count; ++c)
      y[c] = weft_step((int64_t)(x[c] - zero_x) * factor, shift, zero);
}
)";

constexpr const char* slice_text = R"(
/* count channels of x, whose pixels are from apart */
static void weft_slice(const int8_t *x, int from, int8_t *y, size_t pixels, int count) {
  for (size_t i = 0; i < pixels; ++i, x += from, y += count) memcpy(y, x, (size_t)count);
}
)";

constexpr const char* function_text = R"(
/* table: y for x = -128 .. 127 */
static void weft_function(const int8_t *x, const int8_t *table, int8_t *y, size_t count) {
  for (size_t i = 0; i < count; ++i) y[i] = table[x[i] + 128];
}
)";

}  // namespace

std::string int8_common() { return common_text; }

std::string int8_kernel_name(NodeKind kind, bool f32) {
  switch (kind) {
    case NodeKind::conv:
    case NodeKind::linear:
      return f32 ? "weft_conv_f32" : "weft_conv";
    case NodeKind::add:
    case NodeKind::weighted_sum:
      return "weft_sum";
    default:
      return is_function(kind) ? "weft_function" : fmt::format("weft_{}", name_of(kind));
  }
}

std::string int8_sums() { return std::string(by_eight_text) + sums_text; }

std::string int8_kernel(NodeKind kind, bool f32) {
  switch (kind) {
    case NodeKind::conv:
    case NodeKind::linear:
      return f32 ? conv_f32_text : conv_text;
    case NodeKind::affine:
      return affine_text;
    case NodeKind::weighted_sum:
    case NodeKind::add:
      return sum_text;
    case NodeKind::mul:
      return mul_text;
    case NodeKind::max_pool:
      return max_pool_text;
    case NodeKind::mean:
      return mean_text;
    case NodeKind::concat:
      return concat_text;
    case NodeKind::slice:
      return slice_text;
    default:
      break;
  }
  if (is_function(kind)) return function_text;
  throw Error(fmt::format("int8 export: '{}' has no function in C", name_of(kind)));
}

std::string int8_entry(NodeKind kind) {
  switch (kind) {
    case NodeKind::input:
      return R"(
static void weft_enter(const float *x, float scale, int zero, int8_t *y, size_t count) {
  for (size_t i = 0; i < count; ++i) y[i] = weft_quantise(x[i], scale, zero);
}
)";
    case NodeKind::affine:
      return R"(
/* a[c] x[pixel][c] + b[c] in steps */
static void weft_enter(const float *x, const float *a, const float *b, float scale, int zero,
                       int8_t *y, size_t pixels, int channels) {
  for (size_t i = 0; i < pixels; ++i, x += channels, y += channels)
    for (int c = 0; c < channels; ++c)
      y[c] = weft_quantise(weft_rounded(weft_rounded(a[c] * x[c]) + b[c]), scale, zero);
}
)";
    case NodeKind::linear:
      return R"(
/* b[k] + sum over c of a[k][c] x[pixel][c] in steps */
static void weft_enter(const float *x, const float *a, const float *b, float scale, int zero,
                       int8_t *y, size_t pixels, int channels) {
  for (size_t i = 0; i < pixels; ++i, x += channels, y += channels)
    for (int k = 0; k < channels; ++k) {
      float v = b[k];
      for (int c = 0; c < channels; ++c)
        v = weft_rounded(v + weft_rounded(a[k * channels + c] * x[c]));
      y[k] = weft_quantise(v, scale, zero);
    }
}
)";
    default:
      throw Error(fmt::format("int8 export: '{}' does not normalise an input", name_of(kind)));
  }
}

std::string int8_exit() {
  return R"(
static void weft_leave(const int8_t *x, float scale, int zero, float *y, size_t count) {
  for (size_t i = 0; i < count; ++i) {
    const float v = (float)(x[i] - zero);
    y[i] = scale * v;
  }
}
)";
}

}  // namespace weft
