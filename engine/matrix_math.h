// How f32 products are computed: in full, or by tensor cores on factors rounded to 10 bits.
#pragma once

#include <cstdint>

namespace weft {

enum class MatrixMath : uint8_t { f32, tf32 };

}  // namespace weft
