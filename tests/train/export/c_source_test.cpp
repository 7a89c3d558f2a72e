// Exported C: compiled without a warning by every compiler that is here, and run, it gives the
// model's outputs; the same network in PyTorch, where a Python that has it is named.
#include <algorithm>
#include <cctype>
#include <cstdlib>

#include "tests/support/catch.h"
#include "tests/support/source_dir.h"
#include "tests/support/temp_folder.h"
#include "tests/train/export/peer.h"
#include "train/export/c_source.h"
#include "train/export/network_file.h"

using namespace weft;
using namespace weft::test;

namespace {

bool works(const TempFolder& folder, const std::string& compiler) {
  write(folder.file("empty.c"),
        "#include <math.h>\n#include <string.h>\nint main(void) { return 0; }\n");
  return shell(folder, fmt::format("{} {} -o {} -lm", compiler, folder.file("empty.c"),
                                   folder.file("empty")))
             .first == 0;
}

/// Reads argv[1] picture by picture and writes the outputs to argv[2], once they were the same bits
/// in two calls, task by task alone, and without the first.
std::string main_text(const ExportedNetwork& network, bool blob) {
  std::string buffers, all, others, alone, same, write;
  for (size_t k = 0; k < network.outputs.size(); ++k) {
    const std::string id = c_identifier(network.outputs[k].task);
    std::string size = "NET_OUT_" + id;
    for (char& c : size) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
    buffers += fmt::format("static float y{0}[{1}], z{0}[{1}];\n", k, size);
    all += fmt::format(", y{}", k);
    others += k == 0 ? ", 0" : fmt::format(", z{}", k);
    alone += fmt::format(
        "    net_run_{1}(input, z{0});\n    if (memcmp(y{0}, z{0}, sizeof y{0})) return 7;\n"
        "    memset(z{0}, 0, sizeof z{0});\n",
        k, id);
    if (k > 0) same += fmt::format("    if (memcmp(y{0}, z{0}, sizeof y{0})) return 8;\n", k);
    write += fmt::format("    fwrite(y{0}, 1, sizeof y{0}, out);\n", k);
  }
  const std::string load = !blob ? "" : R"(
  f = fopen(argv[3], "rb");
  if (!f || fread(blob.bytes, 1, NET_WEIGHTS + 9, f) != NET_WEIGHTS + 8) return 2;
  fclose(f);
  if (net_load(blob.bytes, NET_WEIGHTS) != 1) return 3;
  if (net_load(blob.bytes + 1, NET_WEIGHTS + 8) != 1) return 4;
  blob.bytes[0] ^= 1;
  if (net_load(blob.bytes, NET_WEIGHTS + 8) != 2) return 5;
  blob.bytes[0] ^= 1;
  if (net_load(blob.bytes, NET_WEIGHTS + 8) != 0) return 6;
)";
  return fmt::format(
      "#include <stdio.h>\n#include <string.h>\n#include \"net.h\"\n\n"
      "static float input[NET_INPUT];\n{buffers}{blob}\n"
      "int main(int argc, char **argv) {{\n  FILE *f, *out;\n  if (argc < 4) return 1;\n{load}"
      "  f = fopen(argv[1], \"rb\");\n  out = fopen(argv[2], \"wb\");\n  if (!f || !out) return "
      "9;\n"
      "  while (fread(input, 4, NET_INPUT, f) == NET_INPUT) {{\n"
      "    net_run(input{all});\n    net_run(input{all});\n{alone}"
      "    net_run(input{others});\n{same}{write}  }}\n"
      "  fclose(f);\n  return fclose(out) ? 10 : 0;\n}}\n",
      fmt::arg("buffers", buffers), fmt::arg("load", load), fmt::arg("all", all),
      fmt::arg("alone", alone), fmt::arg("others", others), fmt::arg("same", same),
      fmt::arg("write", write),
      fmt::arg("blob",
               blob ? "static union { float align; char bytes[NET_WEIGHTS + 9]; } blob;\n" : ""));
}

/// That, net.c, net.h and main.c.
Built write_case(const TempFolder& folder, const ExportCase& c, bool blob = false) {
  Built out = write_inputs(c, folder.file("input"));
  const CSource source =
      c_source(out.network, {"net", blob, {"a note that ends */ early, and /* begins"}});
  write(folder.file("net.h"), source.header);
  write(folder.file("net.c"), source.source);
  write(folder.file("net.bin"), source.blob);
  write(folder.file("main.c"), main_text(out.network, blob));
  return out;
}

/// Compiles main.c and net.c, wants silence, runs, and compares.
void compile_and_run(const TempFolder& folder, const Built& built, const std::string& compiler) {
  INFO(compiler);
  const auto [status, said] =
      shell(folder,
            fmt::format("cd {} && {} -std=c99 -Wall -Wextra -Wpedantic -O2 main.c net.c -o net -lm",
                        folder.path(), compiler));
  INFO(said);
  REQUIRE(status == 0);
  CHECK(said.empty());
  REQUIRE(shell(folder, fmt::format("cd {} && ./net input output net.bin", folder.path())).first ==
          0);
  check_outputs(built, folder.file("output"));
}

}  // namespace

TEST_CASE("export: C gives the model's outputs, in every way of sharing", "[export][c]") {
  const TempFolder folder;
  if (!works(folder, "gcc")) WEFT_SKIP("no gcc");
  for (const ExportCase& c : export_cases()) {
    if (!c.name.ends_with("resnet18 aspp") && !c.name.ends_with("vgg16 split")) continue;
    INFO(c.name);
    compile_and_run(folder, write_case(folder, c, /*blob=*/true), "gcc");
  }
}

TEST_CASE("export: C gives the model's outputs, in every way of sharing, trunk and head",
          "[export][c][slow]") {
  const TempFolder folder;
  if (!works(folder, "gcc")) WEFT_SKIP("no gcc");
  for (const ExportCase& c : export_cases()) {
    INFO(c.name);
    compile_and_run(folder, write_case(folder, c, /*blob=*/true), "gcc");
  }
}

TEST_CASE("export: C with its weights in arrays compiles without a warning, under clang too",
          "[export][c]") {
  const TempFolder folder;
  for (const char* compiler : {"gcc", "clang"}) {
    if (!works(folder, compiler)) WEFT_SKIP(std::string("no ") + compiler);
    for (const char* name :
         {"adashare resnet18 plain", "mtan resnet18 plain", "cross_stitch resnet18 per channel",
          "hard mlp gelu none", "adashare mlp silu none", "hard mlp softplus none"}) {
      INFO(name);
      compile_and_run(folder, write_case(folder, export_case(name)), compiler);
    }
  }
}

TEST_CASE("export: C gives the model's outputs on 32 bits", "[export][c]") {
  const TempFolder folder;
  if (!works(folder, "gcc -m32")) WEFT_SKIP("gcc makes no 32-bit programs (gcc-multilib)");
  for (const char* name : {"adashare resnet18 aspp", "hard mlp silu none"}) {
    INFO(name);
    compile_and_run(folder, write_case(folder, export_case(name)), "gcc -m32");
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
