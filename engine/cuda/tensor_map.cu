// The driver's encoders are asked for by name at run time: nothing links against its library, which
// machines without a GPU lack.
#include "engine/cuda/tensor_map.h"

#include "engine/cuda/check.h"

namespace weft {
namespace {

template <class F>
F driver_function(const char* name) {
  void* found = nullptr;
  cudaDriverEntryPointQueryResult result{};
#if CUDART_VERSION >= 12050
  check(cudaGetDriverEntryPointByVersion(name, &found, 12000, cudaEnableDefault, &result), name);
#else
  check(cudaGetDriverEntryPoint(name, &found, cudaEnableDefault, &result), name);
#endif
  if (result != cudaDriverEntryPointSuccess || found == nullptr)
    throw CudaError(fmt::format("{}: the driver lacks it; it needs one for CUDA 12", name));
  return reinterpret_cast<F>(found);
}

void check_encoded(CUresult status, const char* call) {
  if (status == CUDA_SUCCESS) return;
  throw CudaError(fmt::format("{}: error {} of the driver", call, static_cast<int>(status)));
}

CUtensorMapDataType data_type(MapType type) {
  switch (type) {
    case MapType::bf16:
      return CU_TENSOR_MAP_DATA_TYPE_BFLOAT16;
    case MapType::tf32:
      return CU_TENSOR_MAP_DATA_TYPE_TFLOAT32;
    default:
      return CU_TENSOR_MAP_DATA_TYPE_FLOAT32;
  }
}

constexpr cuuint32_t row_bytes = 128;

cuuint32_t bytes_of(MapType type) { return type == MapType::bf16 ? 2 : 4; }

}  // namespace

CUtensorMap pixel_map(MapType type, const PixelBox& box, int pixels) {
  static const auto encode =
      driver_function<decltype(&cuTensorMapEncodeIm2col)>("cuTensorMapEncodeIm2col");
  const cuuint32_t size = bytes_of(type), step = static_cast<cuuint32_t>(box.step);
  const auto extent = [&](int count, int span) {
    return static_cast<cuuint64_t>(span - 2 * box.margin) +
           static_cast<cuuint64_t>(count - 1) * step + 1;
  };
  const cuuint64_t extents[] = {static_cast<cuuint64_t>(box.channels),
                                extent(box.columns, box.span_w), extent(box.rows, box.span_h),
                                static_cast<cuuint64_t>(box.images)};
  const cuuint64_t strides[] = {static_cast<cuuint64_t>(box.column_stride) * size,
                                static_cast<cuuint64_t>(box.row_stride) * size,
                                static_cast<cuuint64_t>(box.image_stride) * size};
  // The box ends a span before the tensor (and its margin) does: loads shifted by it stay inside.
  const int first[] = {-box.margin, -box.margin};
  const int past_last[] = {box.margin - box.span_w, box.margin - box.span_h};
  const cuuint32_t steps[] = {1, step, step, 1};
  CUtensorMap map;
  check_encoded(encode(&map, data_type(type), 4, const_cast<void*>(box.at), extents, strides, first,
                       past_last, row_bytes / size, static_cast<cuuint32_t>(pixels), steps,
                       CU_TENSOR_MAP_INTERLEAVE_NONE, CU_TENSOR_MAP_SWIZZLE_128B,
                       CU_TENSOR_MAP_L2_PROMOTION_L2_256B, CU_TENSOR_MAP_FLOAT_OOB_FILL_NONE),
                "cuTensorMapEncodeIm2col");
  return map;
}

CUtensorMap weight_map(MapType type, const void* at, int channels, int taps, int rows,
                       int box_rows) {
  static const auto encode =
      driver_function<decltype(&cuTensorMapEncodeTiled)>("cuTensorMapEncodeTiled");
  const cuuint32_t size = bytes_of(type);
  const auto wide = [](int value) { return static_cast<cuuint64_t>(value); };
  const cuuint64_t extents[] = {wide(channels), wide(taps), wide(rows)};
  const cuuint64_t strides[] = {wide(channels) * size, wide(channels) * wide(taps) * size};
  const cuuint32_t box[] = {row_bytes / size, 1, static_cast<cuuint32_t>(box_rows)};
  const cuuint32_t steps[] = {1, 1, 1};
  CUtensorMap map;
  check_encoded(encode(&map, data_type(type), 3, const_cast<void*>(at), extents, strides, box,
                       steps, CU_TENSOR_MAP_INTERLEAVE_NONE, CU_TENSOR_MAP_SWIZZLE_128B,
                       CU_TENSOR_MAP_L2_PROMOTION_L2_256B, CU_TENSOR_MAP_FLOAT_OOB_FILL_NONE),
                "cuTensorMapEncodeTiled");
  return map;
}

}  // namespace weft
