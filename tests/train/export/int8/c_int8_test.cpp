// Exported int8 C: compiled without a warning by every compiler that is here, and on 32 bits, it gives
// the bits of weft's emulation.
#include "train/export/int8/c_int8.h"

#include <algorithm>
#include <cmath>

#include "engine/philox.h"
#include "tests/support/catch.h"
#include "tests/train/export/c_peer.h"
#include "tests/train/export/int8/int8_cases.h"
#include "train/export/normalise_inputs.h"

using namespace weft;
using namespace weft::test;

namespace {

/// Bit for bit, on these inputs.
void check_bits(const TempFolder& folder, const Int8Network& net, const Tensor& x,
                const std::string& compiler, const std::string& standard = "c99") {
  INFO(compiler << " " << standard);
  write(folder.file("input"), x.raw(), x.bytes());
  write_program(folder, net.network, c_source(net, {"net", false, {"a note"}}));
  compile_and_run(folder, compiler, standard);
  CpuContext cpu(2);
  const std::vector<Tensor> wanted = run_int8(&cpu, net, x);
  std::vector<float> all;
  for (int64_t n = 0; n < x.shape()[0]; ++n)
    for (const Tensor& y : wanted) {
      const Tensor row = y.rows(n, 1);
      all.insert(all.end(), row.data<float>(), row.data<float>() + row.numel());
    }
  CHECK(read_floats(folder.file("output")) == all);
}

void check_case(const TempFolder& folder, const std::string& name, const std::string& compiler) {
  INFO(name);
  const ExportCase& c = export_case(name);
  check_bits(folder, int8_case(c), random_inputs(c), compiler);
}

/// A picture [1, H, W, 3] of pixels some of whose steps are others where whoever normalises them keeps
/// more digits: a product that is not rounded before it is added, as a fused one, or a quotient.
Tensor delicate_pixels(const Int8Network& net, const Shape& input) {
  const ExportedNode& first = net.network.nodes[1];
  const Quantisation& q = net.nodes[1].q;
  const Philox words(4, Stream::data, 0, "int8.delicate");
  std::vector<float> found;
  for (uint64_t i = 0; i < 2'000'000; ++i) {
    float x[3];
    for (uint64_t c = 0; c < 3; ++c) x[c] = static_cast<float>(words.uniform(3 * i + c));
    bool delicate = false;
    for (int k = 0; k < 3; ++k) {
      float v = first.weights[1].data<float>()[k];
      auto exact = static_cast<double>(v);
      for (int c = 0; c < 3; ++c) {
        const auto* w = first.weights[0].data<float>();
        const float a = first.kind == NodeKind::linear ? w[3 * k + c] : c == k ? w[k] : 0;
        const float term = a * x[c];
        v += term;
        exact += static_cast<double>(a) * static_cast<double>(x[c]);
      }
      const double step = std::nearbyint(exact / static_cast<double>(q.scale)) + q.zero;
      delicate = delicate || quantise(v, q) != std::clamp(step, -128.0, 127.0);
    }
    if (delicate) found.insert(found.end(), x, x + 3);
  }
  REQUIRE(found.size() >= 3 * 4);
  const Tensor out = Tensor::empty({1, input[0], input[1], 3}, DType::f32);
  for (int64_t i = 0; i < out.numel(); ++i)
    out.data<float>()[i] = found[static_cast<size_t>(i) % found.size()];
  return out;
}

}  // namespace

TEST_CASE("int8: C gives the emulation's bits, without a warning, under clang too", "[int8][c]") {
  const TempFolder folder;
  for (const char* compiler : {"gcc", "clang"}) {
    if (!works(folder, compiler)) WEFT_SKIP(std::string("no ") + compiler);
    for (const char* name :
         {"hard resnet18 aspp", "adashare resnet18 plain", "mtan resnet18 plain",
          "hard resnet18 own norm", "hard mlp relu batch", "adashare mlp silu none"})
      check_case(folder, name, compiler);
  }
}

TEST_CASE("int8: C gives the emulation's bits on 32 bits", "[int8][c]") {
  const TempFolder folder;
  if (!works(folder, "gcc -m32")) WEFT_SKIP("gcc makes no 32-bit programs (gcc-multilib)");
  for (const char* name : {"adashare resnet18 aspp", "hard mlp gelu none"})
    check_case(folder, name, "gcc -m32");
}

