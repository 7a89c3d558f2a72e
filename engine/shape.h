// Shape: up to five extents kept inline, the last one contiguous. Images are [N, H, W, C], weights
// [K, R, S, C] (out channels, kernel rows, kernel columns, in channels), matrices [rows, columns].
// The one place that knows the broadcast rule: align at the right; an extent of 1 stretches. No
// shape has more than 2^60 elements (ShapeError), so that no product of sizes overflows below.
#pragma once

#include <fmt/format.h>

#include <array>
#include <cstdint>
#include <initializer_list>
#include <string>

namespace weft {

class Shape {
 public:
  static constexpr int max_rank = 5;
  static constexpr int64_t max_elements = int64_t{1} << 60;

  Shape() = default;  ///< rank 0: a scalar, one element
  Shape(std::initializer_list<int64_t> extents);

  int rank() const { return rank_; }
  int64_t operator[](int axis) const { return extents_[axis]; }
  void set(int axis, int64_t extent);
  void push_back(int64_t extent);
  int64_t numel() const;
  /// Product of the extents from `axis` to the end (1 when axis == rank).
  int64_t inner(int axis) const;
  /// Product of the extents before `axis`.
  int64_t outer(int axis) const;
  int64_t back() const { return extents_[rank_ - 1]; }

  bool operator==(const Shape& other) const;
  bool operator!=(const Shape& other) const { return !(*this == other); }
  std::string str() const;

  /// The shape two operands take together; throws ShapeError where they do not fit.
  static Shape broadcast(const Shape& a, const Shape& b);

 private:
  void check_elements() const;

  std::array<int64_t, max_rank> extents_{};
  int rank_ = 0;
};

}  // namespace weft

template <>
struct fmt::formatter<weft::Shape> : fmt::formatter<std::string> {
  template <class Context>
  auto format(const weft::Shape& shape, Context& ctx) const {
    return fmt::formatter<std::string>::format(shape.str(), ctx);
  }
};
