// conv2d forward and backward_input by Hopper's wgmma: two warpgroups make 128 x BN of the result.
// A warpgroup loads its 64 pixels' fragments of a whole stage (128 bytes of k) and rounds them; the
// weights, rounded beforehand, are read from shared memory by the tensor cores themselves. The
// products of one stage run while the next stage's fragments are loaded, so a stage is refilled
// only after the one that follows it has been given to the cores.
#include "engine/cuda/wgmma.cuh"
#include "ops/conv2d_tiles_cuda.cuh"

namespace weft::tensor_conv {
namespace {

template <int tile_n>
struct BlockShape {
  static constexpr int groups = 2, m = 64 * groups, n = tile_n, threads = 128 * groups;
  static constexpr int stages = 4, resident = tile_n > 64 ? 1 : 2;
  static constexpr int stage_bytes = (m + n) * row_bytes;
  static constexpr int bytes = stages * stage_bytes + 1024;  ///< and room to align
};

template <class T, int tile_n>
__global__ void __launch_bounds__(BlockShape<tile_n>::threads, BlockShape<tile_n>::resident)
    hopper_kernel(const __grid_constant__ GatherArgs<T> a) {
#ifdef WEFT_WGMMA
  using B = BlockShape<tile_n>;
  constexpr int steps_a_stage = row_bytes / mma::step_bytes;
  constexpr int stages = B::stages, ahead = stages - 2;
  extern __shared__ __align__(128) unsigned char memory[];
  const uint32_t shared = (mma::shared_address(memory) + 1023) / 1024 * 1024;
  const int lane = threadIdx.x % 32, warp = threadIdx.x / 32;
  const int first_n = blockIdx.x * tile_n;
  const BlockStart<T> tile(a, B::m);
  const Run& rows = a.rows.run[a.list[tile.index].row_run];
  const Run& cols = a.cols.run[a.list[tile.index].column_run];
  Copier<T, B::m, tile_n, B::threads> copier(a, rows, cols, tile.first_m, first_n);
  const int steps = copier.begin_piece();

  float sum[tile_n / 2] = {};
  uint32_t left[2][steps_a_stage][4];
  const auto multiply_stage = [&](int s, int buffer) {
    mma::wait<ahead - 1>();
    wgmma::publish_shared();
    __syncthreads();  // stage s is there for all; the products of stage s - 2 are done
    if (s + ahead < steps) copier.copy(shared + (s + ahead) % stages * B::stage_bytes);
    mma::commit();
    const uint32_t pixels_at = shared + s % stages * B::stage_bytes;
#pragma unroll
    for (int step = 0; step < steps_a_stage; ++step) {
      mma::load_matrices(left[buffer][step],
                         pixels_at + swizzled(16 * warp + lane % 16, 2 * step + lane / 16));
      mma::round_fragment<T>(left[buffer][step]);
    }
    wgmma::fence();
    const uint64_t weights = wgmma::descriptor(pixels_at + B::m * row_bytes);
#pragma unroll
    for (int step = 0; step < steps_a_stage; ++step)
      wgmma::multiply(T{}, sum, left[buffer][step], weights + step * (mma::step_bytes >> 4));
    wgmma::commit();
    wgmma::wait<1>();
  };

#pragma unroll
  for (int s = 0; s < ahead; ++s) {
    if (s < steps) copier.copy(shared + s * B::stage_bytes);
    mma::commit();
  }
  int s = 0;
  for (; s + 1 < steps; s += 2) {  // two at a time: each has registers of its own
    multiply_stage(s, 0);
    multiply_stage(s + 1, 1);
  }
  if (s < steps) multiply_stage(s, 0);
  wgmma::wait<0>();

#pragma unroll
  for (int half = 0; half < 2; ++half) {
    const Output<T> out(a, rows, cols, tile.first_m + 16 * warp + 8 * half + lane / 4);
#pragma unroll
    for (int j = 0; j < tile_n / 8; ++j)
      out.write(first_n + 8 * j + lane % 4 * 2, sum[4 * j + 2 * half], sum[4 * j + 2 * half + 1]);
  }
#endif
}

template <class T, int tile_n>
void start(CudaContext& ctx, const char* name, GatherArgs<T>& args) {
  start_tiles<BlockShape<tile_n>>(ctx, name, hopper_kernel<T, tile_n>, args);
}

/// Whether this build holds wgmma code and the card runs it.
bool has_wgmma() {
  static const bool found = [] {
    int major = 0;
    cudaFuncAttributes attributes;
    return cudaDeviceGetAttribute(&major, cudaDevAttrComputeCapabilityMajor, 0) == cudaSuccess &&
           major == 9 &&
           cudaFuncGetAttributes(&attributes, hopper_kernel<float, 256>) == cudaSuccess &&
           attributes.binaryVersion == 90 && attributes.numRegs > 100;  // not the empty kernel
  }();
  return found;
}

}  // namespace

template <class T>
bool gather_on_hopper(CudaContext& ctx, const char* name, GatherArgs<T>& args) {
  if (!has_wgmma()) return false;
  if (args.columns > 128)
    start<T, 256>(ctx, name, args);
  else if (args.columns > 64)
    start<T, 128>(ctx, name, args);
  else
    start<T, 64>(ctx, name, args);
  return true;
}

template bool gather_on_hopper(CudaContext&, const char*, GatherArgs<float>&);
template bool gather_on_hopper(CudaContext&, const char*, GatherArgs<bf16_t>&);

}  // namespace weft::tensor_conv
