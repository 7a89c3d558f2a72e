// The judge's own loops share nothing with the steps: they walk the image by rows and columns.
#include "examples/conv_ladder/measure.h"

#include <algorithm>
#include <array>

#include "engine/cuda/check.h"
#include "engine/philox.h"

namespace weft::ladder {
namespace {

constexpr int threads = 256;
constexpr uint64_t seed = 15;

/// Whole numbers from -most to most, or (most = 0) normally distributed ones.
__global__ void fill_kernel(Bf16* to, int n, Philox noise, int most) {
  const int i = static_cast<int>(blockIdx.x) * threads + static_cast<int>(threadIdx.x);
  if (i >= n) return;
  float value;
  if (most > 0)
    value = static_cast<float>(static_cast<int>(noise.below(i, 2 * most + 1)) - most);
  else
    value = normcdfinvf(static_cast<float>(noise.uniform(i)));
  to[i] = __float2bfloat16(value);
}

__global__ void reference_kernel(Layer l, const Bf16* x, const Bf16* weight, float* y) {
  const int i = static_cast<int>(blockIdx.x) * threads + static_cast<int>(threadIdx.x);
  const int pixels = l.images * l.height * l.width;
  if (i >= pixels * l.filters) return;
  const int k = i / pixels, n = i % pixels / (l.height * l.width);  // pixels run first
  const int h = i % pixels / l.width % l.height, w = i % pixels % l.width;
  float sum = 0;
  for (int r = 0; r < 3; ++r)
    for (int s = 0; s < 3; ++s) {
      const int from_h = h + l.dilation * (r - 1), from_w = w + l.dilation * (s - 1);
      if (from_h < 0 || from_h >= l.height || from_w < 0 || from_w >= l.width) continue;
      const Bf16* const a = x + ((n * l.height + from_h) * l.width + from_w) * l.channels;
      const Bf16* const b = weight + ((k * 3 + r) * 3 + s) * l.channels;
      for (int c = 0; c < l.channels; ++c)
        sum = fmaf(__bfloat162float(a[c]), __bfloat162float(b[c]), sum);
    }
  y[i % pixels * l.filters + k] = sum;
}

__global__ void compare_kernel(const Bf16* y, const float* reference, int n,
                               unsigned long long* wrong) {
  const int i = static_cast<int>(blockIdx.x) * threads + static_cast<int>(threadIdx.x);
  if (i >= n) return;
  const Bf16 right = __float2bfloat16(reference[i]);
  const bool zero = reference[i] == 0;  // either zero will do
  if (__bfloat16_as_ushort(y[i]) == __bfloat16_as_ushort(right)) return;
  if (zero && __bfloat162float(y[i]) == 0) return;
  atomicAdd(wrong, 1ull);
}

template <class T>
T* allocate(int64_t n) {
  T* p = nullptr;
  WEFT_CUDA(cudaMalloc(&p, static_cast<size_t>(n) * sizeof(T)));
  return p;
}

int x_size(const Layer& l) { return l.pixels() * l.channels; }
int weight_size(const Layer& l) { return l.filters * taps * l.channels; }
int y_size(const Layer& l) { return l.pixels() * l.filters; }

void fill(Bf16* to, int n, const char* name, int most) {
  const Philox noise(seed, Stream::data, 0, name);
  fill_kernel<<<ceil_div(n, threads), threads>>>(to, n, noise, most);
  WEFT_CUDA(cudaGetLastError());
}

/// Of one launch, in milliseconds.
double time_of(const Launch& launch, int times) {
  cudaEvent_t begin, end;
  WEFT_CUDA(cudaEventCreate(&begin));
  WEFT_CUDA(cudaEventCreate(&end));
  WEFT_CUDA(cudaEventRecord(begin));
  for (int i = 0; i < times; ++i) launch();
  WEFT_CUDA(cudaEventRecord(end));
  WEFT_CUDA(cudaEventSynchronize(end));
  float elapsed = 0;
  WEFT_CUDA(cudaEventElapsedTime(&elapsed, begin, end));
  WEFT_CUDA(cudaEventDestroy(begin));
  WEFT_CUDA(cudaEventDestroy(end));
  return elapsed / times;
}

/// Pairs of a pixel and a tap that see the image, along one axis.
double seen(int extent, int dilation) { return extent + 2.0 * std::max(0, extent - dilation); }

}  // namespace

Bench::Bench(const Layer& l) : layer_(l) {
  constexpr int64_t most = int64_t{1} << 31;
  const int64_t pixels = int64_t{l.images} * l.height * l.width;
  if (l.channels % 64 != 0 || l.filters % 256 != 0 || l.dilation < 1 || l.dilation > 63 ||
      pixels * l.channels >= most || pixels * l.filters >= most)
    throw ConfigError(fmt::format(
        "conv_ladder: {} channels, {} filters, dilation {}, {} pixels: channels must be a multiple "
        "of 64, filters of 256, dilation 1 to 63, tensors below 2^31 elements",
        l.channels, l.filters, l.dilation, pixels));
  x_ = allocate<Bf16>(x_size(l));
  weight_ = allocate<Bf16>(weight_size(l));
  y_ = allocate<Bf16>(y_size(l));
  reference_ = allocate<float>(y_size(l));
  wrong_ = allocate<unsigned long long>(1);
}

Bench::~Bench() {
  for (void* p : std::array<void*, 5>{x_, weight_, y_, reference_, wrong_}) cudaFree(p);
}

void Bench::prepare_check() {
  fill(x_, x_size(layer_), "x", 3);
  fill(weight_, weight_size(layer_), "weight", 2);
  reference_kernel<<<ceil_div(y_size(layer_), threads), threads>>>(layer_, x_, weight_, reference_);
  WEFT_CUDA(cudaGetLastError());
}

unsigned long long Bench::wrong(const Launch& launch) {
  const int n = y_size(layer_);
  WEFT_CUDA(cudaMemset(y_, 0xFF, n * sizeof(Bf16)));  // NaN: what is not written is wrong
  WEFT_CUDA(cudaMemset(wrong_, 0, sizeof(*wrong_)));
  launch();
  compare_kernel<<<ceil_div(n, threads), threads>>>(y_, reference_, n, wrong_);
  WEFT_CUDA(cudaGetLastError());
  unsigned long long wrong = 0;
  WEFT_CUDA(cudaMemcpy(&wrong, wrong_, sizeof(wrong), cudaMemcpyDeviceToHost));
  return wrong;
}

void Bench::prepare_timing() {
  fill(x_, x_size(layer_), "x", 0);
  fill(weight_, weight_size(layer_), "weight", 0);
}

double Bench::milliseconds(const Launch& launch) {
  time_of(launch, 1);  // warms up
  const int times = static_cast<int>(std::clamp(20 / time_of(launch, 1), 1.0, 200.0));
  std::array<double, 5> rounds{};
  for (double& round : rounds) round = time_of(launch, times);
  std::sort(rounds.begin(), rounds.end());
  return rounds[rounds.size() / 2];
}

double useful_flops(const Layer& l) {
  return 2.0 * l.images * seen(l.height, l.dilation) * seen(l.width, l.dilation) * l.channels *
         l.filters;
}

double all_flops(const Layer& l) { return 2.0 * l.pixels() * taps * l.channels * l.filters; }

}  // namespace weft::ladder
