// Exported C: compiled without a warning by every compiler that is here, and run, it gives the
// model's outputs; the same network in PyTorch, where a Python that has it is named.
#include <cstdlib>

#include "data/alphabet.h"
#include "tests/support/catch.h"
#include "tests/support/source_dir.h"
#include "tests/train/export/c_peer.h"
#include "train/export/network_file.h"

using namespace weft;
using namespace weft::test;

namespace {

/// The model's outputs, and net.c, net.h and main.c.
Built write_case(const TempFolder& folder, const ExportCase& c, bool blob = false) {
  Built out = write_inputs(c, folder.file("input"));
  const CSourceOptions options{"net", blob, {"a note that ends */ early, and /* begins"}};
  write_program(folder, out.network, c_source(out.network, options));
  return out;
}

void check(const TempFolder& folder, const Built& built, const std::string& compiler) {
  INFO(compiler);
  compile_and_run(folder, compiler);
  check_outputs(built, folder.file("output"));
}

}  // namespace

TEST_CASE("export: C gives the model's outputs, in every way of sharing", "[export][c]") {
  const TempFolder folder;
  if (!works(folder, "gcc")) WEFT_SKIP("no gcc");
  for (const ExportCase& c : export_cases()) {
    if (!c.name.ends_with("resnet18 aspp") && !c.name.ends_with("vgg16 split") &&
        !c.name.ends_with("k_max"))
      continue;
    INFO(c.name);
    check(folder, write_case(folder, c, /*blob=*/true), "gcc");
  }
}

TEST_CASE("export: C gives the model's outputs, in every way of sharing, trunk and head",
          "[export][c][slow]") {
  const TempFolder folder;
  if (!works(folder, "gcc")) WEFT_SKIP("no gcc");
  for (const ExportCase& c : export_cases()) {
    INFO(c.name);
    check(folder, write_case(folder, c, /*blob=*/true), "gcc");
  }
}

TEST_CASE("export: C with its weights in arrays compiles without a warning, under clang too",
          "[export][c]") {
  const TempFolder folder;
  for (const char* compiler : {"gcc", "clang"}) {
    if (!works(folder, compiler)) WEFT_SKIP(std::string("no ") + compiler);
    for (const char* name :
         {"adashare resnet18 plain", "mtan resnet18 plain", "cross_stitch resnet18 per channel",
          "hard mlp gelu none", "adashare mlp silu none", "hard mlp softplus none",
          "adashare vdcnn9 k_max", "hard vdcnn9 linear"}) {
      INFO(name);
      check(folder, write_case(folder, export_case(name)), compiler);
    }
  }
}

TEST_CASE("export: C gives the model's outputs on 32 bits", "[export][c]") {
  const TempFolder folder;
  if (!works(folder, "gcc -m32")) WEFT_SKIP("gcc makes no 32-bit programs (gcc-multilib)");
  for (const char* name :
       {"adashare resnet18 aspp", "hard mlp silu none", "adashare vdcnn9 k_max"}) {
    INFO(name);
    check(folder, write_case(folder, export_case(name)), "gcc -m32");
  }
}

