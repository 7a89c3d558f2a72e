// Programs of exported C.
#include "tests/train/export/c_peer.h"

#include <cctype>

#include "tests/support/catch.h"

namespace weft::test {
namespace {

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

}  // namespace

bool works(const TempFolder& folder, const std::string& compiler) {
  write(folder.file("empty.c"),
        "#include <math.h>\n#include <string.h>\nint main(void) { return 0; }\n");
  return shell(folder, fmt::format("{} {} -o {} -lm", compiler, folder.file("empty.c"),
                                   folder.file("empty")))
             .first == 0;
}

void write_program(const TempFolder& folder, const ExportedNetwork& network,
                   const CSource& source) {
  write(folder.file("net.h"), source.header);
  write(folder.file("net.c"), source.source);
  write(folder.file("net.bin"), source.blob);
  write(folder.file("main.c"), main_text(network, !source.blob.empty()));
}

void compile_and_run(const TempFolder& folder, const std::string& compiler,
                     const std::string& standard) {
  const auto [status, said] = shell(
      folder, fmt::format("cd {} && {} -std={} -Wall -Wextra -Wpedantic -O2 main.c net.c -o net "
                          "-lm",
                          folder.path(), compiler, standard));
  INFO(said);
  REQUIRE(status == 0);
  CHECK(said.empty());
  REQUIRE(shell(folder, fmt::format("cd {} && ./net input output net.bin", folder.path())).first ==
          0);
}

}  // namespace weft::test
