// gather and embedding: checks, record and backward.
#include "ops/gather.h"

#include <limits>

#include "engine/trace.h"

namespace weft {
namespace {

struct Gather final : Op, Described {
  const char* op_name;
  int axis;
  Tensor ids;

  Gather(const char* name, int axis_, Tensor ids_)
      : op_name(name), axis(axis_), ids(std::move(ids_)) {}
  const char* name() const override { return op_name; }
  void backward(Backward& b) override {
    const Tensor dx = b.din(0);
    on_device(b, [&](auto& ctx, auto zero) {
      using T = decltype(zero);
      kernels::gather_backward<T>(ctx, b.dout().view<T>(), axis, ids.view<int32_t>(), dx.view<T>());
    });
  }
  Attributes attributes() const override {
    return {{{"axis", {static_cast<double>(axis)}}}, {{"ids", ids}}};
  }
};

/// y's shape: x's with ids' in place of the axis.
Shape check(const char* op, const Shape& x, int axis, const Tensor& ids, SourceLoc loc) {
  if (!ids.defined() || ids.dtype() != DType::i32)
    shape_error(op, loc, "ids must be i32, and are {}",
                ids.defined() ? name_of(ids.dtype()) : "undefined");
  if (ids.numel() > std::numeric_limits<int32_t>::max())
    shape_error(op, loc, "ids {} are more than 2^31 - 1", ids.shape());
  if (x.rank() - 1 + ids.shape().rank() > Shape::max_rank)
    shape_error(op, loc, "ids {} in axis {} of {} would make more than {} axes", ids.shape(), axis,
                x, Shape::max_rank);
  Shape y;
  for (int i = 0; i < axis; ++i) y.push_back(x[i]);
  for (int i = 0; i < ids.shape().rank(); ++i) y.push_back(ids.shape()[i]);
  for (int i = axis + 1; i < x.rank(); ++i) y.push_back(x[i]);
  if (!ids.on_host()) return y;
  const int32_t* id = ids.data<int32_t>();
  for (int64_t i = 0; i < ids.numel(); ++i)
    if (id[i] < 0 || id[i] >= x[axis])
      throw DataError(
          fmt::format("{}: id {} at place {} of {} is not in [0, {}), axis {} of {} ({})", op,
                      id[i], i, ids.shape(), x[axis], axis, x, loc.str()));
  return y;
}

Var record(const char* name, const Var& x, int axis, const Tensor& ids, SourceLoc loc) {
  Tape& tape = x.tape();
  Tensor y = tape.empty(check(name, x.shape(), axis, ids, loc), x.dtype());
  on_device(tape, x, [&](auto& ctx, auto zero) {
    using T = decltype(zero);
    kernels::gather_forward<T>(ctx, x.value().view<T>(), axis, ids.view<int32_t>(), y.view<T>());
  });
  return tape.record(std::make_unique<Gather>(name, axis, ids), {x}, std::move(y), loc);
}

}  // namespace

Var gather(const Var& x, int axis, const Tensor& ids, SourceLoc loc) {
  Tape::of("gather", loc, x, ids);
  const int at = axis < 0 ? axis + x.shape().rank() : axis;
  if (at < 0 || at >= x.shape().rank())
    shape_error("gather", loc, "axis {} is outside of x {}", axis, x.shape());
  return record("gather", x, at, ids, loc);
}

Var embedding(const Var& table, const Tensor& ids, SourceLoc loc) {
  Tape::of("embedding", loc, table, ids);
  if (table.shape().rank() != 2)
    shape_error("embedding", loc, "the table must be [V, C], got {}", table.shape());
  return record("embedding", table, 0, ids, loc);
}

}  // namespace weft
