// The texts. Where a pixel may be outside of the map it is left out, as weft's own kernels do.
#include "train/export/c_kernels.h"

#include "engine/error.h"

namespace weft {
namespace {

constexpr const char* conv_text = R"(
typedef struct {
  int h, w, c, p, q, k, r, s; /* input, output, kernel */
  int stride_h, stride_w, padding_h, padding_w, dilation_h, dilation_w, groups;
} weft_conv_shape;

/* y[p][q][k] = bias[k] + sum over r, s, c of x[h][w][c] weight[r][s][c][k] */
static void weft_conv(const float *x, const float *weight, const float *bias, float *y,
                      const weft_conv_shape *o) {
  const int c_group = o->c / o->groups, k_group = o->k / o->groups;
  for (int p = 0; p < o->p; ++p)
    for (int q = 0; q < o->q; ++q, y += o->k) {
      const float *taps = weight;
      for (int k = 0; k < o->k; ++k) y[k] = bias ? bias[k] : 0.0f;
      for (int g = 0; g < o->groups; ++g)
        for (int r = 0; r < o->r; ++r)
          for (int s = 0; s < o->s; ++s, taps += (size_t)c_group * (size_t)k_group) {
            const int h = p * o->stride_h - o->padding_h + r * o->dilation_h;
            const int w = q * o->stride_w - o->padding_w + s * o->dilation_w;
            float *out = y + g * k_group;
            if (h < 0 || h >= o->h || w < 0 || w >= o->w) continue;
            const float *in = x + ((size_t)h * (size_t)o->w + (size_t)w) * (size_t)o->c + g * c_group;
            const float *row = taps;
            for (int c = 0; c < c_group; ++c, row += k_group) {
              const float v = in[c];
              for (int k = 0; k < k_group; ++k) out[k] += v * row[k];
            }
          }
    }
}
)";

constexpr const char* max_pool_text = R"(
typedef struct {
  int h, w, c, p, q, kernel, stride, padding;
} weft_pool_shape;

static void weft_max_pool(const float *x, float *y, const weft_pool_shape *o) {
  for (int p = 0; p < o->p; ++p)
    for (int q = 0; q < o->q; ++q, y += o->c) {
      int first = 1;
      for (int r = 0; r < o->kernel; ++r)
        for (int s = 0; s < o->kernel; ++s) {
          const int h = p * o->stride - o->padding + r, w = q * o->stride - o->padding + s;
          if (h < 0 || h >= o->h || w < 0 || w >= o->w) continue;
          const float *in = x + ((size_t)h * (size_t)o->w + (size_t)w) * (size_t)o->c;
          for (int c = 0; c < o->c; ++c)
            if (first || in[c] > y[c]) y[c] = in[c];
          first = 0;
        }
    }
}
)";

constexpr const char* affine_text = R"(
/* y[pixel][c] = scale[c] x[pixel][c] + shift[c] */
static void weft_affine(const float *x, const float *scale, const float *shift, float *y,
                        size_t pixels, int channels) {
  for (size_t i = 0; i < pixels; ++i, x += channels, y += channels)
    for (int c = 0; c < channels; ++c) y[c] = scale[c] * x[c] + shift[c];
}
)";

constexpr const char* weighted_sum_text = R"(
static void weft_weighted_sum(int maps, const float *const *x, const float *weights, float *y,
                              size_t count) {
  for (size_t i = 0; i < count; ++i) {
    float sum = 0.0f;
    for (int j = 0; j < maps; ++j) sum += weights[j] * x[j][i];
    y[i] = sum;
  }
}
)";

constexpr const char* add_text = R"(
static void weft_add(const float *a, const float *b, float *y, size_t count) {
  for (size_t i = 0; i < count; ++i) y[i] = a[i] + b[i];
}
)";

constexpr const char* mul_text = R"(
static void weft_mul(const float *a, const float *b, float *y, size_t count) {
  for (size_t i = 0; i < count; ++i) y[i] = a[i] * b[i];
}
)";

