// The words for where a program computes and how: what a run file can name without a context.
#pragma once

#include "engine/words.h"

namespace weft {

enum class DeviceKind : uint8_t { cpu, cuda };
constexpr std::array<const char*, 2> words_of(DeviceKind) { return {"cpu", "cuda"}; }

/// How f32 products are computed: in full, or by tensor cores on factors rounded to 10 bits.
enum class MatrixMath : uint8_t { f32, tf32 };

}  // namespace weft
