// build/weft-run as a stranger starts it: every exported case's outputs, on each set of kernels that this
// CPU has and on two threads; convolutions of odd sizes against weft's own; what it refuses; its size.
#include <filesystem>

#include "tests/support/catch.h"
#include "tests/support/temp_folder.h"
#include "tests/train/export/peer.h"
#include "train/export/at_size.h"
#include "train/export/network_file.h"
#include "train/export/run_network.h"

using namespace weft;
using namespace weft::test;

namespace {

const std::string program = WEFT_RUN;  ///< empty: it was not built

#define NEEDS_WEFT_RUN() \
  if (program.empty()) WEFT_SKIP("weft-run was not built (static libraries, or a sanitizer)")

/// Those that this CPU has, by the answer to one that none has.
std::vector<std::string> kernel_sets(const TempFolder& folder) {
  const ExportCase& c = export_case("hard mlp relu batch");
  write_network(folder.file("sets.safetensors"), random_model(c).exported(), {});
  const std::string said = shell(folder, fmt::format("{} {} in out --raw --kernels none", program,
                                                     folder.file("sets.safetensors")))
                               .second;
  std::vector<std::string> sets;
  for (const char* name : {"avx512", "avx2", "plain"})
    if (said.find(name) != std::string::npos) sets.emplace_back(name);
  REQUIRE(!sets.empty());
  return sets;
}

void run_raw(const TempFolder& folder, const std::string& options = "") {
  const auto [status, said] =
      shell(folder, fmt::format("cd {} && {} net.safetensors --raw input output {}", folder.path(),
                                program, options));
  INFO(options);
  INFO(said);
  REQUIRE(status == 0);
}

ExportedNode node_of(NodeKind kind, std::vector<int> inputs, std::vector<Tensor> weights = {}) {
  ExportedNode node;
  node.kind = kind;
  node.name = name_of(kind);
  node.inputs = std::move(inputs);
  node.weights = std::move(weights);
  return node;
}

Tensor numbers(const Shape& shape, const std::string& name) {
  const Philox words(4, Stream::data, 0, name);
  std::vector<double> v;
  for (int64_t i = 0; i < shape.numel(); ++i) v.push_back(words.normal(static_cast<uint64_t>(i)));
  return Tensor::from(shape, v);
}

struct ConvShape {
  int64_t height, width, channels, outs, kernel_h, kernel_w;
  Conv2dOptions options;
};

/// relu(conv(x) + other) beside conv(x), where other is a convolution of one pixel of x.
ExportedNetwork conv_network(const ConvShape& s) {
  ExportedNetwork network;
  network.nodes.push_back(node_of(NodeKind::input, {}));
  network.nodes[0].shape = {s.height, s.width, s.channels};
  ExportedNode conv =
      node_of(NodeKind::conv, {0},
              {numbers({s.outs, s.kernel_h, s.kernel_w, s.channels / s.options.groups}, "w")});
  conv.conv = s.options;
  network.nodes.push_back(conv);
  conv.weights.push_back(numbers({s.outs}, "b"));
  conv.weights[0] = numbers(conv.weights[0].shape(), "v");
  network.nodes.push_back(conv);
  network.nodes.push_back(node_of(NodeKind::add, {2, 1}));
  network.nodes.push_back(node_of(NodeKind::relu, {3}));
  network.outputs = {{"plain", 1}, {"joined", 4}};
  return at_size(network, s.height, s.width);
}

/// Both outputs of conv_network, in f64, sum by sum.
std::vector<double> plain_sums(const ConvShape& s, const ExportedNetwork& network,
                               const Tensor& input) {
  const Shape& out = network.nodes[1].shape;
  const Conv2dOptions& o = s.options;
  const auto conv = [&](const ExportedNode& node) {
    const auto *x = input.data<float>(), *weight = node.weights[0].data<float>();
    std::vector<double> y;
    for (int64_t p = 0; p < out[0]; ++p)
      for (int64_t q = 0; q < out[1]; ++q)
        for (int64_t k = 0; k < out[2]; ++k) {
          double sum =
              node.weights.size() > 1 ? static_cast<double>(node.weights[1].data<float>()[k]) : 0;
          for (int64_t r = 0; r < s.kernel_h; ++r)
            for (int64_t t = 0; t < s.kernel_w; ++t) {
              const int64_t h = p * o.stride.h - o.padding.h + r * o.dilation.h;
              const int64_t w = q * o.stride.w - o.padding.w + t * o.dilation.w;
              if (h < 0 || h >= s.height || w < 0 || w >= s.width) continue;
              const float* pixel = x + (h * s.width + w) * s.channels;
              const float* tap = weight + ((k * s.kernel_h + r) * s.kernel_w + t) * s.channels;
              for (int64_t c = 0; c < s.channels; ++c)
                sum += static_cast<double>(pixel[c]) * static_cast<double>(tap[c]);
            }
          y.push_back(sum);
        }
    return y;
  };
  std::vector<double> both = conv(network.nodes[1]);
  const std::vector<double> other = conv(network.nodes[2]);
  for (size_t i = 0; i < other.size(); ++i) both.push_back(std::max(0.0, other[i] + both[i]));
  return both;
}

}  // namespace

