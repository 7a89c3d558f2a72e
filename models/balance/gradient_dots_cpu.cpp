// Dot products of K gradients on the CPU, chunk by chunk; in a chunk block by block, whose K rows become
// doubles once and stay in the first cache for all pairs. Lanes that a compiler can vectorise are
// combined pairwise, as the chunks are; a chunk adds its blocks in order.
#include <algorithm>

#include "engine/reduce_tree.h"
#include "models/balance/gradient_dots.h"

namespace weft::kernels {
namespace {

constexpr int64_t lanes = 32, block = 256;

double dot(const double* __restrict a, const double* __restrict b) {
  double sums[lanes] = {};
  for (int64_t i = 0; i < block; i += lanes)
    for (int64_t lane = 0; lane < lanes; ++lane) sums[lane] += a[i + lane] * b[i + lane];
  combine_pairwise(sums, lanes);
  return sums[0];
}

/// part[pair] += the pair's products of elements begin .. end - 1; work: K rows of a block.
template <class T>
void add_dots(const std::vector<const T*>& rows, int64_t begin, int64_t end, double* work,
              double* part) {
  for (; begin < end; begin += block) {
    const int64_t n = std::min(block, end - begin);
    for (size_t i = 0; i < rows.size(); ++i) {
      double* const to = work + static_cast<int64_t>(i) * block;
      for (int64_t e = 0; e < n && rows[i] != nullptr; ++e)
        to[e] = static_cast<double>(rows[i][begin + e]);
      std::fill(to + (rows[i] != nullptr ? n : 0), to + block, 0.0);
    }
    double* sum = part;
    for (size_t i = 0; i < rows.size(); ++i)
      for (size_t j = 0; j <= i; ++j, ++sum)
        if (rows[i] != nullptr && rows[j] != nullptr)
          *sum +=
              dot(work + static_cast<int64_t>(i) * block, work + static_cast<int64_t>(j) * block);
  }
}

}  // namespace

template <class T>
void gradient_dots(CpuContext& ctx, const std::vector<GradientRows<T>>& parameters) {
  for (const GradientRows<T>& p : parameters) {
    const std::vector<const T*>& rows = p.rows;
    const int64_t n = p.n;
    const size_t k = rows.size(), pairs = k * (k + 1) / 2;
    const int64_t chunks = std::max<int64_t>((n + sum_chunk - 1) / sum_chunk, 1);
    std::vector<double> parts(static_cast<size_t>(chunks) * pairs, 0.0);
    ctx.for_chunks(n, sum_chunk, [&](int64_t begin, int64_t end) {
      std::vector<double> work(k * block);
      add_dots(rows, begin, end, work.data(),
               parts.data() + static_cast<size_t>(begin / sum_chunk) * pairs);
    });
    combine_pairwise(parts.data(), chunks, static_cast<int64_t>(pairs));
    const double* sum = parts.data();
    for (size_t i = 0; i < k; ++i)
      for (size_t j = 0; j <= i; ++j) p.out[i * k + j] = p.out[j * k + i] = *sum++;
  }
}

template void gradient_dots(CpuContext&, const std::vector<GradientRows<float>>&);
template void gradient_dots(CpuContext&, const std::vector<GradientRows<double>>&);

}  // namespace weft::kernels
