// Tensor: shape + dtype + shared bytes, always contiguous; it knows nothing of gradients. Copying a
// Tensor shares its bytes. View<T>: pointer + shape, trivially copyable; all that a kernel sees.
#pragma once

#include <memory>
#include <span>
#include <type_traits>
#include <vector>

#include "engine/allocator.h"
#include "engine/dtype.h"
#include "engine/error.h"
#include "engine/shape.h"

namespace weft {

template <class T>
struct View {
  T* data = nullptr;
  Shape shape;

  int64_t numel() const { return shape.numel(); }
  T& operator[](int64_t i) const { return data[i]; }
  operator View<const T>() const { return {data, shape}; }
};

class Tensor {
 public:
  Tensor() = default;  ///< no bytes: `defined()` is false
  /// Uninitialised.
  static Tensor empty(const Shape& shape, DType dtype, CachingAllocator& memory = host_memory());
  /// Host tensor with the given values, converted to `dtype`.
  static Tensor from(const Shape& shape, const std::vector<double>& values,
                     DType dtype = DType::f32);
  /// Host tensor of elements as they are, in T's dtype.
  template <class T>
  static Tensor from(const Shape& shape, std::span<const T> values) {
    Tensor t = empty(shape, dtype_of<T>());
    t.fill_from(values.data(), values.size());
    return t;
  }
  /// On the host, as the next two.
  static Tensor zeros(const Shape& shape, DType dtype = DType::f32) {
    return full(shape, 0, dtype);
  }
  static Tensor full(const Shape& shape, double value, DType dtype = DType::f32);
  /// 0, 1, .., n - 1
  static Tensor arange(int64_t n, DType dtype = DType::f32);

  bool defined() const { return buffer_ != nullptr; }
  const Shape& shape() const { return shape_; }
  DType dtype() const { return dtype_; }
  int64_t numel() const { return shape_.numel(); }
  size_t bytes() const { return static_cast<size_t>(numel()) * size_of(dtype_); }
  void* raw() const;
  /// Whether the CPU can read the elements; a device's are brought over by to_host() (backend.h).
  bool on_host() const { return defined() && buffer_->on_host(); }
  /// True where no other tensor shares the bytes: writing in place is then safe.
  bool unique() const { return buffer_.use_count() == 1; }
  /// For all tensors that share the bytes: gives them back, until restore() finds other ones.
  void drop() const { buffer_->drop(); }
  void restore() const { buffer_->restore(); }

  /// Tells tapes that the elements were changed in place, as contexts and optimizers do: a backward
  /// pass that would read the old ones is then an error.
  void changed() const {
    if (defined()) buffer_->changed();
  }
  /// Says that all elements are finite, by who has seen them while they were at hand: until
  /// changed() nobody needs to read them again to know. Not kept of a part of the bytes, nor on a
  /// device, where a recorded pass writes anew into the same bytes.
  void mark_finite() const {
    if (on_host() && is_whole()) buffer_->mark_finite();
  }
  bool marked_finite() const { return defined() && buffer_->finite(); }

  /// An f32 tensor's numbers in bf16, where who changes them keeps such a copy: until changed(), so
  /// that nobody need round them again. Undefined: there is none, or this is a part of the bytes.
  Tensor rounded() const;
  /// `copy`: bf16, of this shape and with bytes of its own, as this tensor is now.
  void keep_rounded(const Tensor& copy) const;
  /// Says that rounded() would be used, to who changes the numbers next.
  void want_rounded() const {
    if (is_whole()) buffer_->want_rounded();
  }
  bool wants_rounded() const { return is_whole() && buffer_->wants_rounded(); }
  /// The bytes as they are now; `changed()` once they have been written to in place since.
  class Watch {
   public:
    bool changed() const {
      const auto buffer = buffer_.lock();
      return buffer != nullptr && buffer->version() != version_;
    }

   private:
    friend class Tensor;
    std::weak_ptr<Buffer> buffer_;
    uint32_t version_ = 0;
  };
  Watch watch() const;

  /// Pointer to the elements; throws Error where T is not this tensor's dtype.
  template <class T>
  T* data() const {
    check_dtype(dtype_of<std::remove_const_t<T>>());
    return static_cast<T*>(raw());
  }
  template <class T>
  View<T> view() const {
    return {data<T>(), shape_};
  }
  /// The same bytes under another shape of equal element count.
  Tensor reshaped(const Shape& shape) const;
  /// Rows begin .. begin + count - 1 of the first axis, sharing the bytes.
  Tensor rows(int64_t begin, int64_t count) const;
  /// Host tensors only, as all below: a copy with bytes of its own (a device's: copy() of a context).
  Tensor clone() const { return to(dtype_); }
  /// A copy whose elements are converted, as a C++ cast does.
  Tensor to(DType dtype) const;
  /// A copy whose axis i is this one's axis axes[i]; each axis is there once.
  Tensor permute(const std::vector<int>& axes) const;
  /// A copy with two axes exchanged; negative ones count from the end.
  Tensor transpose(int a = -2, int b = -1) const;
  /// Every element as double (for tests, reports and small tables).
  std::vector<double> to_vector() const;
  /// A one-element host tensor's value.
  double item() const;

 private:
  bool is_whole() const { return defined() && bytes() == buffer_->bytes(); }
  void check_dtype(DType wanted) const;
  void check_host(const char* what) const;
  void fill_from(const void* elements, size_t count);

  Shape shape_;
  DType dtype_ = DType::f32;
  std::shared_ptr<Buffer> buffer_;
  size_t offset_ = 0;  // bytes
};

}  // namespace weft
