// The arithmetic of weft-run, f32, one picture [H, W, C]. A convolution is a product of matrices
//   y [pixels, K] = x' [pixels, R S C / G] weight [R S C / G, K / G], a group after the other
// whose x' is never whole: blocks of it are packed (im2col) into memory that stays in the cache, and
// a tile of some pixels x two vectors of channels stays in registers (Goto and van de Geijn, ACM TOMS
// 34(3), 2008). Taps that see nothing but padding are left out where there are many; of few channels x' is
// read from padded rows of x; and 3x3 ones go Winograd's way where that pays (winograd.h). Each instruction
// set has kernels of its own, compiled from one text (kernels_text.h); pick_kernels() takes the best.
#pragma once

#include <cstddef>
#include <cstdint>

namespace weft::runner {

/// Floats behind every map and packed matrix that kernels may read, and never use.
inline constexpr int64_t slack = 64;

struct ConvWork {
  int64_t height, width, channels;      ///< of x
  int64_t out_height, out_width, outs;  ///< of y
  int64_t kernel_h, kernel_w, stride_h, stride_w, padding_h, padding_w, dilation_h, dilation_w;
  int64_t groups;
  const float* x;
  const float* weights;   ///< packed, see pack_weights()
  const float* bias;      ///< [K]
  const float* residual;  ///< of y's shape, added before relu; or null. May be y itself.
  float* y;
  bool relu;
};

struct PoolWork {
  int64_t height, width, channels, out_height, out_width, kernel, stride, padding;
  const float* x;
  float* y;
};

struct WinogradLayout;

struct Kernels {
  const char* name;
  int64_t lanes;    ///< of a vector, in floats
  int64_t depth;    ///< channels of a row of pixels packed for a product
  int64_t row;      ///< floats of one
  int64_t scratch;  ///< floats that conv packs into
  /// Output rows [begin, end); `scratch`: memory of this thread alone.
  void (*conv)(const ConvWork& work, int64_t begin, int64_t end, float* scratch);
  /// Tiles [begin, end) of a layout's, by Winograd's way (winograd.h); weights: winograd_weights().
  void (*winograd)(const ConvWork& work, const WinogradLayout& layout, int64_t begin, int64_t end,
                   float* scratch);
  void (*max_pool)(const PoolWork& work, int64_t row_begin, int64_t row_end);
  void (*relu)(const float* x, float* y, int64_t n);
  void (*add)(const float* a, const float* b, float* y, int64_t n);
  void (*mul)(const float* a, const float* b, float* y, int64_t n);
  /// y [pixels, C] = scale [C] x + shift [C]
  void (*affine)(const float* x, const float* scale, const float* shift, float* y, int64_t pixels,
                 int64_t channels);
  /// y += a x, or y = a x
  void (*scaled)(const float* x, float a, float* y, int64_t n, bool add);
};

/// Every set that this CPU can run, the best first.
struct KernelList {
  const Kernels* all[3];
  int count;
};
KernelList usable_kernels();

extern const Kernels avx512_kernels, avx2_kernels, plain_kernels;

/// Floats of a convolution's packed weights.
int64_t packed_size(const Kernels& kernels, int64_t outs, int64_t taps, int64_t groups);
/// weight [K, taps], taps = R S C / G in this order -> by group, panels of two vectors of channels
/// (the last of one where that holds them), each [taps, channels], zeros beyond the last channel.
void pack_weights(const Kernels& kernels, const float* weight, int64_t outs, int64_t taps,
                  int64_t groups, float* packed);

}  // namespace weft::runner
