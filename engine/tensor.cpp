// Tensor: allocation, sharing and conversion of contiguous elements.
#include "engine/tensor.h"

#include <stdexcept>

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
    throw std::invalid_argument(
        fmt::format("Tensor::from: {} values for shape {}", values.size(), shape));
  Tensor t = empty(shape, dtype);
  with_host_type(dtype, [&](auto zero) {
    using T = decltype(zero);
    T* out = t.data<T>();
    for (size_t i = 0; i < values.size(); ++i) out[i] = static_cast<T>(values[i]);
  });
  return t;
}

Tensor::Watch Tensor::watch() const {
  Watch watch;
  watch.buffer_ = buffer_;
  if (defined()) watch.version_ = buffer_->version();
  return watch;
}

void* Tensor::raw() const {
  if (!defined()) throw std::logic_error("tensor: no bytes (it was never filled, or was released)");
  return static_cast<char*>(buffer_->data()) + offset_;
}

void Tensor::check_dtype(DType wanted) const {
  if (wanted != dtype_)
    throw std::logic_error(
        fmt::format("tensor {} holds {}, read as {}", shape_, name_of(dtype_), name_of(wanted)));
}

Tensor Tensor::reshaped(const Shape& shape) const {
  if (shape.numel() != numel())
    throw std::invalid_argument(fmt::format("cannot reshape {} to {}", shape_, shape));
  Tensor t = *this;
  t.shape_ = shape;
  return t;
}

Tensor Tensor::rows(int64_t begin, int64_t count) const {
  if (shape_.rank() == 0 || begin < 0 || count < 0 || begin + count > shape_[0])
    throw std::invalid_argument(fmt::format("rows {}..{} of {}", begin, begin + count, shape_));
  Tensor t = *this;
  t.shape_.set(0, count);
  t.offset_ += static_cast<size_t>(begin * shape_.inner(1)) * size_of(dtype_);
  return t;
}

std::vector<double> Tensor::to_vector() const {
  if (!on_host())
    throw std::logic_error(fmt::format("tensor {}: read on the host, where it is not", shape_));
  std::vector<double> out(static_cast<size_t>(numel()));
  with_host_type(dtype_, [&](auto zero) {
    const auto* in = data<decltype(zero)>();
    for (size_t i = 0; i < out.size(); ++i) out[i] = static_cast<double>(in[i]);
  });
  return out;
}

double Tensor::item() const {
  if (numel() != 1) throw std::invalid_argument(fmt::format("item() of shape {}", shape_));
  return to_vector()[0];
}

}  // namespace weft