TEST_CASE("weft-run gives the model's outputs, in every way of sharing, trunk and head",
          "[export][runner]") {
  NEEDS_WEFT_RUN();
  const TempFolder folder;
  const std::vector<std::string> sets = kernel_sets(folder);
  for (const ExportCase& c : export_cases()) {
    INFO(c.name);
    const Built built = write_inputs(c, folder.file("input"));
    write_network(folder.file("net.safetensors"), built.network, {});
    for (const std::string& set : sets) {
      run_raw(folder, "--kernels " + set);
      check_outputs(built, folder.file("output"));
    }
    run_raw(folder, "--threads 2");
    check_outputs(built, folder.file("output"));
  }
}

TEST_CASE("weft-run runs pictures of other sizes than the export's, where the network allows it",
          "[export][runner]") {
  NEEDS_WEFT_RUN();
  const TempFolder folder;
  int of_any_size = 0;
  for (const ExportCase& c : export_cases()) {
    if (c.input[0] * c.input[1] == 1 || !c.name.ends_with("aspp")) continue;
    INFO(c.name);
    const Shape size{c.input[0] + 14, c.input[1] + 9};
    const Built built = write_inputs(c, folder.file("input"), size);
    write_network(folder.file("net.safetensors"), built.network, {});
    run_raw(folder, fmt::format("--size {}x{}", size[0], size[1]));
    check_outputs(built, folder.file("output"));
    ++of_any_size;
  }
  CHECK(of_any_size > 5);
  const ExportCase& fixed = export_case("hard vgg16");
  write_inputs(fixed, folder.file("input"));
  write_network(folder.file("net.safetensors"), random_model(fixed).exported(), {});
  const auto [status, said] =
      shell(folder, fmt::format("cd {} && {} net.safetensors --raw input output --size 64x64",
                                folder.path(), program));
  CHECK(status != 0);
  CHECK_THAT(said, contains_text("is for pictures of 32 x 37 alone, as the map of"));
}

