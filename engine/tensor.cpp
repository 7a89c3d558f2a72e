// Tensor: allocation, sharing and conversion of contiguous elements.
#include "engine/tensor.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <cstring>
#include <numeric>

#include "engine/error.h"

namespace weft {

Tensor Tensor::empty(const Shape& shape, DType dtype, CachingAllocator& memory) {
  Tensor t;
  t.shape_ = shape;
  t.dtype_ = dtype;
  t.buffer_ = memory.allocate(t.bytes());
  return t;
}

Tensor Tensor::from(const Shape& shape, const std::vector<double>& values, DType dtype) {
  if (static_cast<int64_t>(values.size()) != shape.numel())
    throw ShapeError(fmt::format("Tensor::from: {} values for shape {}", values.size(), shape));
  Tensor t = empty(shape, dtype);
  with_host_type(dtype, [&](auto zero) {
    using T = decltype(zero);
    T* out = t.data<T>();
    for (size_t i = 0; i < values.size(); ++i) out[i] = static_cast<T>(values[i]);
  });
  return t;
}

void Tensor::fill_from(const void* elements, size_t count) {
  if (static_cast<int64_t>(count) != numel())
    throw ShapeError(fmt::format("Tensor::from: {} values for shape {}", count, shape_));
  if (count > 0) std::memcpy(raw(), elements, bytes());
}

Tensor Tensor::full(const Shape& shape, double value, DType dtype) {
  Tensor t = empty(shape, dtype);
  with_host_type(dtype, [&](auto zero) {
    using T = decltype(zero);
    std::fill_n(t.data<T>(), t.numel(), static_cast<T>(value));
  });
  return t;
}

Tensor Tensor::arange(int64_t n, DType dtype) {
  Tensor t = empty({n}, dtype);
  with_host_type(dtype, [&](auto zero) {
    using T = decltype(zero);
    for (int64_t i = 0; i < n; ++i) t.data<T>()[i] = static_cast<T>(i);
  });
  return t;
}

Tensor Tensor::to(DType dtype) const {
  check_host("to");
  Tensor t = empty(shape_, dtype);
  with_host_type(dtype_, [&](auto from) {
    const auto* in = data<decltype(from)>();
    with_host_type(dtype, [&](auto zero) {
      using T = decltype(zero);
      std::transform(in, in + numel(), t.data<T>(), [](auto x) { return static_cast<T>(x); });
    });
  });
  return t;
}

Tensor Tensor::permute(const std::vector<int>& axes) const {
  check_host("permute");
  const int rank = shape_.rank();
  std::vector<int> sorted = axes;
  std::sort(sorted.begin(), sorted.end());
  bool each_once = static_cast<int>(axes.size()) == rank;
  for (int i = 0; each_once && i < rank; ++i) each_once = sorted[static_cast<size_t>(i)] == i;
  if (!each_once)
    throw ShapeError(fmt::format("permute: axes {} of {}; each axis is there once",
                                 fmt::join(axes, ", "), shape_));
  Shape to;
  std::vector<int64_t> step;  // in this tensor's elements, along the new axes
  for (int axis : axes) {
    to.push_back(shape_[axis]);
    step.push_back(shape_.inner(axis + 1));
  }
  Tensor t = empty(to, dtype_);
  with_host_type(dtype_, [&](auto zero) {
    using T = decltype(zero);
    for (int64_t i = 0; i < numel(); ++i) {
      int64_t rest = i, at = 0;
      for (int axis = rank - 1; axis >= 0; --axis) {
        at += rest % to[axis] * step[static_cast<size_t>(axis)];
        rest /= to[axis];
      }
      t.data<T>()[i] = data<T>()[at];
    }
  });
  return t;
}

Tensor Tensor::transpose(int a, int b) const {
  const int rank = shape_.rank();
  const int first = a < 0 ? a + rank : a, second = b < 0 ? b + rank : b;
  if (first < 0 || first >= rank || second < 0 || second >= rank)
    throw ShapeError(fmt::format("transpose: axes {} and {} of {}", a, b, shape_));
  std::vector<int> axes(static_cast<size_t>(rank));
  std::iota(axes.begin(), axes.end(), 0);
  std::swap(axes[static_cast<size_t>(first)], axes[static_cast<size_t>(second)]);
  return permute(axes);
}

Tensor Tensor::rounded() const {
  if (!is_whole() || dtype_ != DType::f32 || buffer_->rounded() == nullptr) return {};
  Tensor copy;
  copy.shape_ = shape_;
  copy.dtype_ = DType::bf16;
  copy.buffer_ = buffer_->rounded();
  return copy;
}

void Tensor::keep_rounded(const Tensor& copy) const {
  if (!is_whole() || dtype_ != DType::f32 || copy.dtype() != DType::bf16 ||
      copy.shape() != shape_ || !copy.is_whole())
    throw Error(fmt::format("keep_rounded: {} {} is no rounded copy of {} {}",
                            name_of(copy.dtype()), copy.shape(), name_of(dtype_), shape_));
  buffer_->keep_rounded(copy.buffer_);
}

Tensor::Watch Tensor::watch() const {
  Watch watch;
  watch.buffer_ = buffer_;
  if (defined()) watch.version_ = buffer_->version();
  return watch;
}

void* Tensor::raw() const {
  if (!defined()) throw Error("tensor: no bytes (it was never filled, or was released)");
  return static_cast<char*>(buffer_->data()) + offset_;
}

void Tensor::check_dtype(DType wanted) const {
  if (wanted != dtype_)
    throw Error(
        fmt::format("tensor {} holds {}, read as {}", shape_, name_of(dtype_), name_of(wanted)));
}

Tensor Tensor::reshaped(const Shape& shape) const {
  if (shape.numel() != numel())
    throw ShapeError(fmt::format("cannot reshape {} to {}", shape_, shape));
  Tensor t = *this;
  t.shape_ = shape;
  return t;
}

Tensor Tensor::rows(int64_t begin, int64_t count) const {
  if (shape_.rank() == 0 || begin < 0 || count < 0 || begin + count > shape_[0])
    throw ShapeError(fmt::format("rows {}..{} of {}", begin, begin + count, shape_));
  Tensor t = *this;
  t.shape_.set(0, count);
  t.offset_ += static_cast<size_t>(begin * shape_.inner(1)) * size_of(dtype_);
  return t;
}

void Tensor::check_host(const char* what) const {
  if (!on_host())
    throw Error(
        fmt::format("{}: tensor {} is read on the host, where it is not; bring it over "
                    "with to_host",
                    what, shape_));
}

std::vector<double> Tensor::to_vector() const {
  check_host("to_vector");
  std::vector<double> out(static_cast<size_t>(numel()));
  with_host_type(dtype_, [&](auto zero) {
    const auto* in = data<decltype(zero)>();
    for (size_t i = 0; i < out.size(); ++i) out[i] = static_cast<double>(in[i]);
  });
  return out;
}

double Tensor::item() const {
  if (numel() != 1) throw ShapeError(fmt::format("item() of shape {}", shape_));
  return to_vector()[0];
}

}  // namespace weft
