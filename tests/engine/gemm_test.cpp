// The two matrix products against plain loops: tables with rows of zeros, scattered output, several
// parts and products, pieces of k summed apart; and the same bits on 1, 2, 7 and 16 threads, which
// cut C in other chunks. In f64 of numbers, in f32 and bf16 of small whole ones, which both hold.
#include "engine/cpu/gemm.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>

#include "engine/cpu/gemm_cut.h"
#include "engine/device.h"
#include "engine/philox.h"
#include "tests/support/op_check.h"
#include "tests/support/sanitized.h"

namespace weft {
namespace {

using Table = std::vector<int32_t>;
constexpr int deep = test::cases(4200, 600);      // some pieces of k
constexpr int64_t row_step = test::cases(1, 15);  // rows of C whose sums plain loops form as well

template <class T>
Tensor random(const Shape& shape, const char* name) {
  const Philox philox(11, Stream::data, 0, name);
  Values values(static_cast<size_t>(shape.numel()));
  for (size_t i = 0; i < values.size(); ++i)
    values[i] = std::is_same_v<T, double> ? 2 * philox.uniform(i) - 1
                                          : static_cast<double>(philox.below(i, 17)) - 8;
  return Tensor::from(shape, values, dtype_of<T>());
}

/// count indices below `below`, every fifth of them -1.
Table random_table(int64_t count, int64_t below, const char* name) {
  const Philox philox(12, Stream::data, 0, name);
  Table table;
  for (int64_t i = 0; i < count; ++i)
    table.push_back(i % 5 == 4 ? -1 : static_cast<int32_t>(philox.below(i, below)));
  return table;
}

template <class T>
double at(const Tensor& t, const Table& table, int64_t row, int64_t column) {
  const int64_t index = table.empty() ? row : table[static_cast<size_t>(row)];
  return index < 0 ? 0.0 : double{t.data<T>()[index * t.shape()[1] + column]};
}

template <class T>
Rows<T> rows(const Tensor& t, const Table& table) {
  return {t.data<T>(), t.shape()[1], table.empty() ? nullptr : table.data()};
}

template <class T>
double largest_error(const Tensor& got, const Values& want) {
  double error = 0;
  for (size_t i = 0; i < want.size(); ++i) {
    const double off = std::abs(double{got.data<T>()[i]} - want[i]);
    if (!(off <= error)) error = off;  // a NaN stays
  }
  return error;
}

/// Of products of f32.
std::vector<MatrixMath> maths_here() {
  if (!why_no_bf16().empty()) return {MatrixMath::f32};
  return {MatrixMath::f32, MatrixMath::bf16};
}

/// Runs on 1, 2, 7 and 16 threads over poisoned memory; the bits must agree.
template <class T>
Tensor on_all_threads(MatrixMath math, const Shape& shape,
                      const std::function<void(CpuContext&, Tensor)>& run) {
  std::optional<Tensor> first;
  for (const int threads : {1, 2, 7, 16}) {
    const GuardedMemory guarded;
    CpuContext ctx(threads, math);
    const Tensor c = Tensor::empty(shape, dtype_of<T>());
    run(ctx, c);
    if (!first) first = c;
    CHECK(same_bits(*first, c));
  }
  return *first;
}

/// parts, tables, scattered rows, bias, both layouts
template <class T>
void check_rows(MatrixMath math, double bound) {
  constexpr int64_t m = 301, pixels = 90, n = 77, depth = 70, parts = 9, wide = 600;
  const Tensor x = random<T>({pixels, depth}, "x"), deep = random<T>({pixels, wide}, "deep");
  const Tensor bias = random<T>({1, n}, "bias");
  for (const Layout layout : {Layout::along_n, Layout::along_k}) {
    const bool along_n = layout == Layout::along_n;
    const auto weights = [&](int64_t k, const char* name) {
      return random<T>(along_n ? Shape{k, n} : Shape{n, k}, name);
    };
    const auto weight = [&](const Tensor& t, int64_t k, int64_t j) {
      return along_n ? at<T>(t, {}, k, j) : at<T>(t, {}, j, k);
    };
    std::vector<Tensor> b;
    std::vector<Table> tables;
    RowProduct<T> joint{m, nullptr, depth, {}}, scattered{0, nullptr, wide, {}};
    for (int64_t p = 0; p < parts; ++p) {
      b.push_back(weights(depth, fmt::format("b{}", p).c_str()));
      tables.push_back(random_table(m, pixels, fmt::format("t{}", p).c_str()));
    }
    for (int64_t p = 0; p < parts; ++p)
      joint.parts.push_back({rows<T>(x, tables[p]), rows<T>(b[p], {})});
    Table out;
    for (int64_t i = 3; i < m; i += 4) out.push_back(static_cast<int32_t>(i));
    const Table from = random_table(static_cast<int64_t>(out.size()), pixels, "from");
    const Tensor w = weights(wide, "w");
    scattered.rows = static_cast<int64_t>(out.size());
    scattered.out = out.data();
    scattered.parts.push_back({rows<T>(deep, from), rows<T>(w, {})});

    for (const bool with_bias : {false, true})
      for (const bool scattered_first : {false, true}) {
        if (test::sanitized && with_bias == scattered_first) continue;
        const Tensor c = on_all_threads<T>(math, {m, n}, [&](CpuContext& ctx, Tensor c) {
          const T* added = with_bias ? bias.data<T>() : nullptr;
          std::vector<RowProduct<T>> products{joint, scattered};
          if (scattered_first) std::swap(products[0], products[1]);
          gemm_rows<T>(ctx, {c.data<T>(), m, n, n, added}, layout, products);
        });
        Values want = c.to_vector();
        for (int64_t i = 0; i < m; i += row_step)
          for (int64_t j = 0; j < n; ++j) {
            double& sum = want[i * n + j];
            sum = with_bias ? double{bias.data<T>()[j]} : 0;
            for (int64_t p = 0; p < parts; ++p)
              for (int64_t k = 0; k < depth; ++k)
                sum += at<T>(x, tables[p], i, k) * weight(b[p], k, j);
            if (i % 4 != 3) continue;
            for (int64_t k = 0; k < wide; ++k) sum += at<T>(deep, from, i / 4, k) * weight(w, k, j);
          }
        CHECK(largest_error<T>(c, want) <= bound);
      }
  }
}

template <class T>
void check_nothing(MatrixMath math) {
  const Tensor c = on_all_threads<T>(math, {5, 3}, [](CpuContext& ctx, Tensor c) {
    gemm_rows<T>(ctx, {c.data<T>(), 5, 3, 3}, Layout::along_n, {});
  });
  CHECK(largest_error<T>(c, Values(15, 0.0)) == 0);
}

/// parts of any width, tables on both sides, k in pieces
template <class T>
void check_outer(MatrixMath math, double bound) {
  constexpr int64_t pixels = 50, m = 45;
  const Tensor a = random<T>({pixels, m}, "a"), b = random<T>({pixels, 40}, "b");
  for (const int64_t width : {1, 16, 21, 40})
    for (const int64_t depth : {0, 1, 513, deep})
      for (const int64_t parts : {1, 3}) {
        INFO("width " << width << ", depth " << depth << ", parts " << parts);
        const Table a_table = random_table(depth, pixels, "at");
        std::vector<Table> tables;
        for (int64_t p = 0; p < parts; ++p)
          tables.push_back(random_table(depth, pixels, fmt::format("bt{}", p).c_str()));
        const int64_t columns = parts * width, stride = columns + 2;
        const Tensor c = on_all_threads<T>(math, {m, stride}, [&](CpuContext& ctx, Tensor c) {
          ctx.fill(c, 7);  // the two columns between rows of C must stay
          OuterProduct<T> product{depth, rows<T>(a, a_table), {}, c.data<T>()};
          for (const Table& table : tables) product.b.push_back(rows<T>(b, table));
          if (depth == 0) product.a.table = nullptr;
          gemm_outer<T>(ctx, {m, parts, width, stride}, {product});
        });
        Values want = c.to_vector();
        for (int64_t i = 0; i < m; i += row_step) {
          std::fill_n(want.begin() + i * stride + columns, 2, 7.0);
          for (int64_t j = 0; j < columns; ++j) {
            double& sum = want[i * stride + j];
            sum = 0;
            for (int64_t k = 0; k < depth; ++k)
              sum += at<T>(a, a_table, k, i) * at<T>(b, tables[j / width], k, j % width);
          }
        }
        CHECK(largest_error<T>(c, want) <= bound);
      }
}

}  // namespace

TEST_CASE("gemm_rows: parts, tables, scattered rows, bias, both layouts") {
  check_rows<double>(MatrixMath::f32, 1e-11);
  check_rows<float>(MatrixMath::f32, 0);
}

TEST_CASE("gemm_rows: nothing to add gives zeros") { check_nothing<double>(MatrixMath::f32); }

TEST_CASE("gemm_outer: parts of any width, tables on both sides, k in pieces") {
  check_outer<double>(MatrixMath::f32, 1e-10);
  check_outer<float>(MatrixMath::f32, 0);
}

TEST_CASE("gemm in bf16: whole numbers are exact, whatever the product", "[bf16]") {
  if (!why_no_bf16().empty()) WEFT_SKIP(why_no_bf16());
  check_rows<float>(MatrixMath::bf16, 0);
  check_nothing<float>(MatrixMath::bf16);
  check_outer<float>(MatrixMath::bf16, 0);
}

TEST_CASE("gemm in bf16: the product of what bf16 holds of the factors, to f32's error", "[bf16]") {
  if (!why_no_bf16().empty()) WEFT_SKIP(why_no_bf16());
  constexpr int64_t m = 70, n = 45, k = 700;
  const Tensor wide_a = random<double>({m, k}, "a"), wide_b = random<double>({n, k}, "b");
  const Tensor a = wide_a.to(DType::f32), b = wide_b.to(DType::f32);
  const auto near = [](const Tensor& t) {  // to 8 bits, halves to even
    Values out;
    for (const double value : t.to_vector()) {
      int exponent = 0;
      const double fraction = std::frexp(value, &exponent);
      out.push_back(std::ldexp(std::nearbyint(std::ldexp(fraction, 8)), exponent - 8));
    }
    return out;
  };
  const Values near_a = near(a), near_b = near(b);
  CpuContext ctx(2, MatrixMath::bf16);
  const Tensor y = Tensor::empty({m, n}, DType::f32);
  gemm_rows<float>(ctx, {y.data<float>(), m, n, n}, Layout::along_k,
                   {{m, nullptr, k, {{{a.data<float>(), k}, {b.data<float>(), k}}}}});
  double of_rounded = 0, of_full = 0;
  for (int64_t i = 0; i < m; ++i)
    for (int64_t j = 0; j < n; ++j) {
      double rounded = 0, full = 0;
      for (int64_t l = 0; l < k; ++l) {
        rounded += near_a[i * k + l] * near_b[j * k + l];
        full += double{a.data<float>()[i * k + l]} * b.data<float>()[j * k + l];
      }
      of_rounded = std::max(of_rounded, std::abs(y.data<float>()[i * n + j] - rounded));
      of_full = std::max(of_full, std::abs(y.data<float>()[i * n + j] - full));
    }
  CHECK(of_rounded < 2e-5);
  CHECK(of_full > 1e-3);  // it does round
}

TEST_CASE("gemm in bf16: rows that begin far behind a chunk's first", "[bf16]") {
  if (!why_no_bf16().empty()) WEFT_SKIP(why_no_bf16());
  constexpr int64_t m = 2048, n = 512, depth = 64;
  const Tensor a = random<float>({m, depth}, "a"), b = random<float>({n, depth}, "b");
  Table out;
  for (int32_t i = 1024; i < m; i += 2) out.push_back(i);
  const auto count = static_cast<int64_t>(out.size());
  const RowProduct<float> product{
      count, out.data(), depth, {{rows<float>(a, {}), rows<float>(b, {})}}};
  CpuContext ctx(1, MatrixMath::bf16), full(1);
  const Tensor c = Tensor::empty({m, n}, DType::f32), want = Tensor::empty({m, n}, DType::f32);
  gemm_rows<float>(ctx, {c.data<float>(), m, n, n}, Layout::along_k, {product});
  gemm_rows<float>(full, {want.data<float>(), m, n, n}, Layout::along_k, {product});
  CHECK(same_bits(c, want));  // whole numbers
}

TEST_CASE("gemm in bf16: a math that a processor lacks is an error that says why", "[bf16]") {
  if (why_no_bf16().empty()) {
    CHECK(CpuContext(1, MatrixMath::bf16).math() == MatrixMath::bf16);
    return;
  }
  CHECK_THROWS_WITH(CpuContext(1, MatrixMath::bf16),
                    "no products of bf16 on this CPU: " + why_no_bf16() + "; compute in f32");
}

TEST_CASE("gemm_outer says whether all that it wrote is finite, wherever it is not") {
  constexpr int64_t m = 45, width = 40;
  const Tensor b = Tensor::from({1, width}, Values(width, 1.0));
  for (const MatrixMath math : maths_here())
    for (const int threads : {1, 2, 7})
      for (const int64_t depth : {0, 1, 513, deep}) {
        CpuContext ctx(threads, math);
        const Table first(static_cast<size_t>(depth), 0);
        const Tensor c = Tensor::empty({m, width}, DType::f32);
        const auto finite_with = [&](int64_t row, float value, float other) {
          std::vector<double> values(static_cast<size_t>(m), other);
          values[static_cast<size_t>(row)] = value;
          const Tensor a = Tensor::from({1, m}, values);
          const OuterProduct<float> product{depth,
                                            {a.data<float>(), m, first.data()},
                                            {{b.data<float>(), width, first.data()}},
                                            c.data<float>()};
          return gemm_outer<float>(ctx, {m, 1, width, width}, {product});
        };
        INFO(threads << " threads, depth " << depth);
        const float infinity = std::numeric_limits<float>::infinity();
        for (const int64_t row : {int64_t{0}, int64_t{7}, m - 1}) {
          CHECK(finite_with(row, 1e30F, -1));
          for (const float bad : {infinity, -infinity, std::nanf("")})
            CHECK(finite_with(row, bad, 1) == (depth == 0));
          CHECK(finite_with(row, 3e38F, 1) == (depth < 2));  // the sum overflows
        }
      }
}

TEST_CASE("gemm: a layer has the same bits on any number of threads, however C is cut") {
  constexpr int64_t m = 338, n = 300, k = 1100;
  const auto values = [](const Shape& shape, const char* name) {
    return random<double>(shape, name).to(DType::f32);
  };
  const Tensor a = values({m, k}, "a"), b = values({n, k}, "b"), dy = values({m, n}, "dy");
  for (const MatrixMath math : maths_here()) {
    std::optional<Tensor> rows, outer;
    for (const int threads : {1, 2, 3, 7, 16}) {
      CpuContext ctx(threads, math);
      const Tensor y = Tensor::empty({m, n}, DType::f32), dw = Tensor::empty({n, k}, DType::f32);
      gemm_rows<float>(ctx, {y.data<float>(), m, n, n}, Layout::along_k,
                       {{m, nullptr, k, {{{a.data<float>(), k}, {b.data<float>(), k}}}}});
      gemm_outer<float>(ctx, {n, 1, k, k},
                        {{m, {dy.data<float>(), n}, {{a.data<float>(), k}}, dw.data<float>()}});
      if (!rows) rows = y;
      if (!outer) outer = dw;
      CHECK(same_bits(*rows, y));
      CHECK(same_bits(*outer, dw));
    }
  }
}

TEST_CASE("gemm: chunks keep every thread at work, and a small product keeps to one") {
  using namespace gemm_detail;
  struct Case {
    int64_t rows, columns;
  };
  // Products of the network's convolutions at batch 2, crop 97 and batch 16, crop 321.
  for (const Case& c : {Case{338, 1024}, Case{338, 512}, Case{338, 256}, Case{1250, 64},
                        Case{26896, 1024}, Case{26896, 128}, Case{104976, 64}})
    for (const int64_t threads : {1, 2, 7, 16}) {
      INFO(c.rows << " x " << c.columns << " on " << threads << " threads");
      const Chunks rows = share_out({c.columns, 32, 4, 24}, {c.rows, 14, c.rows, 8}, 1, threads);
      const Cut n_cut(c.columns, rows.along_a, 32), m_cut(c.rows, rows.along_b, 14);
      CHECK(n_cut.end(0) <= 128);
      int64_t largest = 0;
      for (int64_t i = 0; i < m_cut.count * n_cut.count; ++i) {
        const int64_t m = i / n_cut.count, n = i % n_cut.count;
        largest =
            std::max(largest, (m_cut.end(m) - m_cut.begin(m)) * (n_cut.end(n) - n_cut.begin(n)));
      }
      const double busiest =
          static_cast<double>(ceil_div(m_cut.count * n_cut.count, threads) * largest);
      CHECK(static_cast<double>(c.rows * c.columns) / (busiest * static_cast<double>(threads)) >
            0.75);
    }
  CHECK(useful_threads(1000, 16) == 1);
  CHECK(useful_threads(int64_t{1} << 20, 16) == 2);
  CHECK(useful_threads(int64_t{1} << 40, 16) == 16);
}

}  // namespace weft
