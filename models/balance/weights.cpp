// Equal weights.
#include "models/balance/weights.h"

namespace weft::balance {

Vector mean_weights(size_t n) { return Vector(n, n == 0 ? 0.0 : 1.0 / static_cast<double>(n)); }

}  // namespace weft::balance
