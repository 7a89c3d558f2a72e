// The plan of int8 networks, and their emulation against the f32 network: every way of sharing, trunk
// and head; what is refused.
#include "train/export/int8/quantise.h"

#include <algorithm>
#include <cmath>

#include "tests/support/catch.h"
#include "tests/support/temp_folder.h"
#include "tests/train/export/int8/int8_cases.h"
#include "train/export/int8/calibrate.h"
#include "train/export/normalise_inputs.h"
#include "train/export/run_network.h"

using namespace weft;
using namespace weft::test;

namespace {

Tensor tensor(const Shape& shape, const std::vector<double>& v) { return Tensor::from(shape, v); }

/// y of one row, through an int8 network whose ranges are those of `rows`.
std::vector<double> through(const ExportedNetwork& network, const Tensor& rows) {
  CpuContext cpu(1);
  Calibration calibration(network);
  calibration.observe(&cpu, rows);
  return run_int8(&cpu, quantised(network, calibration.ranges()), rows)[0].to_vector();
}

}  // namespace

TEST_CASE("int8: a network gives what f32 gives but for its steps, in every way of sharing",
          "[int8]") {
  std::vector<double> off;
  for (const ExportCase& c : export_cases()) {
    if (is_text(c)) continue;
    INFO(c.name);
    RandomModel& random = random_model(c);
    const Tensor x = random_inputs(c);
    const std::vector<Tensor> wanted = run_network(random.context(), random.exported(), x);
    const std::vector<Tensor> found = run_int8(random.context(), int8_case(c), x);
    REQUIRE(found.size() == wanted.size());
    for (size_t k = 0; k < wanted.size(); ++k) {
      REQUIRE(found[k].shape() == wanted[k].shape());
      off.push_back(rms_difference(wanted[k].to_vector(), found[k].to_vector()));
      // Random layers add up noise, and an output may be small by cancellation.
      CHECK(off.back() < 0.35);
      CHECK(off.back() > 1e-5);  // it is another network
    }
  }
  std::sort(off.begin(), off.end());
  CHECK(off[off.size() / 2] < 0.03);  // a wrong scale or zero anywhere gives 1 in its family
}

TEST_CASE("int8: weights are symmetric by output channel, and 127 steps are the largest of each",
          "[int8]") {
  Chain chain({1, 1, 2});
  chain.then(NodeKind::linear, {tensor({2, 2}, {0.5, -1, 200, 100}), tensor({2}, {0.25, -3})}, 2);
  const Int8Network net = quantised(chain.network(), {{-1, 1}, {-2, 2}});
  const Int8Weight& w = net.weight(1);
  CHECK(w.values == std::vector<int8_t>{64, -127, 127, 64});  // 63.5 goes to the even one
  CHECK(w.scale[0] == static_cast<float>(1 / 127.0));
  CHECK(w.scale[1] == static_cast<float>(200 / 127.0));
  CHECK(net.nodes[1].f32);  // nobody but the task reads it
  const double step = static_cast<double>(net.nodes[0].q.scale) * static_cast<double>(w.scale[1]);
  CHECK(net.nodes[1].bias[1] == std::lround(-3 / step));
}

TEST_CASE("int8: relu that alone reads a layer is that layer's clamp, another one a table",
          "[int8]") {
  Chain chain({1, 1, 2});
  const Tensor w = tensor({2, 2}, {1, 0, 0, 1});
  chain.then(NodeKind::linear, {w}, 2).then(NodeKind::relu).then(NodeKind::linear, {w}, 2);
  const ExportedNetwork network = chain.network();
  const std::vector<Range> ranges{{-1, 1}, {-1, 1}, {0, 1}, {0, 1}};
  const Int8Network net = quantised(network, ranges);
  CHECK(net.nodes[2].same_step);
  CHECK(net.nodes[1].q.zero == -128);
  CHECK(net.nodes[1].q.scale == net.nodes[2].q.scale);
  ExportedNetwork read_twice = network;
  read_twice.outputs.push_back({"before", 1});
  const Int8Network other = quantised(read_twice, ranges);
  CHECK_FALSE(other.nodes[2].same_step);
  CHECK(other.nodes[1].q.zero != -128);
  const std::vector<int8_t> table = function_table(other, 2);
  CHECK(table.front() == -128);
  CHECK(table.back() == 127);
}

