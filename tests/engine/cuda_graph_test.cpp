// Repeated on a GPU (CudaGraph): recorded work does what the same work does directly, whatever its arguments, its
// kernels or its failures. Needs a device: elsewhere each test says that it skips.
#include "engine/device.h"
#include "engine/error.h"
#include "ops/cast.h"
#include "ops/linear.h"
#include "ops/pointwise.h"
#include "tests/support/device.h"
#include "tests/support/op_check.h"

using namespace weft;

namespace {

/// total (one element on the device) and what tests do to it.
struct Sum {
  Device device{DeviceKind::cuda};
  AnyContext ctx = device.context();
  Repeated graph{ctx};
  Tensor total = Tensor::empty({1}, DType::f32, memory_of(ctx));

  Sum() { fill(total, 0); }
  /// By a kernel into fresh memory, or by way of the copy stream.
  void add(double value) {
    const Tensor term = Tensor::empty({1}, DType::f32, memory_of(ctx));
    fill(term, value);
    accumulate(term);
  }
  void add_uploaded(double value) {
    accumulate(to_device(ctx, Tensor::from({1}, {value}, DType::f32)));
  }
  double value() { return to_host(ctx, total).item(); }
  void fill(const Tensor& t, double value) {
    std::visit([&](auto* on) { on->fill(t, value); }, ctx);
  }
  void accumulate(const Tensor& term) {
    std::visit([&](auto* on) { on->accumulate(total, term); }, ctx);
  }
};

}  // namespace

TEST_CASE("cuda graph: arguments and uploads of each run are its own", "[cuda][engine]") {
  WEFT_NEEDS_CUDA();
  Sum sum;
  double expected = 0;
  for (int i = 1; i <= 40; ++i) {
    sum.graph.run([&] {
      sum.add(i);
      sum.add_uploaded(100 * i);
    });
    expected += 101 * i;
    if (i % 8 == 0) CHECK(sum.value() == expected);  // in between nothing waits
  }
  CHECK(sum.graph.built() == 1);
}

TEST_CASE("cuda graph: other kernels than the time before are a new graph", "[cuda][engine]") {
  WEFT_NEEDS_CUDA();
  Sum sum;
  double expected = 0;
  for (int terms : {1, 1, 2, 0, 2, 3, 3, 3}) {
    sum.graph.run([&] {
      for (int i = 1; i <= terms; ++i) sum.add(i);
    });
    expected += terms * (terms + 1) / 2;
    CHECK(sum.value() == expected);
  }
  CHECK(sum.graph.built() > 1);
}

TEST_CASE("cuda graph: as many kernels, but others, are a new graph; products of other sizes too",
          "[cuda][engine][bf16]") {
  WEFT_NEEDS_CUDA();
  const Device device(DeviceKind::cuda);
  const AnyContext ctx = device.context();
  const auto random = [&](const Shape& shape, uint64_t seed) {
    OpCase values;
    values.inputs = {shape};
    values.seed = seed;
    const Tape tape(ctx, Tape::Mode::no_grad);  // the host cannot round to bf16
    const Tensor f32 = to_device(ctx, Tensor::from(shape, case_values(values, 0), DType::f32));
    return cast(tape.constant(f32), DType::bf16).value();
  };
  const Tensor weight = random({256, 512}, 1);
  Repeated graph(ctx);
  // The first call is direct, the second a graph, the third takes new arguments over.
  const std::vector<int64_t> rows = {64, 64, 64, 4096, 4096, 4096, 64, 64};
  for (size_t i = 0; i < rows.size(); ++i) {
    INFO("call " << i << ", " << rows[i] << " rows");
    const Tensor x = random({rows[i], 512}, 10 + i);
    const auto product = [&](const Tensor& of) {
      const Tape tape(ctx, Tape::Mode::no_grad);
      return i < 6 ? linear(tape.constant(of), tape.constant(weight)).value()
                   : relu(tape.constant(of)).value();
    };
    Tensor y;
    graph.run([&] { y = product(x); });
    CHECK(same_bits(to_host(ctx, y), to_host(ctx, product(x))));
  }
  CHECK(graph.built() >= 2);
}

TEST_CASE("cuda graph: where memory runs out, the work runs again and once", "[cuda][engine]") {
  WEFT_NEEDS_CUDA();
  Sum sum;
  int tries = 0;
  const auto work = [&] {
    sum.add(1);
    if (++tries == 2) throw MemoryError("no room for what follows");
    sum.add(10);
  };
  for (int i = 1; i <= 4; ++i) {
    sum.graph.run(work);
    CHECK(sum.value() == 11 * i);
  }
  CHECK(tries == 5);
  memory_of(sum.ctx).set_cap(1);
  CHECK_THROWS_AS(sum.graph.run(work), MemoryError);
}

