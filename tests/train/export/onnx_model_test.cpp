// Exported ONNX: ONNX Runtime, where a Python that has it is named, gives the model's outputs, at
// the size that was traced and at another; names, sizes and what is refused.
#include "train/export/onnx_model.h"
#include "tests/support/catch.h"
#include "tests/support/source_dir.h"
#include "tests/train/export/peer.h"
#include "train/export/fold.h"

using namespace weft;
using namespace weft::test;

namespace {

bool is_table(const ExportCase& c) { return c.input[0] * c.input[1] == 1; }

}  // namespace

TEST_CASE("export: ONNX Runtime gives the model's outputs, in every way of sharing, trunk and head",
          "[export][onnx]") {
  if (!has_onnx()) WEFT_SKIP("built without ONNX's library (libonnx-dev)");
  const TempFolder folder;
  const std::string python = python_with_onnxruntime(folder);
  if (python.empty()) WEFT_SKIP("no Python with onnxruntime (WEFT_ONNX_PYTHON names one)");
  std::string arguments;
  std::vector<std::pair<std::string, Built>> built;
  const auto add = [&](const ExportCase& c, const std::string& model, const Shape& size) {
    const std::string stem = folder.file(std::to_string(built.size()));
    built.emplace_back(fmt::format("{} at {}", c.name, size),
                       write_inputs(c, stem + ".input", size));
    arguments += fmt::format(" {0} {1}x{2} {3}.input {3}.output", model, size[0], size[1], stem);
  };
  int of_any_size = 0;
  for (const ExportCase& c : export_cases()) {
    const OnnxModel model = onnx_model(random_model(c).exported(), {});
    const std::string path = folder.file(std::to_string(built.size()) + ".onnx");
    write(path, model.bytes);
    add(c, path, {c.input[0], c.input[1]});
    if (model.size != "any") continue;
    ++of_any_size;
    add(c, path, {c.input[0] + 14, c.input[1] + 9});
  }
  CHECK(of_any_size > 30);
  const auto [status, said] =
      shell(folder, fmt::format("{} {}/bench/peer/run_onnx.py{}", python, source_dir(), arguments));
  INFO(said);
  REQUIRE(status == 0);
  for (size_t i = 0; i < built.size(); ++i) {
    INFO(built[i].first);
    check_outputs(built[i].second, folder.file(std::to_string(i)) + ".output");
  }
}

TEST_CASE("export: ONNX's library takes every network, of any size but where a map is one pixel",
          "[export][onnx]") {
  if (!has_onnx()) WEFT_SKIP("built without ONNX's library (libonnx-dev)");
  for (const ExportCase& c : export_cases()) {
    INFO(c.name);
    const ExportedNetwork& network = random_model(c).exported();
    const OnnxModel model = onnx_model(network, {true, {"a note"}});
    CHECK(model.bytes.find("a note") != std::string::npos);
    for (const ExportedOutput& out : network.outputs)
      CHECK(model.bytes.find(out.task) != std::string::npos);
    const std::string fixed = fmt::format("{}x{} alone", c.input[0], c.input[1]);
    const bool of_pictures = !is_table(c) && !is_text(c);
    CHECK(onnx_model(network, {false, {}}).size == (of_pictures ? fixed : ""));
    if (!of_pictures)
      CHECK(model.size.empty());
    else if (c.name.find("vgg16") == std::string::npos)
      CHECK(model.size == "any");
    else
      CHECK_THAT(model.size, contains_text(fixed + ": the map of "));
    // Weights are there once; what else there is, is small.
    CHECK(model.bytes.size() > static_cast<size_t>(cost_of(network).bytes()));
  }
}

TEST_CASE("export: ONNX has no two tasks of one name, and a task may be called input",
          "[export][onnx]") {
  if (!has_onnx()) WEFT_SKIP("built without ONNX's library (libonnx-dev)");
  ExportedNetwork network = random_model(export_case("hard resnet18 aspp")).exported();
  network.outputs[0].task = "input";
  CHECK(onnx_model(network, {}).bytes.find("input.2") != std::string::npos);
  network.outputs[1].task = "input";
  CHECK(message_of<ConfigError>([&] { onnx_model(network, {}); }) ==
        "export: two tasks are called 'input'");
  ExportedNetwork large =
      only_tasks(random_model(export_case("hard mlp relu batch")).exported(), {"seg"});
  ExportedNode node = large.nodes.back();
  node.weights = {Tensor::empty({int64_t{1} << 25, 16}, DType::f32)};
  large.nodes.push_back(node);
  CHECK_THAT(message_of<ConfigError>([&] { onnx_model(large, {}); }),
             contains_text("2147 MB of weights do not fit into an ONNX file (up to 2 GiB)"));
}