TEST_CASE("int8: every kind of node gives its own function of steps to half a step of its output",
          "[int8]") {
  const Tensor rows = Tensor::from({4, 2, 2, 2}, [] {
    std::vector<double> v;
    for (int i = 0; i < 32; ++i) v.push_back(std::sin(1.7 * i) * 2);
    return v;
  }());
  CpuContext cpu(1);
  const auto worst = [&](const ExportedNetwork& network) {
    const Tensor wanted = run_network(&cpu, network, rows)[0];
    const std::vector<double> found = through(network, rows), exact = wanted.to_vector();
    const auto [low, high] = std::minmax_element(exact.begin(), exact.end());
    double off = 0;
    for (size_t i = 0; i < exact.size(); ++i) off = std::max(off, std::abs(exact[i] - found[i]));
    return off / (std::max(*high, 0.0) - std::min(*low, 0.0)) * 255;
  };
  // Half a step of its own, and of its input's half as much as it is steep, in steps of the output.
  for (const NodeKind kind : {NodeKind::relu, NodeKind::sigmoid, NodeKind::tanh, NodeKind::silu,
                              NodeKind::softplus, NodeKind::gelu}) {
    INFO(name_of(kind));
    CHECK(worst(Chain({2, 2, 2}).then(kind).network()) < 2);
  }
  CHECK(worst(Chain({2, 2, 2}).then(NodeKind::mean).network()) < 3);
  CHECK(worst(Chain({2, 2, 2})
                  .then(NodeKind::affine, {tensor({2}, {-2, 0.5}), tensor({2}, {3, -0.1})})
                  .network()) < 2);
  for (const NodeKind kind : {NodeKind::add, NodeKind::mul, NodeKind::concat}) {
    INFO(name_of(kind));
    Chain chain({2, 2, 2});
    chain.then(NodeKind::tanh).then(kind, {}, kind == NodeKind::concat ? 4 : 2);
    chain.last().inputs = {0, 1};
    CHECK(worst(chain.network()) < 4);
  }
  Chain sum({2, 2, 2});
  sum.then(NodeKind::tanh).then(NodeKind::weighted_sum, {tensor({2}, {0.75, -1.5})});
  sum.last().inputs = {0, 1};
  CHECK(worst(sum.network()) < 4);
  Chain pool({2, 2, 2});
  pool.then(NodeKind::max_pool);
  pool.last().pool = {2, 1, 0, false};
  pool.last().shape = {1, 1, 2};
  CHECK(worst(pool.network()) < 1.01);
  Chain slice({2, 2, 2});
  slice.then(NodeKind::slice, {}, 1);
  slice.last().begin = 1;
  CHECK(worst(slice.network()) < 1.01);
}

TEST_CASE("int8: an input that is normalised inside is quantised after that", "[int8]") {
  LearnedFromData learned;
  learned.columns.resize(2);
  learned.columns[0].mean = 40;
  learned.columns[0].deviation = 10;
  learned.columns[1].mean = -3;
  learned.columns[1].deviation = 0.5;
  Chain chain({1, 1, 2});
  chain.then(NodeKind::linear, {tensor({1, 2}, {1, -1}), tensor({1}, {0})}, 1);
  const ExportedNetwork inside = normalised_inside(chain.network(), learned);
  const std::vector<Range> outside{{-2, 2}, {-4, 4}};
  const Int8Network a = quantised(chain.network(), outside),
                    b = quantised(inside, {{}, outside[0], outside[1]}, /*normalised=*/true);
  CpuContext cpu(1);
  const Tensor seen = tensor({2, 1, 1, 2}, {1.1, -0.6, -1.9, 0.2});
  const Tensor raw = tensor({2, 1, 1, 2}, {51, -3.3, 21, -2.9});
  CHECK(run_int8(&cpu, a, seen)[0].to_vector() == run_int8(&cpu, b, raw)[0].to_vector());
  CHECK_THAT(message_of<ShapeError>([&] {
               run_int8(&cpu, b, tensor({1, 1, 1, 3}, {1, 2, 3}));
             }),
             contains_text("run_int8: the input is [1, 1, 1, 3], the network's [1, 1, 1, 2]"));
}

TEST_CASE("int8: what int8 cannot hold is refused by its layer", "[int8]") {
  Chain chain({1, 1, 70000});
  chain.then(NodeKind::linear, {Tensor::full({1, 70000}, 0.5)}, 1);
  CHECK_THAT(message_of<ConfigError>([&] {
               quantised(chain.network(), {{-1, 1}, {-1, 1}});
             }),
             contains_text("export: node 1 (linear) cannot be int8: its sums over 70000 inputs are "
                           "more than 32 bits hold; leave --quantise out"));
  Chain broken({1, 1, 1});
  broken.then(NodeKind::linear, {tensor({1, 1}, {INFINITY})}, 1);
  CHECK_THAT(message_of<ConfigError>([&] {
               quantised(broken.network(), {{-1, 1}, {-1, 1}});
             }),
             contains_text("node 1 (linear) cannot be int8: a weight is not finite"));
  CpuContext cpu(1);
  Calibration calibration(broken.network());
  CHECK_THAT(message_of<Error>([&] { calibration.ranges(); }),
             contains_text("nothing was observed"));
  const ExportedNetwork network = broken.network();
  Calibration seen(network);
  seen.observe(&cpu, tensor({2, 1, 1, 1}, {1, 0}));
  CHECK_THAT(message_of<ConfigError>([&] { quantised(network, seen.ranges()); }),
             contains_text("its values on the calibration's images are not finite"));
}
