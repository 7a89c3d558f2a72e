// Floats at a multiple of 64 bytes, zeros at first, with `slack` behind them that kernels may read.
#pragma once

#include <algorithm>
#include <cstdlib>
#include <memory>

#include "engine/error.h"
#include "runner/kernels.h"

namespace weft::runner {

class Floats {
 public:
  Floats() = default;
  explicit Floats(int64_t n) {
    const auto bytes = (static_cast<size_t>(n + slack) * sizeof(float) + 63) / 64 * 64;
    data_.reset(static_cast<float*>(std::aligned_alloc(64, bytes)));
    if (data_ == nullptr)
      throw MemoryError(fmt::format("no memory for {} MB of the network", bytes / 1'000'000));
    std::fill_n(data_.get(), n + slack, 0.0f);
  }
  float* data() { return data_.get(); }
  const float* data() const { return data_.get(); }

 private:
  struct Free {
    void operator()(float* p) const { std::free(p); }
  };
  std::unique_ptr<float, Free> data_;
};

}  // namespace weft::runner
