// The kernels behind a linear, or a 1x1 convolution, of few outputs on a GPU (ops/
// linear_narrow_cuda.cuh), on whole numbers (tests/support/device_numbers.h): they, cuBLAS and what
// ops/linear chooses all give the CPU's f64; nothing is written outside the result. Channels in
// vectors and one by one, addresses that are no multiple of 16 bytes, rows around a block's and a
// chunk's. Also: which outputs are theirs, and their error on other numbers beside cuBLAS's.
#include "ops/linear_narrow_cuda.cuh"
#include "engine/cuda/gemm.h"
#include "ops/linear.h"
#include "tests/support/catch.h"
#include "tests/support/device_numbers.h"
#include "tests/support/relative_error.h"

namespace weft {
namespace {

/// Operands of one layer on the device, and the three products by each way.
template <class T>
struct Layer {
  CudaContext& ctx;
  int64_t rows, in, out, shift;
  Values host_x, host_weight, host_bias, host_dy;
  Tensor x, weight, bias, dy;

  Layer(CudaContext& context, int64_t n, int64_t c, int64_t k, int64_t off, Values vx, Values vw,
        Values vb, Values vdy)
      : ctx(context),
        rows(n),
        in(c),
        out(k),
        shift(off),
        host_x(std::move(vx)),
        host_weight(std::move(vw)),
        host_bias(std::move(vb)),
        host_dy(std::move(vdy)),
        x(placed<T>(ctx, {n, c}, host_x, off)),
        weight(placed<T>(ctx, {k, c}, host_weight, off)),
        bias(placed<T>(ctx, {k}, host_bias, off)),
        dy(placed<T>(ctx, {n, k}, host_dy, off)) {}

  View<const T> vx() const { return x.view<const T>(); }
  View<const T> vw() const { return weight.view<const T>(); }
  View<const T> vb() const { return bias.view<const T>(); }
  View<const T> vdy() const { return dy.view<const T>(); }

