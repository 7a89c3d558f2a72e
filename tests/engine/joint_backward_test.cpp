// JointBackward: which nodes each loss passes and with which rows, what is handed over, what is freed.
#include "engine/joint_backward.h"

#include <map>

#include "ops/concat.h"
#include "ops/pointwise.h"
#include "ops/reduce.h"
#include "ops/slice.h"
#include "tests/support/catch.h"
#include "tests/support/weigh.h"

namespace weft {
namespace {

using Values = std::vector<double>;

Tensor tensor(const Values& values) {
  return Tensor::from({static_cast<int64_t>(values.size())}, values, DType::f64);
}

/// y = x; notes first row and rows of every backward pass.
struct Watched final : Op {
  std::vector<std::pair<int64_t, int64_t>>* passes;
  bool rows;
  Watched(std::vector<std::pair<int64_t, int64_t>>* p, bool r) : passes(p), rows(r) {}
  const char* name() const override { return "watched"; }
  void backward(Backward& b) override {
    passes->emplace_back(b.first_row(), b.dout().shape()[0]);
    b.pass(0, b.dout());
  }
  bool by_rows(const Backward&) const override { return rows; }
};

Var watched(const Var& x, std::vector<std::pair<int64_t, int64_t>>* passes, bool rows = true) {
  return x.tape().record(std::make_unique<Watched>(passes, rows), {x}, x.value(),
                         SourceLoc::here());
}

using Rows = std::map<std::string, std::vector<Values>>;

Rows run(JointBackward& joint) {
  Rows rows;
  joint.run([&](Parameter& p, std::vector<Tensor>& gradients) {
    REQUIRE(rows.count(p.name) == 0);
    for (const Tensor& g : gradients)
      rows[p.name].push_back(g.defined() ? g.to_vector() : Values{});
  });
  return rows;
}

}  // namespace

TEST_CASE("joint backward: a node is passed by the losses that reach it, with their rows alone",
          "[engine]") {
  CpuContext ctx(1);
  Tape tape(&ctx);
  Parameter w{"w", tensor({1, 2, 3, 4}), {}, true}, own{"own", tensor({5}), {}, true};
  std::vector<std::pair<int64_t, int64_t>> common, stacked, padded, head;
  const Var x = watched(square(tape.use(w)), &common);
  const Var y = watched(watched(concat({x, scale(x, 10)}, 0), &stacked), &padded, /*rows=*/false);
  const Var first = sum(slice(y, 0, 0, 4));
  const Var second = sum(mul(slice(y, 0, 6, 2), watched(tape.use(own), &head)));
  JointBackward joint({first, second});
  const Rows rows = run(joint);
  CHECK(rows.at("w") == std::vector<Values>{{2, 4, 6, 8}, {0, 0, 300, 400}});
  CHECK(rows.at("own") == std::vector<Values>{{}, {250}});
  using Passes = std::vector<std::pair<int64_t, int64_t>>;
  CHECK(head == Passes{{0, 1}});
  CHECK(padded == Passes{{0, 8}, {0, 8}});
  CHECK(stacked == Passes{{0, 8}, {0, 8}});
  CHECK(common == Passes{{0, 4}, {0, 4}});
}

TEST_CASE("joint backward: streams that parted cost what they cost once", "[engine]") {
  CpuContext ctx(1);
  Tape tape(&ctx);
  Parameter w{"w", tensor({1, 2, 3, 4, 5, 6}), {}, true};
  std::vector<std::pair<int64_t, int64_t>> passes;
  const Var y = square(watched(square(tape.use(w)), &passes));
  std::vector<Var> losses;
  for (int64_t k : {0, 1, 2}) losses.push_back(sum(slice(y, 0, 2 * k, 2)));
  JointBackward joint(losses);
  const Rows rows = run(joint);
  CHECK(passes == std::vector<std::pair<int64_t, int64_t>>{{0, 2}, {2, 2}, {4, 2}});
  CHECK(rows.at("w")[1] == Values{0, 0, 108, 256, 0, 0});
}

TEST_CASE("joint backward: a parameter that is used twice is handed over once, whole", "[engine]") {
  CpuContext ctx(1);
  Tape tape(&ctx);
  Parameter w{"w", tensor({3}), {}, true};
  const Var a = square(tape.use(w)), b = mul(a, tape.use(w));
  JointBackward joint({b, scale(a, 5)});
  CHECK(run(joint).at("w") == std::vector<Values>{{27}, {30}});
  CHECK_THROWS_WITH(run(joint), contains_text("run() was called before"));
}

TEST_CASE("joint backward: a leaf that is no parameter gets the sum, and nodes are freed",
          "[engine]") {
  CpuContext ctx(1);
  Tape tape(&ctx);
  const Var x = tape.leaf(tensor({3}));
  const Var y = square(x);
  JointBackward joint({scale(y, 2), scale(y, 3)});
  run(joint);
  CHECK(tape.grad(x).item() == 30);
  CHECK_THROWS_WITH(tape.backward(y), contains_text("already differentiated"));
}

TEST_CASE("joint backward: the weighted pass goes through common nodes and shared weights only",
          "[engine]") {
  CpuContext ctx(1);
  Tape tape(&ctx);
  Parameter w{"w", tensor({3}), {}, true}, shared{"shared", tensor({2}), {}, true};
  Parameter own{"own", tensor({7}), {}, true};
  std::vector<std::pair<int64_t, int64_t>> trunk, stream, head;
  const Var x = watched(square(tape.use(w)), &trunk);             // 9
  const Var s = watched(mul(x, tape.use(shared)), &stream);       // stream 0: 18
  const Var first = watched(mul(s, tape.use(own)), &head);        // 126
  const Var second = mul(mul(x, scale(x, 1)), tape.use(shared));  // stream 1: 162
  JointBackward joint({first, second}, [](const Parameter&, int by) { return by > 1; });
  const Rows rows = run(joint);
  CHECK(rows.at("w") == std::vector<Values>{{84}, {216}});
  CHECK(rows.at("shared") == std::vector<Values>{{63}, {81}});
  CHECK(rows.at("own") == std::vector<Values>{{18}, {}});
  joint.run_weighted(weigh_by(&ctx, {10, 1}), {&w, &shared});
  CHECK(w.grad.item() == 840 + 216);
  CHECK(shared.grad.item() == 630 + 81);
  CHECK_FALSE(own.grad.defined());
  CHECK(trunk.size() == 3);  // once a loss, and once more
  CHECK(stream.size() == 2);
  CHECK(head.size() == 2);  // it leads to `shared` by a way of its own
  CHECK_THROWS_WITH(joint.run_weighted(weigh_by(&ctx, {10, 1}), {&w}), contains_text("comes once"));
}

TEST_CASE("joint backward: a head is not passed again, only what it gave", "[engine]") {
  CpuContext ctx(1);
  Tape tape(&ctx);
  Parameter w{"w", tensor({3}), {}, true}, own{"own", tensor({7}), {}, true};
  std::vector<std::pair<int64_t, int64_t>> head;
  const Var x = square(tape.use(w));
  const Var first = watched(mul(x, tape.use(own)), &head), second = scale(x, 5);
  JointBackward joint({first, second}, [](const Parameter&, int by) { return by > 1; });
  run(joint);
  joint.run_weighted(weigh_by(&ctx, {2, 3}), {&w});
  CHECK(w.grad.item() == 2 * 42 + 3 * 30);
  CHECK(head.size() == 1);
}

}  // namespace weft
