// Exported C compiled and run: net.h, net.c, net.bin and a main.c that reads pictures of plain f32.
#pragma once

#include "tests/train/export/peer.h"
#include "train/export/c_source.h"

namespace weft::test {

/// Whether this machine has the compiler, which may come with options.
bool works(const TempFolder& folder, const std::string& compiler);

void write_program(const TempFolder& folder, const ExportedNetwork& network, const CSource& source);

/// Of the program in the folder, in silence: the file `input`, picture by picture, to `output`, all
/// tasks of one after those of another. `standard`: c99, or gnu99, which lets gcc fuse products and sums.
void compile_and_run(const TempFolder& folder, const std::string& compiler,
                     const std::string& standard = "c99");

}  // namespace weft::test