constexpr const char* mean_text = R"(
static void weft_mean(const float *x, float *y, size_t pixels, int channels) {
  for (int c = 0; c < channels; ++c) {
    double sum = 0.0;
    for (size_t i = 0; i < pixels; ++i) sum += (double)x[i * (size_t)channels + (size_t)c];
    y[c] = (float)(sum / (double)pixels);
  }
}
)";

/// concat puts each input's channels in, slice takes some out.
constexpr const char* copy_text = R"(
/* count channels of x, whose pixels are from apart, to y, whose pixels are to apart */
static void weft_copy(const float *x, int from, float *y, int to, size_t pixels, int count) {
  for (size_t i = 0; i < pixels; ++i, x += from, y += to)
    for (int c = 0; c < count; ++c) y[c] = x[c];
}
)";

constexpr const char* embedding_text = R"(
/* y[place][c] = table[id at that place][c] */
static void weft_embedding(const float *x, const float *table, float *y, int places, int ids,
                           int channels) {
  for (int i = 0; i < places; ++i, y += channels) {
    const float last = (float)(ids - 1), v = x[i] > 0.0f ? x[i] : 0.0f;
    const float *row = table + (size_t)((v < last ? v : last) + 0.5f) * (size_t)channels;
    for (int c = 0; c < channels; ++c) y[c] = row[c];
  }
}
)";

constexpr const char* top_k_text = R"(
/* y[j][c]: the j-th largest x[place][c] */
static void weft_top_k(const float *x, float *y, int places, int channels, int k) {
  for (int i = 0; i < places; ++i, x += channels)
    for (int c = 0; c < channels; ++c) {
      const float v = x[c];
      int j = i < k ? i : k; /* so many are there; those below v move down */
      for (; j > 0 && v > y[(j - 1) * channels + c]; --j)
        if (j < k) y[j * channels + c] = y[(j - 1) * channels + c];
      if (j < k) y[j * channels + c] = v;
    }
}
)";

/// What a function of one x does to v.
const char* expression(NodeKind kind) {
  switch (kind) {
    case NodeKind::relu:
      return "v < 0.0f ? 0.0f : v";
    case NodeKind::sigmoid:
      return "1.0f / (1.0f + expf(-v))";
    case NodeKind::tanh:
      return "tanhf(v)";
    case NodeKind::silu:
      return "v / (1.0f + expf(-v))";
    case NodeKind::softplus:
      return "(v < 0.0f ? 0.0f : v) + log1pf(expf(-fabsf(v)))";
    case NodeKind::gelu:
      return "0.5f * v * (1.0f + erff(0.70710678118654752440f * v))";
    default:
      throw Error(fmt::format("c export: '{}' is no function of one x", name_of(kind)));
  }
}

}  // namespace

std::string c_kernel_name(NodeKind kind) {
  if (kind == NodeKind::linear) kind = NodeKind::conv;
  if (kind == NodeKind::concat || kind == NodeKind::slice) return "weft_copy";
  return fmt::format("weft_{}", name_of(kind));
}

std::string c_kernel(NodeKind kind) {
  switch (kind) {
    case NodeKind::input:
      return "";
    case NodeKind::conv:
    case NodeKind::linear:
      return conv_text;
    case NodeKind::affine:
      return affine_text;
    case NodeKind::weighted_sum:
      return weighted_sum_text;
    case NodeKind::add:
      return add_text;
    case NodeKind::mul:
      return mul_text;
    case NodeKind::max_pool:
      return max_pool_text;
    case NodeKind::mean:
      return mean_text;
    case NodeKind::concat:
    case NodeKind::slice:
      return copy_text;
    case NodeKind::embedding:
      return embedding_text;
    case NodeKind::top_k:
      return top_k_text;
    default:
      break;
  }
  return fmt::format(
      "\nstatic void {}(const float *x, float *y, size_t count) {{\n  for (size_t i = 0; i < "
      "count; "
      "++i) {{\n    const float v = x[i];\n    y[i] = {};\n  }}\n}}\n",
      c_kernel_name(kind), expression(kind));
}

}  // namespace weft
