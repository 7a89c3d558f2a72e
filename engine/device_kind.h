// The words for where a program computes and how: what a run file can name without a context.
#pragma once

#include "engine/words.h"

namespace weft {

enum class DeviceKind : uint8_t { cpu, cuda };
constexpr std::array<const char*, 2> words_of(DeviceKind) { return {"cpu", "cuda"}; }

/// How f32 products are computed: in full; by tensor cores on factors rounded to 10 bits; by
/// tensor cores with f32's error, as six products of bf16 each, where the card can (Hopper) and the
/// product is large enough, else in full; or by a CPU's tiles on factors rounded to bf16.
enum class MatrixMath : uint8_t { f32, tf32, f32x6, bf16 };

}  // namespace weft
