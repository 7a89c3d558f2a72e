// Ranks: the processes that train one network together, and what they tell each other. All of them
// call the same things in the same order. There is one primitive, exchange(); everything else is
// made of it, here, so that sums have one order whatever carries the bytes:
//   sum        x[i] <- x_0[i] + x_1[i] + .. + x_{N-1}[i], in f64, rounded once
//   mean       the same, divided by N
//   join       v <- v_0, v_1, .., v_{N-1}, one behind the other
//   broadcast  the bytes of rank 0
// A sum of n values: each rank gets its n / N of them from everybody, adds them up by rank, and
// hands the result round. 2 (N - 1) / N n values leave each rank, as in a ring, in two rounds of
// N - 1 messages, and the same N gives the same bits.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <type_traits>
#include <vector>

namespace weft {

class CardRanks;

class Ranks {
 public:
  virtual ~Ranks() = default;
  Ranks(const Ranks&) = delete;
  Ranks& operator=(const Ranks&) = delete;

  int rank() const { return rank_; }
  int size() const { return size_; }
  bool alone() const { return size_ == 1; }
  /// The one that prints, and writes files.
  bool first() const { return rank_ == 0; }
  /// "rank 1 (node7)"
  virtual std::string name_of(int rank) const = 0;
  /// For how many seconds a rank may be silent.
  virtual double patience() const { return 600; }
  /// Sums between the ranks' GPUs (engine/card_ranks.h); null where they compute on CPUs.
  CardRanks* cards() const { return cards_; }
  void set_cards(CardRanks* cards) { cards_ = cards; }

  /// Rank r gets the `bytes` bytes at out + r * stride, and its own for this rank come to in +
  /// r * bytes. stride 0: all get the same. UserError where a rank does not answer.
  virtual void exchange(const void* out, size_t stride, void* in, size_t bytes) = 0;

  /// f32, f64 or i64.
  template <class T>
  void sum(T* x, int64_t n) {
    add_up(x, n, 1);
  }
  template <class T>
  void mean(T* x, int64_t n) {
    add_up(x, n, size_);
  }
  /// Each of them, or all elements of each vector; vectors are as long on every rank.
  template <class... Values>
  void sum_all(Values&... values) {
    (sum_one(values), ...);
  }
  /// Elements that are plain bytes.
  template <class T>
  void join(std::vector<T>& values);
  void broadcast(void* bytes, size_t count);
  /// Rank 0's.
  bool agree(bool mine);
  /// Until all have come here.
  void wait_for_all() { agree(true); }
  /// All ranks' bytes, by rank.
  std::vector<std::string> gather(const std::string& mine);

 protected:
  Ranks(int rank, int size) : rank_(rank), size_(size) {}

 private:
  template <class T>
  void add_up(T* x, int64_t n, int divisor);
  template <class T>
  void sum_one(T& value) {
    sum(&value, 1);
  }
  template <class T>
  void sum_one(std::vector<T>& values) {
    sum(values.data(), static_cast<int64_t>(values.size()));
  }

  int rank_, size_;
  CardRanks* cards_ = nullptr;
};

/// This thread's: a process by itself, where nothing else is said.
Ranks& current_ranks();

/// While it lives, this thread is one of `ranks`; without any, it works by itself.
class RanksHere {
 public:
  RanksHere();
  explicit RanksHere(Ranks& ranks);
  ~RanksHere();
  RanksHere(const RanksHere&) = delete;
  RanksHere& operator=(const RanksHere&) = delete;

 private:
  Ranks* before_;
};

template <class T>
void Ranks::join(std::vector<T>& values) {
  static_assert(std::is_trivially_copyable_v<T>);
  if (alone()) return;
  const std::string mine(reinterpret_cast<const char*>(values.data()), values.size() * sizeof(T));
  values.clear();
  for (const std::string& bytes : gather(mine)) {
    const size_t before = values.size();
    values.resize(before + bytes.size() / sizeof(T));
    std::copy(bytes.begin(), bytes.end(), reinterpret_cast<char*>(values.data() + before));
  }
}

}  // namespace weft
