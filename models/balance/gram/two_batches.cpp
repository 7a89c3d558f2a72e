// The tasks present of a point of the simplex, and back.
#include "models/balance/gram/two_batches.h"

namespace weft::balance {

Vector share_of(const Vector& w, const std::vector<size_t>& tasks) {
  Vector share = part(w, tasks);
  const double total = sum(share);
  if (!(total > 0)) return mean_weights(tasks.size());
  for (double& x : share) x /= total;
  return share;
}

void put_back(Vector& w, const std::vector<size_t>& tasks, const Vector& share) {
  if (tasks.size() == w.size()) {  // as it is: nothing may be lost to rounding
    w = share;
    return;
  }
  const double total = sum(part(w, tasks));
  for (size_t i = 0; i < tasks.size(); ++i) w[tasks[i]] = total * share[i];
}

}  // namespace weft::balance
