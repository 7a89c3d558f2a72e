// gather and embedding: every axis, ids of any shape, none and repeated ones on both sides of a
// piece and of a sorted tile, the order of their sums, and what they refuse.
#include <cmath>

#include "engine/philox.h"
#include "ops/gather.h"
#include "tests/support/op_check.h"

namespace weft {
namespace {

Tensor ids_of(const Shape& shape, const Values& values) {
  return Tensor::from(shape, values, DType::i32);
}

/// Random ones; with `skewed`, half of them are the last value.
Tensor some_ids(const Shape& shape, int64_t values, bool skewed = false) {
  const Philox philox(7, Stream::data, 3, "ids");
  Values ids(static_cast<size_t>(shape.numel()));
  for (size_t i = 0; i < ids.size(); ++i)
    ids[i] = static_cast<double>(skewed && i % 2 == 0 ? values - 1 : philox.below(i, values));
  return ids_of(shape, ids);
}

void check_gather(const Shape& x, int axis, const Tensor& ids) {
  const int64_t outer = x.outer(axis), values = x[axis], inner = x.inner(axis + 1);
  OpCase c;
  c.name = fmt::format("gather {} axis {} ids {}", x, axis, ids.shape());
  c.inputs = {x};
  c.op = [=](const std::vector<Var>& v) {
    const Tensor there = on_tape(v[0].tape(), ids);
    return axis == 0 && x.rank() == 2 ? embedding(v[0], there) : gather(v[0], axis, there);
  };
  c.naive = [=](const std::vector<Values>& v) {
    Values y;
    const Values id = ids.to_vector();
    for (int64_t o = 0; o < outer; ++o)
      for (const double i : id)
        for (int64_t j = 0; j < inner; ++j)
          y.push_back(
              v[0][static_cast<size_t>((o * values + static_cast<int64_t>(i)) * inner + j)]);
    return y;
  };
  op_check(c);
}

}  // namespace

TEST_CASE("embedding: tables and ids", "[ops]") {
  check_gather({1, 1}, 0, ids_of({1}, {0}));
  check_gather({5, 3}, 0, ids_of({}, {4}));
  check_gather({5, 4}, 0, ids_of({2, 3}, {4, 0, 0, 2, 4, 4}));
  check_gather({7, 8}, 0, some_ids({2, 3, 2, 2}, 7));
  check_gather({101, 5}, 0, some_ids({3}, 101));
  check_gather({3, 37}, 0, some_ids({11}, 3));
  check_gather({11, 260}, 0, some_ids({23}, 11));
  for (const int64_t n : {63, 64, 65, 129}) check_gather({1, 3}, 0, some_ids({n}, 1));
  for (const int64_t n : {1023, 1024, 1025, 2049, 5003}) {
    check_gather({13, 4}, 0, some_ids({n}, 13, true));
    check_gather({6007, 1}, 0, some_ids({n}, 6007, true));
  }
  check_gather({5, 3}, 0, some_ids({0}, 5));
  check_gather({5, 0}, 0, some_ids({4}, 5));
  check_gather({0, 3}, 0, some_ids({2, 0}, 1));
}

TEST_CASE("gather: every axis", "[ops]") {
  check_gather({6}, 0, ids_of({3, 2}, {5, 0, 5, 1, 5, 5}));
  check_gather({3, 6}, 1, some_ids({10}, 6));
  check_gather({3, 6}, 1, some_ids({200}, 6, true));
  check_gather({2, 5, 3, 4}, 1, some_ids({7}, 5));
  check_gather({2, 5, 3, 4}, 2, some_ids({2, 3}, 3));
  check_gather({2, 5, 3, 7}, 3, some_ids({5}, 7));
  check_gather({2, 3, 5, 2, 4}, 0, some_ids({3}, 2));
  check_gather({0, 5, 2}, 1, some_ids({3}, 5));
}

TEST_CASE("gather: a gradient's sum is in the order of ids, whatever their values", "[ops]") {
  // The same ids under other names give the same rows, bit for bit.
  const auto gradient = [](const Tensor& ids, int64_t row) {
    Tape tape(test_device());
    OpCase c;
    c.inputs = {{ids.numel(), 3}};
    const Var table = tape.leaf(on_tape(tape, Tensor::from({50, 3}, Values(150, 0.0))));
    const Var y = embedding(table, on_tape(tape, ids));
    tape.backward(y, on_tape(tape, Tensor::from(c.inputs[0], case_values(c, 0))));
    const Tensor all = from_tape(tape, tape.grad(table));
    const Values values = all.to_vector();
    return Values(values.begin() + 3 * row, values.begin() + 3 * row + 3);
  };
  Values low, high;
  for (int i = 0; i < 1500; ++i) {
    low.push_back(i % 3 == 0 ? 0 : 1 + i % 7);
    high.push_back(i % 3 == 0 ? 49 : i % 11);
  }
  CHECK(gradient(ids_of({1500}, low), 0) == gradient(ids_of({1500}, high), 49));
}

TEST_CASE("gather and embedding: what they refuse", "[ops]") {
  CpuContext ctx(1);
  Tape tape(&ctx);
  const auto var = [&](const Shape& s) {
    return tape.leaf(Tensor::from(s, Values(static_cast<size_t>(s.numel()), 1.0)));
  };
  const Tensor two = ids_of({2}, {0, 1});
  check_shape_error([&] { embedding(var({3}), two); },
                    "embedding: the table must be [V, C], got [3]");
  check_shape_error([&] { gather(var({3, 2}), 2, two); }, "gather: axis 2 is outside of x [3, 2]");
  check_shape_error(
      [&] {
        gather(var({3, 2}), -3, two);
      },
      "gather: axis -3 is outside of x [3, 2]");
  check_shape_error(
      [&] {
        embedding(var({3, 2}), Tensor::from({2}, {0, 1}));
      },
      "embedding: ids must be i32, and are f32");
  check_shape_error(
      [&] {
        embedding(var({3, 2}), Tensor());
      },
      "embedding: ids must be i32, and are undefined");
  check_shape_error(
      [&] {
        gather(var({1, 2, 3, 4}), 1, ids_of({1, 1, 1}, {0}));
      },
      "gather: ids [1, 1, 1] in axis 1 of [1, 2, 3, 4] would make more than 5 axes");
  const auto message = [](auto&& call) -> std::string {
    try {
      call();
    } catch (const DataError& e) {
      return e.what();
    }
    return "";
  };
  CHECK(
      message([&] {
        embedding(var({3, 2}), ids_of({2, 2}, {0, 2, 3, 1}));
      }).find("embedding: id 3 at place 2 of [2, 2] is not in [0, 3), axis 0 of [3, 2] (tests/") ==
      0);
  CHECK(message([&] {
          gather(var({3, 2}), -1, ids_of({1}, {-1}));
        }).find("gather: id -1 at place 0 of [1] is not in [0, 2), axis 1 of [3, 2] (tests/") == 0);
}

TEST_CASE("cuda: an id that names no row makes its part of y NaN", "[ops][cuda]") {
  WEFT_NEEDS_CUDA();
  Tape tape(cuda_device());
  const Var table = tape.leaf(on_tape(tape, Tensor::from({2, 4}, Values(8, 1.0))));
  const Var y = embedding(table, on_tape(tape, ids_of({4}, {1, 2, -1, 0})));
  const Values got = from_tape(tape, y.value()).to_vector();
  for (size_t i = 0; i < got.size(); ++i)
    CHECK((i / 4 == 1 || i / 4 == 2 ? std::isnan(got[i]) : got[i] == 1));
  tape.backward(y, on_tape(tape, Tensor::from({4, 4}, Values(16, 0.5))));
  CHECK(from_tape(tape, tape.grad(table)).to_vector() == Values(8, 0.5));
}

}  // namespace weft
