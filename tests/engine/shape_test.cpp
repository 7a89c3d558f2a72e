// Shape and Tensor: products, printing, the broadcast rule, shared bytes, and refusals.

#include "engine/error.h"
#include "engine/tensor.h"
#include "tests/support/catch.h"

namespace weft {

TEST_CASE("shape: products and printing", "[engine]") {
  const Shape s{32, 56, 28, 64};
  CHECK(s.str() == "[32, 56, 28, 64]");
  CHECK(fmt::format("{}", Shape{}) == "[]");
  CHECK(s.numel() == 32 * 56 * 28 * 64);
  CHECK(s.inner(2) == 28 * 64);
  CHECK(s.inner(4) == 1);
  CHECK(s.outer(0) == 1);
  CHECK(s.outer(3) == 32 * 56 * 28);
  CHECK(s.back() == 64);
  CHECK(Shape{}.numel() == 1);
  CHECK(Shape{3, 0}.numel() == 0);
  CHECK(Shape{2, 3} != Shape{3, 2});
  CHECK(Shape{2, 3} != Shape{2, 3, 1});
}

TEST_CASE("shape: refusals", "[engine]") {
  CHECK_THROWS_AS(Shape({1, 2, 3, 4, 5, 6}), ShapeError);
  CHECK_THROWS_AS(Shape({-1}), ShapeError);
  Shape s{2, 3};
  CHECK_THROWS_AS(s.set(2, 1), ShapeError);
  CHECK_THROWS_AS(s.set(0, -1), ShapeError);
}

TEST_CASE("shape: broadcasting aligns right and stretches 1", "[engine]") {
  CHECK(Shape::broadcast({2, 3, 4}, {4}) == Shape({2, 3, 4}));
  CHECK(Shape::broadcast({3, 1}, {2, 1, 5}) == Shape({2, 3, 5}));
  CHECK(Shape::broadcast({}, {2, 2}) == Shape({2, 2}));
  CHECK(Shape::broadcast({0, 4}, {1, 4}) == Shape({0, 4}));
  CHECK_THROWS_WITH(Shape::broadcast({2, 3}, {2}), "[2, 3] and [2] do not broadcast");
}

TEST_CASE("tensor: rows and reshapes share the bytes", "[engine]") {
  const Tensor t = Tensor::from({3, 2}, {1, 2, 3, 4, 5, 6});
  const Tensor last = t.rows(1, 2).rows(1, 1);
  CHECK(last.to_vector() == std::vector<double>{5, 6});
  CHECK_FALSE(t.unique());
  t.data<float>()[5] = 7;
  CHECK(last.to_vector()[1] == 7);
  CHECK(t.reshaped({6}).shape() == Shape({6}));
  CHECK(t.rows(3, 0).numel() == 0);
  CHECK_THROWS_AS(t.rows(2, 2), ShapeError);
  CHECK_THROWS_WITH(t.reshaped({5}), "cannot reshape [3, 2] to [5]");
}

TEST_CASE("tensor: ways to make one", "[engine]") {
  CHECK(Tensor::zeros({2, 2}).to_vector() == std::vector<double>(4, 0));
  CHECK(Tensor::full({3}, 2.5, DType::f64).to_vector() == std::vector<double>(3, 2.5));
  CHECK(Tensor::full({3}, 7, DType::i32).dtype() == DType::i32);
  CHECK(Tensor::arange(4).to_vector() == std::vector<double>{0, 1, 2, 3});
  CHECK(Tensor::arange(0).numel() == 0);
  const std::vector<float> elements{0.1F, 0.2F};
  const Tensor t = Tensor::from({1, 2}, std::span<const float>(elements));
  CHECK(t.dtype() == DType::f32);
  CHECK(t.data<float>()[1] == 0.2F);
  CHECK_THROWS_AS(Tensor::from({3}, std::span<const float>(elements)), ShapeError);
  CHECK_THROWS_AS(Tensor::zeros({int64_t{1} << 31, int64_t{1} << 31}), ShapeError);
}

TEST_CASE("tensor: copies have bytes of their own: clone, to, permute, transpose", "[engine]") {
  const Tensor t = Tensor::from({2, 3}, {0, 1, 2, 3, 4, 5.75});
  const Tensor copy = t.clone();
  t.data<float>()[0] = 9;
  CHECK(copy.to_vector()[0] == 0);
  CHECK(t.to(DType::i32).to_vector() == std::vector<double>{9, 1, 2, 3, 4, 5});
  CHECK(copy.transpose().shape() == Shape({3, 2}));
  CHECK(copy.transpose().to_vector() == std::vector<double>{0, 3, 1, 4, 2, 5.75});
  const Tensor x = Tensor::arange(24).reshaped({2, 3, 4});
  const Tensor y = x.permute({2, 0, 1});  // y[c, n, h] = x[n, h, c]
  CHECK(y.shape() == Shape({4, 2, 3}));
  CHECK(y.to_vector()[(3 * 2 + 1) * 3 + 2] == (1 * 3 + 2) * 4 + 3);
  CHECK(y.permute({1, 2, 0}).to_vector() == x.to_vector());
  CHECK(x.transpose(0, -1).to_vector() == x.permute({2, 1, 0}).to_vector());
  CHECK_THROWS_WITH(x.permute({0, 0, 1}),
                    "permute: axes 0, 0, 1 of [2, 3, 4]; each axis is there once");
  CHECK_THROWS_AS(x.transpose(0, 3), ShapeError);
  CHECK(Tensor::zeros({0, 3}).transpose().shape() == Shape({3, 0}));
}

TEST_CASE("tensor: element types", "[engine]") {
  for (DType dtype : {DType::f32, DType::f64, DType::i32, DType::u8}) {
    const Tensor t = Tensor::from({2}, {3, 200}, dtype);
    CHECK(t.bytes() == 2 * size_of(dtype));
    CHECK(t.to_vector() == std::vector<double>{3, 200});
  }
  const Tensor t = Tensor::from({1}, {2.5});
  CHECK(t.item() == 2.5);
  CHECK_THROWS_WITH(t.data<double>(), "tensor [1] holds f32, read as f64");
  CHECK_THROWS_AS(Tensor::from({2}, {1}), ShapeError);
  CHECK_THROWS_AS(Tensor::from({2}, {1, 2}).item(), ShapeError);
  CHECK_FALSE(Tensor().defined());
  CHECK_THROWS_AS(Tensor().raw(), Error);
}

}  // namespace weft
