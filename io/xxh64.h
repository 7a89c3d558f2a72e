// XXH64 (Yann Collet's xxHash, seed 0): a 64-bit checksum at the speed of memory. Every step of it
// is invertible in what it takes in, so one changed bit always changes the sum. Checkpoints carry
// one for each tensor and one for their header; other programs know it as xxh64.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

namespace weft {

uint64_t xxh64(const void* bytes, size_t size);

/// As 16 hexadecimal digits, the way files hold it.
std::string hex(uint64_t sum);

}  // namespace weft
