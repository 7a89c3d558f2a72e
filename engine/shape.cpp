// Shape: extents, products, printing and the broadcast rule.
#include "engine/shape.h"

#include <algorithm>

#include "engine/error.h"

namespace weft {

Shape::Shape(std::initializer_list<int64_t> extents) {
  for (int64_t extent : extents) push_back(extent);
}

void Shape::set(int axis, int64_t extent) {
  if (axis < 0 || axis >= rank_ || extent < 0)
    throw ShapeError(fmt::format("shape {}: cannot set axis {} to {}", str(), axis, extent));
  extents_[axis] = extent;
  check_elements();
}

void Shape::push_back(int64_t extent) {
  if (rank_ == max_rank || extent < 0)
    throw ShapeError(fmt::format("shape {}: cannot append extent {}", str(), extent));
  extents_[rank_++] = extent;
  check_elements();
}

void Shape::check_elements() const {
  int64_t elements = 1;  // as if no extent were 0: products of some extents must fit as well
  for (int i = 0; i < rank_; ++i)
    if (__builtin_mul_overflow(elements, std::max<int64_t>(extents_[i], 1), &elements) ||
        elements > max_elements)
      throw ShapeError(fmt::format("shape {}: more than 2^60 elements", str()));
}

int64_t Shape::numel() const { return inner(0); }

int64_t Shape::inner(int axis) const {
  int64_t n = 1;
  for (int i = axis; i < rank_; ++i) n *= extents_[i];
  return n;
}

int64_t Shape::outer(int axis) const {
  int64_t n = 1;
  for (int i = 0; i < axis; ++i) n *= extents_[i];
  return n;
}

bool Shape::operator==(const Shape& other) const {
  return rank_ == other.rank_ &&
         std::equal(extents_.begin(), extents_.begin() + rank_, other.extents_.begin());
}

std::string Shape::str() const {
  return fmt::format("[{}]", fmt::join(extents_.begin(), extents_.begin() + rank_, ", "));
}

Shape Shape::broadcast(const Shape& a, const Shape& b) {
  const Shape& longer = a.rank_ >= b.rank_ ? a : b;
  const Shape& shorter = a.rank_ >= b.rank_ ? b : a;
  Shape out = longer;
  const int shift = longer.rank_ - shorter.rank_;
  for (int i = 0; i < shorter.rank_; ++i) {
    const int64_t x = longer.extents_[i + shift], y = shorter.extents_[i];
    if (x != y && x != 1 && y != 1)
      throw ShapeError(fmt::format("{} and {} do not broadcast", a.str(), b.str()));
    out.extents_[i + shift] = x == 1 ? y : x;
  }
  out.check_elements();
  return out;
}

}  // namespace weft
