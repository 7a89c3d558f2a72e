// Parameters without the trainer: two layers of your own, a step, and a file that PyTorch reads too.
// Needs weft::core and weft::models alone.
#include <cstdio>

#include "models/layers.h"
#include "models/parameter_file.h"
#include "ops/pointwise.h"
#include "ops/reduce.h"

using namespace weft;

struct Net {
  ParameterStore store;
  Linear hidden, out;

  Net(CpuContext& cpu, uint64_t seed)
      : store(&cpu, DType::f32),
        hidden(store, "hidden", 2, 8, {Init::Kind::uniform_fan_in, seed}),
        out(store, "out", 8, 1, {Init::Kind::uniform_fan_in, seed}) {}
  Var operator()(Tape& tape, const Tensor& x) const {
    Pass pass{tape, true, {}};
    return out(pass, tanh(hidden(pass, tape.constant(x))));
  }
};

int main() {
  CpuContext cpu;
  Net net(cpu, /*seed=*/1), other(cpu, /*seed=*/2);
  const Tensor x = Tensor::from({2, 2}, {1, 0, 0, 1});
  {
    Tape tape(&cpu);
    tape.backward(sum(square(net(tape, x))));
    for (Parameter& p : net.store.parameters()) cpu.accumulate(p.value, p.grad, -0.1);
  }
  save(net.store, "save_load.safetensors");
  load("save_load.safetensors", other.store);
  Tape tape(&cpu, Tape::Mode::no_grad);
  const bool same = net(tape, x).value().to_vector() == other(tape, x).value().to_vector();
  std::printf("%lld parameters, %s\n", static_cast<long long>(net.store.count()),
              same ? "the same output" : "another output");
  std::remove("save_load.safetensors");
  return same ? 0 : 1;
}
