// Dot products of K gradients on the CPU: chunk by chunk, so that K rows of a chunk are in the cache
// for all pairs; lanes that a compiler can vectorise, combined pairwise as the chunks are.
#include "engine/reduce_tree.h"
#include "models/balance/gradient_dots.h"

namespace weft::kernels {
namespace {

constexpr int64_t lanes = 32;

template <class T>
double dot(const T* __restrict a, const T* __restrict b, int64_t n) {
  double sums[lanes] = {};
  int64_t i = 0;
  for (; i + lanes <= n; i += lanes)
    for (int64_t lane = 0; lane < lanes; ++lane)
      sums[lane] += static_cast<double>(a[i + lane]) * static_cast<double>(b[i + lane]);
  for (int64_t lane = 0; i < n; ++i, ++lane)
    sums[lane] += static_cast<double>(a[i]) * static_cast<double>(b[i]);
  combine_pairwise(sums, lanes);
  return sums[0];
}

}  // namespace

template <class T>
void gradient_dots(CpuContext& ctx, const std::vector<const T*>& rows, int64_t n, double* out) {
  const size_t k = rows.size(), pairs = k * (k + 1) / 2;
  const int64_t chunks = std::max<int64_t>((n + sum_chunk - 1) / sum_chunk, 1);
  std::vector<double> parts(static_cast<size_t>(chunks) * pairs, 0.0);
  ctx.for_chunks(n, sum_chunk, [&](int64_t begin, int64_t end) {
    double* part = parts.data() + static_cast<size_t>(begin / sum_chunk) * pairs;
    for (size_t i = 0; i < k; ++i)
      for (size_t j = 0; j <= i; ++j, ++part)
        if (rows[i] != nullptr && rows[j] != nullptr)
          *part = dot(rows[i] + begin, rows[j] + begin, end - begin);
  });
  combine_pairwise(parts.data(), chunks, static_cast<int64_t>(pairs));
  const double* sum = parts.data();
  for (size_t i = 0; i < k; ++i)
    for (size_t j = 0; j <= i; ++j) out[i * k + j] = out[j * k + i] = *sum++;
}

template void gradient_dots(CpuContext&, const std::vector<const float*>&, int64_t, double*);
template void gradient_dots(CpuContext&, const std::vector<const double*>&, int64_t, double*);

}  // namespace weft::kernels
