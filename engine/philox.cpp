// Philox::normal: Box and Muller's transform, in double.
#include "engine/philox.h"

#include <cmath>

namespace weft {

double Philox::normal(uint64_t element) const {
  const double radius = std::sqrt(-2.0 * std::log(uniform(2 * element)));
  return radius * std::cos(6.283185307179586 * uniform(2 * element + 1));
}

}  // namespace weft
