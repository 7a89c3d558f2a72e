// Files, a shell, and 1e-5 of the output's scale.
#include "tests/train/export/peer.h"

#include <cstdlib>
#include <fstream>

#include "tests/support/catch.h"
#include "train/export/onnx_model.h"

namespace weft::test {
std::vector<float> read_floats(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  std::vector<float> out;
  for (float v; in.read(reinterpret_cast<char*>(&v), 4);) out.push_back(v);
  return out;
}

void write(const std::string& path, const void* bytes, size_t size) {
  std::ofstream(path, std::ios::binary)
      .write(static_cast<const char*>(bytes), static_cast<std::streamsize>(size));
}
void write(const std::string& path, const std::string& text) {
  write(path, text.data(), text.size());
}

std::pair<int, std::string> shell(const TempFolder& folder, const std::string& command) {
  const std::string log = folder.file("log");
  const int status = std::system(fmt::format("{} >{} 2>&1", command, log).c_str());
  std::ifstream in(log);
  return {status, {std::istreambuf_iterator<char>(in), {}}};
}

Built write_inputs(const ExportCase& c, const std::string& path, const Shape& size) {
  RandomModel& random = random_model(c);
  ExportCase sized = c;
  if (size.rank() == 2) sized.input = {size[0], size[1], c.input[2]};
  const Tensor x = random_inputs(sized);
  write(path, x.raw(), x.bytes());
  return {random.exported(), random.outputs(x)};
}

void check_outputs(const Built& built, const std::string& path) {
  const std::vector<float> all = read_floats(path);
  const int64_t pictures = built.wanted[0].shape()[0];
  int64_t row = 0, at = 0;
  for (const Tensor& y : built.wanted) row += y.shape().inner(1);
  REQUIRE(static_cast<int64_t>(all.size()) == pictures * row);
  for (const Tensor& y : built.wanted) {
    const int64_t size = y.shape().inner(1);
    std::vector<float> found;
    for (int64_t n = 0; n < pictures; ++n)
      found.insert(found.end(), all.begin() + n * row + at, all.begin() + n * row + at + size);
    CHECK(difference(y, found) < 1e-5);
    at += size;
  }
}

bool has_onnx() {
  RandomModel& model = random_model(export_case("hard mlp relu batch"));
  const ExportedNetwork& network = model.exported();
  const std::string refused = message_of<ConfigError>([&] { onnx_model(network, {}); });
  if (refused.empty()) return true;
  CHECK_THAT(refused, contains_text("install libonnx-dev (1.12 or later) and libprotobuf-dev"));
  return false;
}

std::string python_with_onnxruntime(const TempFolder& folder) {
  const char* named = std::getenv("WEFT_ONNX_PYTHON");
  const std::string python = named != nullptr ? named : "python3";
  return shell(folder, python + " -c 'import numpy, onnxruntime'").first == 0 ? python : "";
}

}  // namespace weft::test