TEST_CASE("export: a blob holds the weights and a sum, and the source none", "[export][c]") {
  const std::string name = "nddr resnet18 aspp";
  const ExportedNetwork& network = random_model(export_case(name)).exported();
  const CSource c = c_source(network, {"net", true, {}});
  CHECK(c.source.size() < 40'000);
  CHECK(c.blob.size() == 8 + static_cast<size_t>(cost_of(network).bytes()));
  CHECK(c_source(network, {"net", false, {}}).blob.empty());
  ExportedNetwork large = network;
  for (ExportedNode& node : large.nodes)
    if (node.kind == NodeKind::conv) {
      node.weights[0] = Tensor::zeros({1, 1, 1, int64_t{9} << 20});
      break;
    }
  CHECK_THAT(message_of<ConfigError>([&] {
               c_source(large, {"net", false, {}});
             }),
             contains_text("as arrays (up to 33); --blob puts them in a file"));
}

TEST_CASE("export: C numbers the characters of a text as weft does", "[export][c][text]") {
  const TempFolder folder;
  if (!works(folder, "gcc")) WEFT_SKIP("no gcc");
  const ExportedNetwork& network = random_model(export_case("hard vdcnn9 linear")).exported();
  const std::vector<std::string> texts = {"",
                                          "a",
                                          "ab",
                                          "Dead beef",
                                          "zebra: \xC3\xA9t\xC3\xA9 \xE6\xBC\xA2 \xF0\x9F\x98\x80!",
                                          "\"quoted\\\" 100 %",
                                          "a text of more than twenty-four characters",
                                          "\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9"
                                          "\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9 and more, cut"};
  std::string lines;
  for (const std::string& text : texts) lines += text + "\n";
  write(folder.file("input"), lines);
  for (const char* alphabet : {"", "abcdefghi",
                               "\xE6\xBC\xA2"
                               "aA\xC3\xA9 \\\"%?"}) {
    INFO(alphabet);
    write_program(folder, network, c_source(network, {"net", false, {}, alphabet}));
    write(folder.file("main.c"), R"(#include <stdio.h>
#include <string.h>
#include "net.h"
int main(int argc, char **argv) {
  static char line[1000];
  static float ids[NET_INPUT];
  FILE *in = fopen(argv[1], "rb"), *out = fopen(argv[2], "wb");
  if (argc < 3 || !in || !out) return 1;
  while (fgets(line, sizeof line, in)) {
    line[strcspn(line, "\n")] = 0;
    net_encode(line, ids);
    fwrite(ids, 1, sizeof ids, out);
  }
  return fclose(out);
}
)");
    for (const char* compiler : {"gcc", "clang"}) {
      if (!works(folder, compiler)) continue;
      compile_and_run(folder, compiler);
      const std::vector<float> found = read_floats(folder.file("output"));
      std::vector<float> wanted(24 * texts.size());
      for (size_t i = 0; i < texts.size(); ++i)
        Alphabet(alphabet).encode(texts[i], 24, wanted.data() + 24 * i);
      CHECK(found == wanted);
    }
  }
}

TEST_CASE("export: names that C does not have are refused", "[export][c]") {
  RandomModel& random = random_model(export_case("hard mlp relu batch"));
  const ExportedNetwork& network = random.exported();
  CHECK(message_of<ConfigError>([&] {
          c_source(network, {"2net", false, {}});
        }) == "export: '2net' is no name for C functions: letters, digits and _, no digit first");
  ExportedNetwork twins = network;
  twins.outputs[0].task = "a b";
  twins.outputs[1].task = "A_B";
  CHECK(message_of<ConfigError>([&] {
          c_source(twins, {"net", false, {}});
        }) == "export: task 'A_B' has the C name A_B, as another one has");
}

TEST_CASE("export: PyTorch gives the model's outputs, in every way of sharing, trunk and head",
          "[export][torch]") {
  const char* named = std::getenv("WEFT_TORCH_PYTHON");
  const std::string python = named != nullptr ? named : "python3";
  const TempFolder folder;
  if (shell(folder, python + " -c 'import numpy, torch'").first != 0)
    WEFT_SKIP("no Python with torch (WEFT_TORCH_PYTHON names one)");
  std::string arguments;
  std::vector<Built> built;
  for (const ExportCase& c : export_cases()) {
    const std::string stem = folder.file(std::to_string(built.size()));
    built.push_back(write_inputs(c, stem + ".input"));
    write_network(stem + ".safetensors", built.back().network, {});
    arguments += fmt::format(" {0}.safetensors {0}.input {0}.output", stem);
  }
  const auto [status, said] = shell(
      folder, fmt::format("{} {}/bench/peer/load_export.py{}", python, source_dir(), arguments));
  INFO(said);
  REQUIRE(status == 0);
  for (size_t i = 0; i < built.size(); ++i) {
    INFO(export_cases()[i].name);
    check_outputs(built[i], folder.file(std::to_string(i)) + ".output");
  }
}