TEST_CASE(
    "weft-run convolves odd sizes, strides, dilations and groups as weft does, whatever its "
    "threads",
    "[export][runner]") {
  NEEDS_WEFT_RUN();
  const TempFolder folder;
  const std::vector<std::string> sets = kernel_sets(folder);
  CpuContext cpu(1);
  const ConvShape shapes[] = {
      {1, 1, 1, 1, 1, 1, {}},
      {1, 1, 300, 70, 1, 1, {}},
      {7, 5, 3, 33, 3, 3, {{1, 1}, {1, 1}, {1, 1}, 1}},
      {29, 31, 3, 20, 7, 7, {{2, 2}, {3, 3}, {1, 1}, 1}},
      {13, 9, 64, 65, 3, 3, {{1, 1}, {4, 4}, {4, 4}, 1}},  // most taps see padding
      {13,
       9,
       272,
       31,
       3,
       3,
       {{2, 1}, {6, 6}, {6, 6}, 1}},  // and more channels than are packed at once
      {21, 19, 128, 128, 3, 3, {{1, 2}, {12, 18}, {12, 18}, 2}},
      {12, 11, 12, 18, 3, 2, {{1, 2}, {0, 1}, {2, 1}, 3}},
      {6, 6, 8, 8, 3, 3, {{1, 1}, {1, 1}, {1, 1}, 8}},
      {9, 401, 5, 17, 1, 5, {{1, 1}, {0, 2}, {1, 1}, 1}},  // wider than a block of pixels
      {40, 40, 17, 48, 1, 1, {{3, 3}, {0, 0}, {1, 1}, 1}},
  };
  for (const ConvShape& s : shapes) {
    INFO(fmt::format("{} x {} x {} -> {}, {} x {}", s.height, s.width, s.channels, s.outs,
                     s.kernel_h, s.kernel_w));
    const ExportedNetwork network = conv_network(s);
    const Tensor x = numbers({2, s.height, s.width, s.channels}, "x");
    write(folder.file("input"), x.raw(), x.bytes());
    write_network(folder.file("net.safetensors"), network, {});
    const Built built{network, run_network(&cpu, network, x)};
    std::string first;
    for (const std::string& set : sets) {
      run_raw(folder, "--kernels " + set);
      check_outputs(built, folder.file("output"));
    }
    run_raw(folder);
    std::filesystem::rename(folder.file("output"), folder.file("one"));
    run_raw(folder, "--threads 3");
    check_outputs(built, folder.file("output"));
    CHECK(
        shell(folder, fmt::format("cmp {} {}", folder.file("one"), folder.file("output"))).first ==
        0);
  }
}

// Shapes of which some go Winograd's way (winograd_pays(): many tiles, enough channels), some from rows that
// are not packed (few channels, a line of at least a tile's pixels), some neither; beside plain sums in f64.
TEST_CASE(
    "weft-run's 3x3 and stem convolutions are within 5e-6 of plain f64 sums, the same bits on 1, 2 "
    "and 7 threads",
    "[export][runner]") {
  NEEDS_WEFT_RUN();
  const TempFolder folder;
  const std::vector<std::string> sets = kernel_sets(folder);
  const auto same = [](int64_t height, int64_t width, int64_t channels, int64_t outs, int64_t d) {
    return ConvShape{height, width, channels, outs, 3, 3, {{1, 1}, {d, d}, {d, d}, 1}};
  };
  const ConvShape shapes[] = {
      same(41, 41, 64, 64, 1),
      same(40, 42, 300, 40, 1),  // more channels than a product takes at once; half a vector
      same(39, 37, 33, 65, 1),   // no multiple of a vector
      same(41, 41, 65, 33, 2),   // parts of 21 and of 20 outputs
      same(41, 38, 48, 47, 4),
      same(31, 29, 64, 40, 3),
      same(31, 29, 64, 20, 6),
      {33, 40, 40, 33, 3, 3, {{1, 1}, {0, 0}, {1, 1}, 1}},  // no padding
      {35, 33, 64, 50, 3, 3, {{1, 1}, {3, 2}, {3, 5}, 1}},  // one dilation along H, one along W
      {30, 47, 37, 32, 3, 3, {{1, 1}, {4, 5}, {1, 1}, 1}},  // outputs of padding alone
      {61, 67, 3, 64, 7, 7, {{2, 2}, {3, 3}, {1, 1}, 1}},   // the stem
      {61, 28, 3, 56, 7, 7, {{2, 2}, {3, 3}, {1, 1}, 1}},   // its lines one tile each
      {29, 32, 4, 30, 3, 5, {{1, 1}, {2, 1}, {2, 1}, 1}},
      {23, 45, 64, 61, 3, 3, {{2, 2}, {1, 1}, {1, 1}, 1}},
      {17, 90, 80, 32, 3, 3, {{1, 3}, {0, 1}, {1, 1}, 1}},
  };
  for (const ConvShape& s : shapes) {
    INFO(fmt::format("{} x {} x {} -> {}, {} x {}, dilation {}", s.height, s.width, s.channels,
                     s.outs, s.kernel_h, s.kernel_w, s.options.dilation.h));
    const ExportedNetwork network = conv_network(s);
    const Tensor x = numbers({1, s.height, s.width, s.channels}, "x");
    write(folder.file("input"), x.raw(), x.bytes());
    write_network(folder.file("net.safetensors"), network, {});
    const std::vector<double> wanted = plain_sums(s, network, x);
    double scale = 0;
    for (const double v : wanted) scale = std::max(scale, std::abs(v));
    for (const std::string& set : sets) {
      INFO(set);
      run_raw(folder, "--kernels " + set);
      const std::vector<float> found = read_floats(folder.file("output"));
      REQUIRE(found.size() == wanted.size());
      double worst = 0;
      for (size_t i = 0; i < wanted.size(); ++i)
        worst = std::max(worst, std::abs(static_cast<double>(found[i]) - wanted[i]));
      CHECK(worst < 5e-6 * scale);
      std::filesystem::rename(folder.file("output"), folder.file("one"));
      for (const int threads : {2, 7}) {
        run_raw(folder, fmt::format("--kernels {} --threads {}", set, threads));
        CHECK(shell(folder, fmt::format("cmp {} {}", folder.file("one"), folder.file("output")))
                  .first == 0);
      }
    }
  }
}

