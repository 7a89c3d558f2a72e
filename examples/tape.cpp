// The whole idea in a few lines: record y = |x|^2 on a tape, walk it backwards, read dy/dx = 2x.
#include <cstdio>

#include "ops/pointwise.h"
#include "ops/reduce.h"

int main() {
  weft::CpuContext cpu;
  weft::Tape tape(&cpu);
  const weft::Var x = tape.leaf(weft::Tensor::from({3}, {1, 2, 3}));
  const weft::Var y = sum(x * x);
  tape.backward(y);
  std::printf("y = %g\n", y.value().item());
  for (double g : tape.grad(x).to_vector()) std::printf("dy/dx = %g\n", g);
}
