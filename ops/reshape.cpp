// reshape: two changes of shape, no kernel.
#include "ops/reshape.h"

namespace weft {
namespace {

struct Reshape final : Op {
  const char* name() const override { return "reshape"; }
  void backward(Backward& b) override { b.pass(0, b.dout().reshaped(b.input_shape(0))); }
};

}  // namespace

Var reshape(const Var& x, const Shape& shape, SourceLoc loc) {
  Tape& tape = Tape::of("reshape", loc, x);
  if (shape.numel() != x.shape().numel())
    shape_error("reshape", loc, "{} has {} elements, {} has {}", x.shape(), x.shape().numel(),
                shape, shape.numel());
  return tape.record(std::make_unique<Reshape>(), {x}, x.value().reshaped(shape), loc);
}

}  // namespace weft