TEST_CASE("int8: C gives the emulation's bits, in every way of sharing, trunk and head",
          "[int8][c][slow]") {
  const TempFolder folder;
  if (!works(folder, "gcc")) WEFT_SKIP("no gcc");
  for (const ExportCase& c : export_cases())
    if (!is_text(c)) check_case(folder, c.name, "gcc");
}

TEST_CASE(
    "int8: C that normalises its input gives the emulation's bits, where compilers fuse and keep "
    "more bits too",
    "[int8][c]") {
  const TempFolder folder;
  if (!works(folder, "gcc")) WEFT_SKIP("no gcc");
  const ExportCase& c = export_case("hard resnet18 plain");
  const Int8Network outside = int8_case(c);
  for (const auto& [how, seen] : {std::pair{Normalize::imagenet, Range{-2.2, 2.7}},
                                  std::pair{Normalize::caffe, Range{-124, 152}}}) {
    LearnedFromData learned;
    learned.normalize = how;
    std::vector<Range> ranges{{}};
    for (const Int8Node& node : outside.nodes)
      ranges.push_back({static_cast<double>(node.q.scale) * (-128 - node.q.zero),
                        static_cast<double>(node.q.scale) * (127 - node.q.zero)});
    ranges[1] = seen;  // of pixels 0 .. 1
    const Int8Network net =
        quantised(normalised_inside(outside.network, learned), ranges, /*normalised=*/true);
    for (const char* compiler : {"gcc", "gcc -m32"})
      if (works(folder, compiler)) check_bits(folder, net, random_inputs(c), compiler);
    // The processor's own instructions, fused ones among them where it has any; and x87.
    const Tensor delicate = delicate_pixels(net, c.input);
    for (const char* compiler :
         {"gcc -march=native", "clang -march=native -ffp-contract=fast", "gcc -mfpmath=387"})
      if (works(folder, compiler)) check_bits(folder, net, delicate, compiler, "gnu99");
  }
}

TEST_CASE("int8: C keeps bytes between layers, and says of what it is made", "[int8][c]") {
  const ExportCase& c = export_case("adashare resnet18 aspp");
  const Int8Network net = int8_case(c);
  const CSource small = c_source(net, {"net", false, {}});
  const CSource large = c_source(net.network, {"net", false, {}});
  CHECK(small.memory_bytes * 2 < large.memory_bytes);  // maps are a quarter, and there are sums
  CHECK(small.source.size() * 2 < large.source.size());
  CHECK(small.source.find("double") == std::string::npos);
  CHECK(small.source.find("math.h") == std::string::npos);
  CHECK_THAT(message_of<ConfigError>([&] {
               c_source(net, {"net", true, {}});
             }),
             contains_text("--blob: of --quantise the weights are arrays"));
  CHECK_THAT(message_of<ConfigError>([&] {
               c_source(net, {"2net", false, {}});
             }),
             contains_text("'2net' is no name for C functions"));
}

TEST_CASE("int8: what C cannot hold is refused without ranges, as with them", "[int8][c]") {
  const ExportedNetwork& network = random_model(export_case("hard resnet18 plain")).exported();
  check_int8_source(network, {"net", false, {}});
  ExportedNetwork large = network;
  for (ExportedNode& node : large.nodes)
    if (node.kind == NodeKind::conv) {
      node.weights[0] = Tensor::empty({1, 1, 1, int64_t{33} << 20}, DType::f32);
      break;
    }
  CHECK_THAT(message_of<ConfigError>([&] {
               check_int8_source(large, {"net", false, {}});
             }),
             contains_text("MB of int8 weights are more than a compiler takes as arrays (up to "
                           "33); --format onnx has room"));
  ExportedNetwork same = network;
  same.outputs[0].task = "a task";
  same.outputs[1].task = "a_task";
  CHECK_THAT(message_of<ConfigError>([&] {
               check_int8_source(same, {"net", false, {}});
             }),
             contains_text("task 'a_task' has the C name a_task, as another one has"));
}
