// CpuContext and reduce_tree: chunks cover everything once; sums do not depend on threads.
#include <cmath>
#include <mutex>
#include <stdexcept>
#include <string>
#include <vector>

#include "engine/backend.h"
#include "engine/reduce_tree.h"
#include "tests/support/catch.h"
#include "tests/support/device.h"

namespace weft {

TEST_CASE("for_chunks: what a chunk throws is thrown to the caller, the first chunk's of several",
          "[engine]") {
  for (int threads : {1, 2, 7}) {
    CpuContext ctx(threads);
    std::string what;
    try {
      ctx.for_chunks(1000, 10, [&](int64_t begin, int64_t) {
        if (begin >= 30) throw std::runtime_error(std::to_string(begin));
      });
    } catch (const std::runtime_error& error) {
      what = error.what();
    }
    CHECK(what == "30");
    int64_t sum = 0;  // and the context goes on
    std::mutex mutex;
    ctx.for_chunks(1000, 10, [&](int64_t begin, int64_t end) {
      const std::lock_guard lock(mutex);
      sum += end - begin;
    });
    CHECK(sum == 1000);
  }
}

TEST_CASE("for_chunks: each index once, borders by size alone", "[engine]") {
  for (int threads : {1, 2, 7})
    for (int64_t n : {0, 1, 99, 100, 101, 1009}) {
      CpuContext ctx(threads);
      std::vector<int> seen(static_cast<size_t>(n));
      ctx.for_chunks(n, 100, [&](int64_t begin, int64_t end) {
        if (begin % 100 != 0 || (end % 100 != 0 && end != n)) seen[begin] += 1000;
        for (int64_t i = begin; i < end; ++i) ++seen[i];
      });
      CHECK(seen == std::vector<int>(static_cast<size_t>(n), 1));
    }
  CHECK(CpuContext().threads() == physical_cores());
}

TEST_CASE("reduce_tree: one sum for every number of threads", "[engine]") {
  for (int64_t n :
       {int64_t{0}, int64_t{1}, sum_chunk - 1, sum_chunk, sum_chunk + 1, int64_t{100003}}) {
    std::vector<float> x;
    for (int64_t i = 0; i < n; ++i) x.push_back(std::sin(static_cast<float>(i)) + 0.25F);
    double truth = 0;
    for (float v : x) truth += v;
    const auto sum = [&](int threads) {
      CpuContext ctx(threads);
      return reduce_tree<float>(ctx, n, [&](int64_t begin, int64_t end) {
        float s = 0;
        for (int64_t i = begin; i < end; ++i) s += x[i];
        return s;
      });
    };
    CHECK(std::abs(sum(1) - truth) <= 1e-5 * (1 + std::abs(truth)));
    CHECK(sum(2) == sum(1));
    CHECK(sum(7) == sum(1));
  }
}

TEST_CASE("combine_columns: the bits of combine_pairwise, on any number of threads", "[engine]") {
  constexpr int64_t width = 700;
  for (const int64_t count : {1, 2, 5, 420}) {
    std::vector<float> parts;
    for (int64_t i = 0; i < count * width; ++i) parts.push_back(std::sin(static_cast<float>(i)));
    std::vector<float> want = parts;
    combine_pairwise(want.data(), count, width);
    want.resize(width);
    for (const int threads : {1, 7}) {
      CpuContext ctx(threads);
      std::vector<float> got = parts;
      combine_columns(ctx, got.data(), count, width);
      got.resize(width);
      CHECK(got == want);
    }
  }
}

TEST_CASE("combine_pairwise: columns stay apart", "[engine]") {
  std::vector<double> parts = {1, 10, 2, 20, 3, 30, 4, 40, 5, 50};
  combine_pairwise(parts.data(), 5, 2);
  CHECK(parts[0] == 15);
  CHECK(parts[1] == 150);
}

TEST_CASE("context: fill, copy, accumulate, all_finite", "[engine]") {
  CpuContext ctx(2);
  const int64_t n = 3 * pointwise_chunk + 1;
  for (DType dtype : {DType::f32, DType::f64}) {
    const Tensor a = Tensor::empty({n}, dtype), b = Tensor::empty({n}, dtype);
    ctx.fill(a, 1.5);
    ctx.copy(b, a);
    ctx.accumulate(b, a);
    CHECK(b.to_vector() == std::vector<double>(static_cast<size_t>(n), 3.0));
    CHECK(ctx.all_finite(b));
    ctx.fill(b.rows(n - 1, 1), INFINITY);
    CHECK_FALSE(ctx.all_finite(b));
  }
}

TEST_CASE("context: accumulate adds every element, in vectors or one by one", "[engine]") {
  const AnyContext& device = test_device();
  CachingAllocator& memory = memory_of(device);
  for (const int64_t n : {1, 7, 8, 4096, 4099})
    for (const int64_t first :
         {0, 1}) {  // from the second row on nothing is aligned where n is odd
      std::vector<double> to, by;
      for (int64_t i = 0; i < 2 * n; ++i) {
        to.push_back(static_cast<double>(i % 31));
        by.push_back(static_cast<double>(i % 17) / 4);
      }
      const Tensor sum = Tensor::empty({2, n}, DType::f32, memory);
      const Tensor term = Tensor::empty({2, n}, DType::f32, memory);
      std::visit(
          [&](auto* ctx) {
            ctx->copy(sum, Tensor::from({2, n}, to));
            ctx->copy(term, Tensor::from({2, n}, by));
            ctx->accumulate(sum.rows(first, 1), term.rows(first, 1), 2);
          },
          device);
      for (int64_t i = first * n; i < (first + 1) * n; ++i)
        to[static_cast<size_t>(i)] += 2 * by[static_cast<size_t>(i)];
      CHECK(to_host(device, sum).to_vector() == to);
    }
}

TEST_CASE("on_device: types that the CPU does not compute in are refused", "[engine]") {
  CpuContext ctx(1);
  const auto nothing = [](auto&, auto) {};
  CHECK_THROWS_WITH(on_device(AnyContext(&ctx), DType::bf16, nothing),
                    "bf16 is not computed on cpu");
  CHECK_THROWS_WITH(on_device(AnyContext(&ctx), DType::i32, nothing), "i32 is no float type");
}

}  // namespace weft
