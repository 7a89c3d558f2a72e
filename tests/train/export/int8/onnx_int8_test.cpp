// Exported int8 ONNX: ONNX Runtime, where a Python that has it is named, gives what weft's emulation
// gives. It multiplies by scales in f32 where weft has integers, so a value beside the middle between
// two steps may go to the other one. That is rare, and a step of one value is less than what int8
// costs: half a step, more or less, of every value. So outputs are those of the emulation to 1e-5 but
// for a few, and by no task farther from them than they are from f32's.
#include <algorithm>
#include <fstream>

#include "tests/support/catch.h"
#include "tests/support/source_dir.h"
#include "tests/train/export/int8/int8_cases.h"
#include "tests/train/export/peer.h"
#include "train/export/onnx_model.h"
#include "train/export/run_network.h"

using namespace weft;
using namespace weft::test;

namespace {

bool cpu_has_vnni() {
  std::ifstream in("/proc/cpuinfo");
  const std::string text{std::istreambuf_iterator<char>(in), {}};
  return text.find("vnni") != std::string::npos;
}

/// Without VNNI run_onnx.py asks ONNX Runtime for kernels that do not saturate, a mode in which its
/// release 1.32 stops at int8 weights that two nodes read.
bool shares_weights(const Int8Network& net) {
  size_t uses = 0;
  for (size_t i = 0; i < net.nodes.size(); ++i) uses += net.nodes[i].bias.empty() ? 0 : 1;
  return uses > net.weights.size();
}

struct Case {
  std::string name, stem;
  std::vector<Tensor> f32, int8;
};

}  // namespace

TEST_CASE(
    "int8: ONNX Runtime gives the emulation's outputs, in every way of sharing, trunk and head",
    "[int8][onnx]") {
  if (!has_onnx()) WEFT_SKIP("built without ONNX's library (libonnx-dev)");
  const TempFolder folder;
  const std::string python = python_with_onnxruntime(folder);
  if (python.empty()) WEFT_SKIP("no Python with onnxruntime (WEFT_ONNX_PYTHON names one)");
  std::vector<Case> cases;
  std::string arguments;
  for (const ExportCase& c : export_cases()) {
    // Bottlenecks of both semantics have the same nodes: once is enough, as the deepest of all, random,
    // have the most values beside a middle.
    if (is_text(c) || c.options.trunk.stride_on_first) continue;
    RandomModel& random = random_model(c);
    const Int8Network net = int8_case(c);
    if (shares_weights(net) && !cpu_has_vnni()) continue;
    const Tensor x = random_inputs(c);
    const std::string stem = folder.file(std::to_string(cases.size()));
    write(stem + ".input", x.raw(), x.bytes());
    write(stem + ".onnx", onnx_model(net, {}).bytes);
    arguments +=
        fmt::format(" {0}.onnx {1}x{2} {0}.input {0}.output", stem, c.input[0], c.input[1]);
    cases.push_back({c.name, stem, run_network(random.context(), random.exported(), x),
                     run_int8(random.context(), net, x)});
  }
  const auto [status, said] =
      shell(folder, fmt::format("{} {}/bench/peer/run_onnx.py{}", python, source_dir(), arguments));
  INFO(said);
  REQUIRE(status == 0);
  int64_t same = 0, all = 0;
  for (const Case& c : cases) {
    INFO(c.name);
    const std::vector<float> found = read_floats(c.stem + ".output");
    const int64_t pictures = c.int8[0].shape()[0];
    const int64_t row = static_cast<int64_t>(found.size()) / pictures;
    int64_t at = 0;
    for (size_t k = 0; k < c.int8.size(); ++k) {
      const int64_t each = c.int8[k].shape().inner(1);
      std::vector<double> y;
      for (int64_t n = 0; n < pictures; ++n)
        y.insert(y.end(), found.begin() + n * row + at, found.begin() + n * row + at + each);
      at += each;
      const std::vector<double> wanted = c.int8[k].to_vector();
      double scale = 0;
      for (const double v : wanted) scale = std::max(scale, std::abs(v));
      for (size_t i = 0; i < y.size(); ++i) same += std::abs(y[i] - wanted[i]) < 1e-5 * scale;
      all += static_cast<int64_t>(y.size());
      CHECK(rms_difference(wanted, y) <= rms_difference(c.f32[k].to_vector(), wanted));
    }
    CHECK(at == row);
  }
  CHECK(static_cast<double>(same) > 0.99 * static_cast<double>(all));
}

TEST_CASE("int8: an ONNX file holds the weights in bytes", "[int8][onnx]") {
  if (!has_onnx()) WEFT_SKIP("built without ONNX's library (libonnx-dev)");
  const Int8Network net = int8_case(export_case("hard vgg16"));
  const OnnxModel small = onnx_model(net, {}), large = onnx_model(net.network, {});
  CHECK(small.bytes.find("QuantizeLinear") != std::string::npos);
  CHECK(small.bytes.size() * 2 < large.bytes.size());
  CHECK(small.size == large.size);
}