TEST_CASE("cuda graph: the host's work between kernels runs in their order, with each run's own",
          "[cuda][engine]") {
  WEFT_NEEDS_CUDA();
  Sum sum;
  const Tensor term = Tensor::empty({1}, DType::f32, memory_of(sum.ctx));
  double expected = 0;
  for (int i = 1; i <= 40; ++i) {
    sum.graph.run([&] {
      const Tensor host = host_room(sum.ctx, {1}, DType::f32);
      sum.fill(term, i);
      copy_in_order(sum.ctx, host, term);
      call_in_order(sum.ctx, [host, i] { host.data<float>()[0] += static_cast<float>(100 * i); });
      copy_in_order(sum.ctx, term, host);
      sum.accumulate(term);
    });
    expected += 101 * i;
    if (i % 7 == 0) CHECK(sum.value() == expected);
  }
  CHECK(sum.value() == expected);
  CHECK(sum.graph.built() == 1);
}

TEST_CASE(
    "cuda graph: what runs beside kernels finds what came before its fork, and they find it "
    "behind the join",
    "[cuda][engine]") {
  WEFT_NEEDS_CUDA();
  Sum sum;
  const Tensor term = Tensor::empty({1}, DType::f32, memory_of(sum.ctx));
  const Tensor other = Tensor::empty({1}, DType::f32, memory_of(sum.ctx));
  double expected = 0;
  int calls = 0;
  for (int i = 1; i <= 40; ++i) {
    sum.graph.run([&] {
      const Tensor host = host_room(sum.ctx, {1}, DType::f32);
      sum.fill(term, i);
      fork_beside(sum.ctx);
      for (int k = 0; k < 5; ++k) sum.add(1);
      beside(sum.ctx, [&] {
        copy_in_order(sum.ctx, host, term);
        call_in_order(sum.ctx, [host, i] { host.data<float>()[0] += static_cast<float>(100 * i); });
        copy_in_order(sum.ctx, other, host);
      });
      join_beside(sum.ctx);
      sum.accumulate(other);
      fork_beside(sum.ctx);  // joined by the end of the step
      beside(sum.ctx, [&] { call_in_order(sum.ctx, [&calls] { ++calls; }); });
      sum.add(1);
    });
    expected += 101 * i + 6;
    if (i % 7 == 0) CHECK(sum.value() == expected);
  }
  CHECK(sum.value() == expected);
  CHECK(calls == 40);
  CHECK(sum.graph.built() == 1);
}

TEST_CASE("cuda graph: the host's work of a recording that is given up does not run",
          "[cuda][engine]") {
  WEFT_NEEDS_CUDA();
  Sum sum;
  int calls = 0, tries = 0;
  const auto work = [&] {
    call_in_order(sum.ctx, [&] { ++calls; });
    sum.add(1);
    if (++tries == 2) throw MemoryError("no room for what follows");
  };
  for (int i = 1; i <= 4; ++i) {
    sum.graph.run(work);
    CHECK(sum.value() == i);
    CHECK(calls == i);
  }
  CHECK(tries == 5);
}

TEST_CASE("cuda: what the host's work in the stream throws comes out of the next wait",
          "[cuda][engine]") {
  WEFT_NEEDS_CUDA();
  const AnyContext& cuda = cuda_device();
  call_in_order(cuda, [] { throw NumericError("its own"); });
  call_in_order(cuda, [] {});
  CHECK_THROWS_AS(synchronize(cuda), NumericError);
  synchronize(cuda);
}

TEST_CASE("cuda graph: kernels that keep changing are run directly, ever more often",
          "[cuda][engine]") {
  WEFT_NEEDS_CUDA();
  Sum sum;
  double expected = 0;
  for (int i = 0; i < 200; ++i) {
    sum.graph.run([&] {
      for (int term = 0; term <= i % 5; ++term) sum.add(1);
    });
    expected += i % 5 + 1;
  }
  CHECK(sum.value() == expected);
  const int64_t built = sum.graph.built();
  CHECK(built < 15);
  for (int i = 0; i < 200; ++i) sum.graph.run([&] { sum.add(1); });
  CHECK(sum.value() == expected + 200);
  CHECK(sum.graph.built() <= built + 1);  // settled
}

TEST_CASE("cuda graph: work that waits runs directly, and once", "[cuda][engine]") {
  WEFT_NEEDS_CUDA();
  Sum sum;
  double seen = 0;
  for (int i = 1; i <= 4; ++i) {
    sum.graph.run([&] {
      sum.add_uploaded(1);
      seen = sum.value();
    });
    CHECK(seen == i);
  }
  CHECK(sum.graph.built() == 0);
}

TEST_CASE("cuda graph: what fails while it is recorded has not run, and leaves the device usable",
          "[cuda][engine]") {
  WEFT_NEEDS_CUDA();
  Sum sum;
  sum.graph.run([&] { sum.add(1); });
  CHECK_THROWS_WITH(sum.graph.run([&] {
    sum.add_uploaded(1);
    throw Error("a bad label");
  }),
                    "a bad label");
  CHECK(sum.value() == 1);
  for (int i = 2; i <= 5; ++i) {
    sum.graph.run([&] { sum.add_uploaded(1); });
    CHECK(sum.value() == i);
  }
}
