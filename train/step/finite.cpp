// FiniteStep: what is kept, read and given back; the reading is in finite_cpu.cpp and _cuda.cu.
#include "train/step/finite.h"

#include <cmath>

#include "engine/device_tensor.h"

namespace weft {

void copy_each(const AnyContext& context, const std::vector<Tensor>& to,
               const std::vector<Tensor>& from, const int32_t* verdict) {
  if (to.empty()) return;
  on_device_full(context, to[0].dtype(), [&](auto& ctx, auto zero) {
    using T = decltype(zero);
    std::vector<kernels::Copy<T>> copies;
    for (size_t i = 0; i < to.size(); ++i)
      copies.push_back({to[i].template data<T>(), from[i].template data<T>(), to[i].numel()});
    kernels::copy_all<T>(ctx, copies, verdict);
  });
}

FiniteStep::FiniteStep(const AnyContext& context)
    : context_(context), verdict_(Tensor::empty({1}, DType::i32, memory_of(context))) {
  const Tensor good = Tensor::from({1}, {static_cast<double>(all_finite)}, DType::i32);
  copy_to(context_, verdict_, good);
}

void FiniteStep::begin(const std::vector<Tensor>& running, bool fresh) {
  if (fresh) {
    const Tensor good = Tensor::from({1}, {static_cast<double>(all_finite)}, DType::i32);
    copy_to(context_, verdict_, good);
  }
  running_ = running;
  bool fits = kept_.size() == running.size();
  for (size_t i = 0; fits && i < running.size(); ++i)
    fits = kept_[i].shape() == running[i].shape() && kept_[i].dtype() == running[i].dtype();
  if (!fits) {
    kept_.clear();
    for (const Tensor& t : running)
      kept_.push_back(Tensor::empty(t.shape(), t.dtype(), memory_of(context_)));
  }
  copy_each(context_, kept_, running_);
}

void FiniteStep::judge(const std::vector<Tensor>& values) {
  if (values.empty()) return;
  auto* verdict = verdict_.data<int32_t>();
  on_device_full(context_, values[0].dtype(), [&](auto& ctx, auto zero) {
    using T = decltype(zero);
    std::vector<View<const T>> views;
    for (const Tensor& t : values)
      views.push_back(t.marked_finite() ? View<const T>{nullptr, {0}} : t.template view<const T>());
    kernels::find_nonfinite<T>(ctx, views, verdict);
  });
  copy_each(context_, running_, kept_, verdict);
}

int64_t count_nonfinite(const Tensor& host) {
  int64_t count = 0;
  const auto add = [&](const auto* x) {
    for (int64_t i = 0; i < host.numel(); ++i) count += !std::isfinite(x[i]);
  };
  if (host.dtype() == DType::f32) add(host.data<float>());
  if (host.dtype() == DType::f64) add(host.data<double>());
  return count;
}

}  // namespace weft