  template <class Out, class Kernel>
  Values of(const Shape& shape, Kernel&& kernel) const {
    return *result<Out>(
        ctx, shape, [&](View<Out> to) { return kernel(to), true; }, shift);
  }
  /// By three kernels of the same arguments.
  Values by(char op,
            void (*forward)(CudaContext&, View<const T>, View<const T>, View<const T>, View<T>),
            void (*backward_input)(CudaContext&, View<const T>, View<const T>, View<T>),
            void (*backward_weight)(CudaContext&, View<const T>, View<const T>,
                                    View<float>)) const {
    if (op == 'f') return of<T>({rows, out}, [&](View<T> y) { forward(ctx, vx(), vw(), vb(), y); });
    if (op == 'd')
      return of<T>({rows, in}, [&](View<T> dx) { backward_input(ctx, vw(), vdy(), dx); });
    return of<float>({out, in}, [&](View<float> dw) { backward_weight(ctx, vx(), vdy(), dw); });
  }
  Values narrow(char op) const {
    return by(op, narrow_linear::forward<T>, narrow_linear::backward_input<T>,
              narrow_linear::backward_weight<T>);
  }
  Values chosen(char op) const {
    return by(op, kernels::linear_forward<T>, kernels::linear_backward_input<T>,
              kernels::linear_backward_weight<T>);
  }
  /// forward without bias, which cuBLAS knows in other kernels.
  Values cublas(char op) const {
    const T *px = x.data<const T>(), *pw = weight.data<const T>(), *pdy = dy.data<const T>();
    if (op == 'f')
      return of<T>({rows, out}, [&](View<T> y) {
        gemm<T>(ctx, rows, out, in, {px, in}, {pw, in, true}, 0, y.data, out);
      });
    if (op == 'd')
      return of<T>({rows, in}, [&](View<T> dx) {
        gemm<T>(ctx, rows, in, out, {pdy, out}, {pw, in}, 0, dx.data, in);
      });
    return of<float>({out, in}, [&](View<float> dw) {
      gemm<T>(ctx, out, in, rows, {pdy, out, true}, {px, in}, 0, dw.data, in);
    });
  }
  /// By the CPU in f64; forward with its bias or without.
  Values exact(char op, bool with_bias, DType dtype) const {
    CpuContext cpu(2);
    const auto wide = [](const Shape& shape, const Values& v) {
      return Tensor::from(shape, v, DType::f64);
    };
    const Tensor hx = wide({rows, in}, host_x), hw = wide({out, in}, host_weight);
    const Tensor hb = wide({out}, host_bias), hdy = wide({rows, out}, host_dy);
    const auto wx = hx.view<const double>(), ww = hw.view<const double>();
    const auto wb = hb.view<const double>(), wdy = hdy.view<const double>();
    const Shape shape = op == 'f' ? Shape{rows, out} : op == 'd' ? Shape{rows, in} : Shape{out, in};
    return exact_values(ctx, shape, dtype, [&](View<double> to) {
      if (op == 'f')
        kernels::linear_forward<double>(cpu, wx, ww, with_bias ? wb : View<const double>{}, to);
      else if (op == 'd')
        kernels::linear_backward_input<double>(cpu, ww, wdy, to);
      else
        kernels::linear_backward_weight<double>(cpu, wx, wdy, to);
    });
  }
};

struct Size {
  int64_t rows, in, shift = 0;
};
const Size sizes[] = {{1, 1},     {3, 5},      {5, 8},       {33, 24},      {7, 515},
                      {257, 72},  {31, 1024},  {1025, 40},   {2051, 1},     {5, 8, 1},
                      {300, 264}, {999, 1024}, {40, 512, 1}, {40, 2048, 2}, {21007, 8}};

template <class T>
void check_whole_numbers(CudaContext& ctx) {
  for (int64_t out = 1; out <= narrow_linear::most_outputs; ++out)
    for (const Size& s : sizes) {
      const Layer<T> layer(ctx, s.rows, s.in, out, s.shift, numbers({s.rows, s.in}, 1),
                           numbers({out, s.in}, 2), numbers({out}, 3), numbers({s.rows, out}, 4));
      for (const char op : {'f', 'd', 'w'}) {
        INFO(op << ": " << s.rows << " rows of " << s.in << " to " << out << ", shift " << s.shift
                << ", " << name_of(dtype_of<T>()));
        const DType dtype = op == 'w' ? DType::f32 : dtype_of<T>();
        const Values exact = layer.exact(op, true, dtype), narrow = layer.narrow(op);
        CHECK(narrow == exact);
        // cuBLAS may add the bias to y as it has been rounded.
        if (op == 'f' && sizeof(T) == 2 && !narrow_linear::takes<T>(out))
          CHECK(relative_error(layer.chosen(op), exact) < 0x1p-8);
        else
          CHECK(layer.chosen(op) == exact);
        CHECK(layer.cublas(op) == (op == 'f' ? layer.exact(op, false, dtype) : exact));
      }
    }
}

}  // namespace

TEST_CASE("narrow linear: rows of y that are a multiple of 16 bytes are cuBLAS's",
          "[ops][cuda][narrow]") {
  for (int64_t out = 1; out <= 40; ++out) {
    INFO(out << " outputs");
    CHECK(narrow_linear::takes<float>(out) == (out < 8 && out != 4));
    CHECK(narrow_linear::takes<bf16_t>(out) == (out < 8));
  }
}

TEST_CASE("cuda: f32 linears of few outputs are exact on whole numbers, kernel by kernel",
          "[ops][cuda][narrow]") {
  WEFT_NEEDS_CUDA();
  for (const MatrixMath math : {MatrixMath::f32, MatrixMath::tf32, MatrixMath::f32x6}) {
    const Device device(DeviceKind::cuda, 1, math);
    check_whole_numbers<float>(context_of(device));
  }
}

TEST_CASE("cuda: bf16 linears of few outputs are exact on whole numbers, kernel by kernel",
          "[ops][cuda][bf16][narrow]") {
  WEFT_NEEDS_CUDA();
  const Device device(DeviceKind::cuda, 1);
  check_whole_numbers<bf16_t>(context_of(device));
}

TEST_CASE("cuda: linears of few outputs have f32's error whatever the context's math",
          "[ops][cuda][narrow]") {
  WEFT_NEEDS_CUDA();
  const Device device(DeviceKind::cuda, 1, MatrixMath::tf32);
  const auto random = [](const Shape& shape, uint64_t seed) {
    OpCase c;
    c.inputs = {shape};
    c.seed = seed;
    return case_values(c, 0);
  };
  for (const int64_t out : {1, 3, 7}) {
    const Layer<float> layer(context_of(device), 4100, 1024, out, 0, random({4100, 1024}, 1),
                             random({out, 1024}, 2), random({out}, 3), random({4100, out}, 4));
    for (const char op : {'f', 'd', 'w'}) {
      INFO(op << ", " << out << " outputs");
      const Values got = layer.narrow(op);
      CHECK(relative_error(got, layer.exact(op, true, DType::f32)) < 3e-7);
      CHECK(layer.narrow(op) == got);  // the same bits again
    }
  }
}

TEST_CASE("cuda: a weight gradient over no rows is zero", "[ops][cuda][narrow]") {
  WEFT_NEEDS_CUDA();
  const Device device(DeviceKind::cuda, 1);
  const Layer<float> layer(context_of(device), 0, 24, 3, 0, {}, numbers({3, 24}, 2),
                           numbers({3}, 3), {});
  CHECK(layer.narrow('w') == Values(72, 0.0));
  CHECK(layer.narrow('f').empty());
  CHECK(layer.narrow('d').empty());
}

}  // namespace weft
