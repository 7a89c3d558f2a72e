// The check sum of every chunk of a PNG, made right again after a mutation.
#pragma once

#include <zlib.h>

#include <cstddef>
#include <cstdint>

namespace weft::test {

inline void mend_png(uint8_t* bytes, size_t size) {
  for (size_t at = 8; at + 12 <= size;) {
    const size_t length = static_cast<size_t>(bytes[at]) << 24 | bytes[at + 1] << 16 |
                          bytes[at + 2] << 8 | bytes[at + 3];
    if (length > size - at - 12) return;
    const auto crc = static_cast<uint32_t>(crc32(0, bytes + at + 4, static_cast<uInt>(length) + 4));
    for (int i = 0; i < 4; ++i)
      bytes[at + 8 + length + i] = static_cast<uint8_t>(crc >> (24 - 8 * i));
    at += 12 + length;
  }
}

}  // namespace weft::test
