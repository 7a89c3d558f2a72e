// Tensor maps: what the TMA (engine/cuda/tma.cuh) knows of a tensor. They are made on the host, are
// 128 bytes, and go into kernels as __grid_constant__ arguments, so recorded work keeps its own.
// In im2col mode a map walks the pixels of a box [images, rows, columns] of an NHWC tensor as if
// they were one long row: w runs first, then h, then n. All may be read a few rows and columns
// further on, which is how one map serves all taps of a convolution.
// Source: CUDA driver API, "Tensor Map Object Management"; PTX ISA 5.5, "Tensors".
#pragma once

#include <cuda.h>

#include <cstdint>

namespace weft {

/// f32 elements as they are, or rounded to the nearest TF32 (ties to even) as they are loaded.
enum class MapType : uint8_t { bf16, f32, tf32 };

/// A box of pixels; strides in elements, each a multiple of 16 bytes, as is `at`.
struct PixelBox {
  const void* at;  ///< its first pixel's first channel; with a margin, the tensor's
  int channels, columns, rows, images;
  int64_t column_stride, row_stride, image_stride;
  int span_w = 0, span_h = 0;  ///< how far loads may be shifted; most_span at most
  int step = 1;                ///< from one column (row) of the box to the next
  int margin = 0;  ///< columns and rows of zeros around the tensor: the box begins there
};
inline constexpr int most_span = 127, most_step = 8;

/// `pixels` of them at a time (256 at most), 128 bytes of channels; zeros past the box's end.
CUtensorMap pixel_map(MapType type, const PixelBox& box, int pixels);

/// [rows][taps][channels]: `box_rows` rows (256 at most) of one tap at a time, 128 bytes of
/// channels; zeros outside.
CUtensorMap weight_map(MapType type, const void* at, int channels, int taps, int rows,
                       int box_rows);

}  // namespace weft
