// max_pool's kernels on a GPU, on whole numbers (tests/support/device_numbers.h), of which many are
// equal: values, choices and gradients are the CPU's to the last bit, and nothing is written outside
// the result. Channels in vectors and one by one, addresses that are no multiple of 16 bytes, rows
// longer than a block, windows of every overlap.
#include "ops/max_pool.h"
#include "tests/support/catch.h"
#include "tests/support/device_numbers.h"

namespace weft {
namespace {

struct Case {
  Shape x;
  PoolOptions options;
};
const Case cases[] = {{{2, 9, 11, 16}, {3, 2, 1}},
                      {{1, 7, 5, 12}, {3, 2, 1, true}},
                      {{2, 6, 6, 8}, {2, 2}},
                      {{1, 3, 301, 8}, {3, 1, 1}},
                      {{2, 161, 5, 64}, {3, 2, 1}},
                      {{1, 1, 37, 24}, {3, 2, 1}},
                      {{1, 9, 7, 40}, {2, 3, 1, true}},
                      {{1, 13, 17, 5}, {5, 1, 2}},
                      {{3, 1, 1, 8}, {1, 1}},
                      {{1, 20, 20, 8}, {15, 3, 7}},
                      {{1, 5, 300, 3}, {3, 2, 1, true}},
                      {{0, 4, 4, 8}, {2, 2}}};

template <class T>
void check_case(CudaContext& ctx, const Case& c, int64_t shift) {
  INFO(fmt::format("{}, kernel {}, stride {}, {}, shift {}", c.x, c.options.kernel,
                   c.options.stride, name_of(dtype_of<T>()), shift));
  const Shape shape = pooled_shape("max_pool", c.x, c.options, SourceLoc::here());
  const Values values = numbers(c.x, 1), gradient = numbers(shape, 2);
  const Tensor x = Tensor::from(c.x, values, DType::f64);
  const Tensor dy = Tensor::from(shape, gradient, DType::f64);
  const Tensor choice = Tensor::empty(shape, DType::u8);
  CpuContext cpu(1);
  const Values y = exact_values(ctx, shape, dtype_of<T>(), [&](View<double> to) {
    kernels::max_pool_forward<double>(cpu, x.view<const double>(), c.options, to,
                                      choice.view<uint8_t>());
  });
  const Values dx = exact_values(ctx, c.x, dtype_of<T>(), [&](View<double> to) {
    kernels::max_pool_backward<double>(cpu, dy.view<const double>(), choice.view<const uint8_t>(),
                                       c.options, to);
  });
  const Tensor here_x = placed<T>(ctx, c.x, values, shift);
  const Tensor here_dy = placed<T>(ctx, shape, gradient, shift);
  const Tensor chosen =
      Tensor::empty({shape.numel() + shift}, DType::u8, ctx.memory()).rows(shift, shape.numel());
  const View<uint8_t> places{chosen.data<uint8_t>(), shape};
  const auto got_y = result<T>(
      ctx, shape,
      [&](View<T> to) {
        kernels::max_pool_forward<T>(ctx, here_x.view<const T>(), c.options, to, places);
        return true;
      },
      shift);
  CHECK(*got_y == y);
  CHECK(to_host(AnyContext(&ctx), chosen).to_vector() == choice.to_vector());
  const auto got_dx = result<T>(
      ctx, c.x,
      [&](View<T> to) {
        kernels::max_pool_backward<T>(ctx, here_dy.view<const T>(), places, c.options, to);
        return true;
      },
      shift);
  CHECK(*got_dx == dx);
}

}  // namespace

TEST_CASE("cuda: max_pool of whole numbers is the CPU's, choices too", "[ops][cuda][bf16]") {
  WEFT_NEEDS_CUDA();
  const Device device(DeviceKind::cuda, 1);
  for (const Case& c : cases)
    for (const int64_t shift : {0, 1}) {
      check_case<float>(context_of(device), c, shift);
      check_case<bf16_t>(context_of(device), c, shift);
    }
}

}  // namespace weft