TEST_CASE("weft-run names what is wrong with a file, and writes nothing", "[export][runner]") {
  NEEDS_WEFT_RUN();
  const TempFolder folder;
  const ConvShape shape{7, 5, 3, 4, 3, 3, {}};
  const Tensor x = numbers({1, 7, 5, 3}, "x");
  write(folder.file("input"), x.raw(), x.bytes());
  const auto refused = [&](const ExportedNetwork& network, const std::string& options,
                           const std::string& words) {
    write_network(folder.file("net.safetensors"), network, {});
    const auto [status, said] = shell(
        folder, fmt::format("cd {} && {} net.safetensors {}", folder.path(), program, options));
    CHECK(status == 2 << 8);
    CHECK_THAT(said, contains_text(words));
    CHECK_FALSE(std::filesystem::exists(folder.file("output")));
  };
  const std::string raw = "--raw input output";
  const ExportedNetwork network = conv_network(shape);
  ExportedNetwork wrong = network;
  wrong.nodes[1].weights = {numbers({4, 3, 3, 2}, "w")};
  refused(wrong, raw, "exported network: conv (conv), input [7, 5, 3]: its weight does not fit");
  wrong = network;
  wrong.nodes[1].weights = {numbers({4, 9, 3, 3}, "w")};
  refused(wrong, raw, "the picture is too small for its kernel");
  wrong = network;
  wrong.nodes[2].weights[1] = numbers({3}, "b");
  refused(wrong, raw, "a weight has another number of channels");
  wrong = network;
  wrong.outputs[0].node = 0;
  refused(wrong, raw, "an output is the input itself");
  refused(network, raw + " --size 2x2", "too small");
  refused(network, "input", "does not say how its inputs are read");
  refused(network, raw + " --kernels mmx", "'mmx' is none that this CPU has: ");
  refused(network, raw + " --threads none", "--threads: 'none' is no whole number from 1 to 256");
  refused(network, raw + " --fast", "--fast: there is no such option");
  write(folder.file("input"), x.raw(), x.bytes() - 4);
  refused(network, raw, "416 bytes are no inputs of 105 floats each");
  write(folder.file("net.safetensors"), "no such file");
  CHECK(shell(folder, fmt::format("cd {} && {} net.safetensors {}", folder.path(), program, raw))
            .first == 2 << 8);
}

TEST_CASE("weft-run is static and smaller than 2 MB", "[export][runner]") {
  NEEDS_WEFT_RUN();
  const TempFolder folder;
  CHECK(std::filesystem::file_size(program) < 2'000'000);
  const auto [status, said] = shell(folder, "ldd " + program);
  CHECK(status != 0);
  CHECK_THAT(said, contains_text("not a dynamic executable"));
}
