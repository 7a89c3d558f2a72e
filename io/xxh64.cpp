// XXH64: four lanes of 8 bytes, merged, then the tail and the final mixing.
#include "io/xxh64.h"

#include <fmt/format.h>

#include <bit>
#include <cstring>

namespace weft {
namespace {

constexpr uint64_t prime1 = 0x9E3779B185EBCA87, prime2 = 0xC2B2AE3D27D4EB4F,
                   prime3 = 0x165667B19E3779F9, prime4 = 0x85EBCA77C2B2AE63,
                   prime5 = 0x27D4EB2F165667C5;

template <class Word>
uint64_t read(const unsigned char* at) {
  Word word;
  std::memcpy(&word, at, sizeof word);
  return word;
}

uint64_t turn(uint64_t lane, uint64_t input) {
  return std::rotl(lane + input * prime2, 31) * prime1;
}

}  // namespace

uint64_t xxh64(const void* bytes, size_t size) {
  const auto* at = static_cast<const unsigned char*>(bytes);
  size_t left = size;
  uint64_t sum = prime5;
  if (size >= 32) {
    uint64_t lanes[4] = {prime1 + prime2, prime2, 0, 0 - prime1};
    for (; left >= 32; left -= 32)
      for (uint64_t& lane : lanes) {
        lane = turn(lane, read<uint64_t>(at));
        at += 8;
      }
    sum = std::rotl(lanes[0], 1) + std::rotl(lanes[1], 7) + std::rotl(lanes[2], 12) +
          std::rotl(lanes[3], 18);
    for (uint64_t lane : lanes) sum = (sum ^ turn(0, lane)) * prime1 + prime4;
  }
  sum += size;
  for (; left >= 8; left -= 8, at += 8)
    sum = std::rotl(sum ^ turn(0, read<uint64_t>(at)), 27) * prime1 + prime4;
  if (left >= 4) {
    sum = std::rotl(sum ^ read<uint32_t>(at) * prime1, 23) * prime2 + prime3;
    at += 4;
    left -= 4;
  }
  for (; left > 0; --left) sum = std::rotl(sum ^ *at++ * prime5, 11) * prime1;
  sum = (sum ^ sum >> 33) * prime2;
  sum = (sum ^ sum >> 29) * prime3;
  return sum ^ sum >> 32;
}

std::string hex(uint64_t sum) { return fmt::format("{:016x}", sum); }

}  // namespace weft
