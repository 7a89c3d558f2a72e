// An exported network ready to run: weights packed for a set of kernels, layers fused, every value
// at its place in one block of memory (train/export/memory_plan.h). One picture at a time.
#pragma once

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "runner/floats.h"
#include "runner/fuse.h"
#include "runner/kernels.h"
#include "runner/winograd.h"
#include "runner/workers.h"
#include "train/export/memory_plan.h"

namespace weft::runner {

class Program {
 public:
  /// `network` as at_size() gives it (train/export/at_size.h). `kernels` and `workers` outlive it.
  Program(const ExportedNetwork& network, const Kernels& kernels, Workers& workers);

  /// For pictures of another size: the same network, at_size().
  void resize(const ExportedNetwork& network);

  /// [H, W, C], for the caller to fill before run().
  const Shape& input_shape() const { return network_.nodes[0].shape; }
  float* input() { return input_.data(); }
  void run();

  struct Output {
    std::string task;
    Shape shape;  ///< [h, w, C]
    const float* values;
  };
  std::vector<Output> outputs() const;

  /// Seconds that the last run() took for each output: for the layers that lead to it, shared ones
  /// counted for every task; and for all layers once.
  std::vector<double> seconds_of_outputs() const;
  double seconds() const;

 private:
  void run(size_t number);
  void conv(size_t number);
  ConvWork work_of(const ExportedNode& node) const;
  WinogradLayout layout_of(const ConvWork& work) const;
  void prepare();
  const float* value(int node) const;
  float* place(size_t number) { return memory_.data() + plan_.offset[number]; }
  /// f(begin, end, part) for equal parts of 0 .. n - 1, a thread each where there is `least` to do.
  template <class F>
  void over(int64_t n, int64_t least, const F& f);

  using WeightKey = std::pair<const void*, int64_t>;  ///< a tensor's bytes, and groups
  static WeightKey key_of(const ConvWork& work, const Tensor& weight) {
    return {weight.raw(), work.groups};
  }

  const Kernels& kernels_;
  Workers& workers_;
  ExportedNetwork network_;
  std::vector<bool> relu_;
  std::vector<std::vector<bool>> leads_;  ///< output x node
  MemoryPlan plan_;
  std::map<WeightKey, Floats> packed_, spread_;  ///< spread: Winograd's
  Floats input_, memory_, scratch_, zeros_;
  int64_t scratch_floats_ = 0;   ///< of a thread
  std::vector<double> seconds_;  ///< of each node
};

}  // namespace weft::runner
