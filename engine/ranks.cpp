// Ranks: sums and what else is made of exchange(); one pointer for each thread.
#include "engine/ranks.h"

#include <cstring>
#include <utility>

namespace weft {
namespace {

/// Values of a sum that travel at once: what is kept beside them is of this size.
constexpr int64_t bucket = 1 << 20;

class OneProcess final : public Ranks {
 public:
  OneProcess() : Ranks(0, 1) {}
  std::string name_of(int) const override { return "rank 0"; }
  void exchange(const void* out, size_t, void* in, size_t bytes) override {
    if (bytes > 0) std::memcpy(in, out, bytes);
  }
};

OneProcess one_process;
thread_local Ranks* ranks_here = nullptr;

}  // namespace

Ranks& current_ranks() { return ranks_here != nullptr ? *ranks_here : one_process; }

RanksHere::RanksHere() : before_(std::exchange(ranks_here, nullptr)) {}
RanksHere::RanksHere(Ranks& ranks) : before_(std::exchange(ranks_here, &ranks)) {}
RanksHere::~RanksHere() { ranks_here = before_; }

template <class T>
void Ranks::add_up(T* x, int64_t n, int divisor) {
  using Sum = std::conditional_t<std::is_integral_v<T>, T, double>;
  if (alone()) return;
  for (int64_t begin = 0; begin < n; begin += bucket) {
    const int64_t count = std::min(bucket, n - begin), each = (count + size_ - 1) / size_;
    const auto bytes = static_cast<size_t>(each) * sizeof(T);
    std::vector<T> all(static_cast<size_t>(each * size_)), mine(all.size());
    std::copy(x + begin, x + begin + count, all.begin());
    exchange(all.data(), bytes, mine.data(), bytes);
    for (int64_t i = 0; i < each; ++i) {
      Sum sum = mine[i];
      for (int rank = 1; rank < size_; ++rank) sum += mine[rank * each + i];
      mine[i] = static_cast<T>(divisor == 1 ? sum : sum / divisor);
    }
    exchange(mine.data(), 0, all.data(), bytes);
    std::copy(all.begin(), all.begin() + count, x + begin);
  }
}

template void Ranks::add_up(float*, int64_t, int);
template void Ranks::add_up(double*, int64_t, int);
template void Ranks::add_up(int64_t*, int64_t, int);

void Ranks::broadcast(void* bytes, size_t count) {
  if (alone()) return;
  auto* const to = static_cast<std::byte*>(bytes);
  for (size_t begin = 0; begin < count; begin += bucket) {
    const size_t now = std::min<size_t>(bucket, count - begin), each = (now + size_ - 1) / size_;
    std::vector<std::byte> all(each * size_), mine(all.size());
    std::copy(to + begin, to + begin + now, all.begin());
    exchange(all.data(), each, mine.data(), each);  // mine: this rank's slice of each rank's bytes
    exchange(mine.data(), 0, all.data(), each);
    std::copy(all.begin(), all.begin() + static_cast<int64_t>(now), to + begin);
  }
}

bool Ranks::agree(bool mine) {
  char own = mine;
  std::vector<char> all(static_cast<size_t>(size_));
  exchange(&own, 0, all.data(), 1);
  return all[0] != 0;
}

std::vector<std::string> Ranks::gather(const std::string& mine) {
  const uint64_t own = mine.size();
  std::vector<uint64_t> sizes(static_cast<size_t>(size_));
  exchange(&own, 0, sizes.data(), sizeof own);
  const uint64_t most = *std::max_element(sizes.begin(), sizes.end());
  std::string padded = mine, all(most * sizes.size(), '\0');
  padded.resize(most);
  if (most > 0) exchange(padded.data(), 0, all.data(), most);
  std::vector<std::string> out;
  for (size_t r = 0; r < sizes.size(); ++r) out.push_back(all.substr(r * most, sizes[r]));
  return out;
}

}  // namespace weft
