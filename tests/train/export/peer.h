// A case run by another program: files of plain f32 that it reads and writes, a shell, and the
// comparison with the model's outputs.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "tests/support/temp_folder.h"
#include "tests/train/export/cases.h"

namespace weft::test {

void write(const std::string& path, const void* bytes, size_t size);
void write(const std::string& path, const std::string& text);

std::vector<float> read_floats(const std::string& path);

/// Exit status, and what the command said.
std::pair<int, std::string> shell(const TempFolder& folder, const std::string& command);

struct Built {
  ExportedNetwork network;
  std::vector<Tensor> wanted;
};

/// Writes what goes in to the file, pictures [H][W][C] one after the other; what has to come of it.
/// `size`: [H, W] of the pictures; empty: the case's.
Built write_inputs(const ExportCase& c, const std::string& path, const Shape& size = {});

/// The file has all outputs of one picture, [h][w][c] each, after those of another, to 1e-5.
void check_outputs(const Built& built, const std::string& path);

/// Whether this build has ONNX's library; if not, the refusal is held against its words.
bool has_onnx();
/// A Python that has ONNX Runtime; empty: none.
std::string python_with_onnxruntime(const TempFolder& folder);

}  // namespace weft::test
