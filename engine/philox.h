// Philox4x32-10 (Salmon et al., SC 2011): random words as a pure function of
//   key (seed, stream) and counter (element / 4, step, hash of a stable name).
// No generator state exists: the same words on CPU and GPU, in a planned and a naive pass, before
// and after a resume. element = index in NHWC order; U = ((word >> 8) + 0.5) 2^-24 in every dtype.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#if defined(__CUDACC__)
#define WEFT_HD __host__ __device__
#else
#define WEFT_HD
#endif

namespace weft {

/// What the words are for; streams never share words.
enum class Stream : uint32_t {
  data = 1,
  init = 2,
  gumbel = 3,
  dropout = 4,
  policy = 5,
  balance = 6
};

/// FNV-1a, 64 bits: a stable name such as "heads.seg.aspp0.drop1" (never a position on the tape).
constexpr uint64_t hash_name(std::string_view name) {
  uint64_t hash = 0xcbf29ce484222325ULL;
  for (char c : name) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3ULL;
  return hash;
}

/// What a noisy op is given beside its stable name: the run's seed and the step.
struct Noise {
  uint64_t seed = 0;
  uint32_t step = 0;
};

struct Philox {
  uint32_t key0, key1, step, name0, name1;

  constexpr Philox(uint64_t seed, Stream stream, uint32_t step_, uint64_t name)
      : key0(static_cast<uint32_t>(seed)),
        key1(static_cast<uint32_t>(seed >> 32) ^ (static_cast<uint32_t>(stream) * 0x9E3779B9U)),
        step(step_),
        name0(static_cast<uint32_t>(name)),
        name1(static_cast<uint32_t>(name >> 32)) {}
  constexpr Philox(uint64_t seed, Stream stream, uint32_t step_, std::string_view name)
      : Philox(seed, stream, step_, hash_name(name)) {}

  /// The four words of elements 4 * block .. 4 * block + 3.
  WEFT_HD constexpr std::array<uint32_t, 4> block(uint64_t block) const {
    // A block index past 2^32 spills into the key, so that no element shares its words.
    uint32_t c0 = static_cast<uint32_t>(block), c1 = step, c2 = name0, c3 = name1;
    uint32_t k0 = key0, k1 = key1 + static_cast<uint32_t>(block >> 32) * 0x85EBCA6BU;
    for (int round = 0; round < 10; ++round) {
      const uint64_t p0 = uint64_t{0xD2511F53U} * c0, p1 = uint64_t{0xCD9E8D57U} * c2;
      c0 = static_cast<uint32_t>(p1 >> 32) ^ c1 ^ k0;
      c1 = static_cast<uint32_t>(p1);
      c2 = static_cast<uint32_t>(p0 >> 32) ^ c3 ^ k1;
      c3 = static_cast<uint32_t>(p0);
      k0 += 0x9E3779B9U;
      k1 += 0xBB67AE85U;
    }
    return {c0, c1, c2, c3};
  }
  static constexpr int group = 128;  ///< elements per call of words()
  /// The words of elements `first` .. `first` + 127, first a multiple of 128: what block() gives,
  /// for 32 blocks side by side in loops that compilers turn into vectors (three times faster).
  void words(uint64_t first, uint32_t* out) const {
    constexpr int n = group / 4;
    uint32_t c0[n], c1[n], c2[n], c3[n], high0[n], high1[n];
    for (int i = 0; i < n; ++i) {
      c0[i] = static_cast<uint32_t>(first / 4) + static_cast<uint32_t>(i);
      c1[i] = step, c2[i] = name0, c3[i] = name1;
    }
    uint32_t k0 = key0, k1 = key1 + static_cast<uint32_t>(first / 4 >> 32) * 0x85EBCA6BU;
    for (int round = 0; round < 10; ++round) {
      for (int i = 0; i < n; ++i) high0[i] = (uint64_t{0xD2511F53U} * c0[i]) >> 32;
      for (int i = 0; i < n; ++i) high1[i] = (uint64_t{0xCD9E8D57U} * c2[i]) >> 32;
      for (int i = 0; i < n; ++i) {
        const uint32_t low0 = 0xD2511F53U * c0[i], low1 = 0xCD9E8D57U * c2[i];
        c0[i] = high1[i] ^ c1[i] ^ k0;
        c1[i] = low1;
        c2[i] = high0[i] ^ c3[i] ^ k1;
        c3[i] = low0;
      }
      k0 += 0x9E3779B9U;
      k1 += 0xBB67AE85U;
    }
    for (int i = 0; i < n; ++i) {
      out[4 * i] = c0[i], out[4 * i + 1] = c1[i];
      out[4 * i + 2] = c2[i], out[4 * i + 3] = c3[i];
    }
  }
  WEFT_HD constexpr uint32_t word(uint64_t element) const {
    return block(element / 4)[element % 4];
  }
  /// In (0, 1), never 0 or 1; kept in double, since 25 bits do not fit an f32.
  WEFT_HD static constexpr double to_unit(uint32_t word) {
    return (static_cast<double>(word >> 8) + 0.5) * (1.0 / 16777216.0);
  }
  WEFT_HD constexpr double uniform(uint64_t element) const { return to_unit(word(element)); }
  /// Uniform in 0 .. n-1.
  WEFT_HD constexpr uint64_t below(uint64_t element, uint64_t n) const {
    return (static_cast<uint64_t>(word(element)) * n) >> 32;
  }
  /// Standard normal by Box and Muller, from the uniforms 2 * element and 2 * element + 1.
  double normal(uint64_t element) const;
};

}  // namespace weft
