// Whether a step's numbers are numbers. Losses, gradients and batch norm's running values are read
// once more, where they are, before anything is updated, but for those that were seen to be finite
// as they were written (Tensor::mark_finite), and the verdict stays there: on a GPU the
// optimizer's kernel reads it and writes nothing where it is bad, so that the host need not wait,
// and once bad it stays bad until the host has noticed. Running values go back to those from before
// the step. So a step is taken whole or not at all: weights, moments and running statistics.
#pragma once

#include <cstdint>
#include <limits>
#include <vector>

#include "engine/backend.h"

namespace weft {

/// The verdict on numbers that are all finite; else it is the place of the first tensor that holds
/// NaN or infinity, in the order in which they were given.
inline constexpr int32_t all_finite = std::numeric_limits<int32_t>::max();

class FiniteStep {
 public:
  explicit FiniteStep(const AnyContext& context);

  /// Before the forward pass: keeps a copy of `running`, tensors that it will change. `fresh`: what
  /// was found before is forgotten.
  void begin(const std::vector<Tensor>& running, bool fresh);
  /// After the backward pass: reads `values` (defined, of one float dtype); where the verdict is
  /// bad, `running` gets its values back.
  void judge(const std::vector<Tensor>& values);
  /// i32 [1], where the context computes.
  const Tensor& verdict() const { return verdict_; }

 private:
  AnyContext context_;
  Tensor verdict_;
  std::vector<Tensor> running_, kept_;
};

/// from -> to, pair by pair, in one launch, all of one float dtype where the context computes; with a
/// verdict only where that is bad.
void copy_each(const AnyContext& context, const std::vector<Tensor>& to,
               const std::vector<Tensor>& from, const int32_t* verdict = nullptr);

/// How many elements of a host tensor of floats are NaN or infinite.
int64_t count_nonfinite(const Tensor& host);

namespace kernels {

template <class T>
struct Copy {
  T* to;
  const T* from;
  int64_t n;
};

/// verdict becomes the least place of a view that holds NaN or infinity, where it is less.
template <class T>
void find_nonfinite(CpuContext&, const std::vector<View<const T>>&, int32_t* verdict);
template <class T>
void find_nonfinite(CudaContext&, const std::vector<View<const T>>&, int32_t* verdict);
/// All copies; with a verdict only where that is bad.
template <class T>
void copy_all(CpuContext&, const std::vector<Copy<T>>&, const int32_t* verdict);
template <class T>
void copy_all(CudaContext&, const std::vector<Copy<T>>&, const int32_t* verdict);

}  // namespace kernels
}  // namespace weft
