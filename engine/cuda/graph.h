// CudaGraph: work that asks for the same kernels step after step, started with one order instead of
// hundreds. Each time its launches are recorded, which takes the host about 3 us apiece, and their
// arguments (addresses, temperatures, counters of noise) replace those in the graph that the device
// already has. Order and kernels stay the same, so the bits do too; what goes is the time between
// one kernel and the next, 1 us of about 7 where a network is small.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>

#include "engine/cuda/context.h"

namespace weft {

class CudaGraph {
 public:
  explicit CudaGraph(CudaContext& ctx);
  ~CudaGraph();
  CudaGraph(const CudaGraph&) = delete;
  CudaGraph& operator=(const CudaGraph&) = delete;

  /// Runs `work`: at the first call directly, so that its memory is there and its kernels are
  /// loaded, then as a graph. Where it waits for the device or memory runs out while it is
  /// recorded, it starts over, directly, so a first try may leave nothing behind; if it waited, all
  /// later calls are direct. Other kernels than the time before are a new graph, which takes longer
  /// than to run them: while they keep changing, ever more calls are direct, up to 64 in a row.
  /// Not for allocators with poison or guards, which wait at every block.
  void run(const std::function<void()>& work);
  /// How often a graph was made anew so far: once, unless the kernels change.
  int64_t built() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace weft
