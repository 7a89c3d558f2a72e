// conv2d's forward and backward_input as one product of gathered pixels, whichever instructions
// multiply: to[m, n] = bias[n] + sum over taps t, over k of from[source(m, t), k] weight[n, t, k],
// with from = x or dy and k its channels, contiguous. backward_input is the same sum with the roles
// swapped, over weight[c, t, k], and so the weight transposed.
// Along one axis the destinations that see the same taps inside the image form runs (for
// backward_input, of one residue of the stride each); a run of rows and a run of columns make a
// class: a box of pixels which all see the same taps, so its tiles multiply just these, exactly, and
// no loop tests a border. A dilated 3x3 on a small map has nine classes.
#pragma once

#include <algorithm>
#include <optional>
#include <vector>

#include "ops/conv2d.h"

namespace weft::tensor_conv {

constexpr int max_taps = 3, max_runs = 8;

/// A stretch of destination indices start, start + step, .. that see the same taps along one axis.
struct Run {
  int start, count, taps;
  int tap[max_taps], source[max_taps];  ///< the tap's index, and what it reads for `start`
};

struct Axis {
  int runs = 0, extent = 0, source_extent = 0;
  Run run[max_runs];
};

/// The sizes of the product; columns: n, depth: k.
struct Gather {
  int images, depth, columns, kernel_width, taps;
  int step, source_step;  ///< from one pixel of a run to the next, in `to` and in `from`
  Axis rows, cols;

  /// Of the result, all classes together.
  __host__ __device__ int64_t pixels() const { return int64_t{images} * rows.extent * cols.extent; }
};

/// A class, by its runs.
struct RunPair {
  int row_run, column_run, taps;
};

/// All classes, those with most taps first.
inline std::vector<RunPair> classes_of(const Gather& g) {
  std::vector<RunPair> all;
  for (int r = 0; r < g.rows.runs; ++r)
    for (int c = 0; c < g.cols.runs; ++c)
      all.push_back({r, c, g.rows.run[r].taps * g.cols.run[c].taps});
  std::stable_sort(all.begin(), all.end(),
                   [](const RunPair& a, const RunPair& b) { return a.taps > b.taps; });
  return all;
}

/// False where the axis has more runs than a kernel argument holds.
template <class Source>
bool build_axis(Axis& axis, int64_t extent, int64_t source_extent, int64_t taps, int step,
                Source&& source) {
  axis.extent = static_cast<int>(extent);
  axis.source_extent = static_cast<int>(source_extent);
  for (int residue = 0; residue < step; ++residue) {
    Run* open = nullptr;
    for (int at = residue; at < axis.extent; at += step) {
      Run seen{at, 1, 0, {}, {}};
      for (int t = 0; t < taps; ++t) {
        const int from = source(at, t);
        if (from < 0 || from >= axis.source_extent) continue;
        seen.tap[seen.taps] = t;
        seen.source[seen.taps++] = from;
      }
      if (open != nullptr && open->taps == seen.taps &&
          std::equal(seen.tap, seen.tap + seen.taps, open->tap)) {
        ++open->count;
        continue;
      }
      if (axis.runs == max_runs) return false;
      open = &axis.run[axis.runs++];
      *open = seen;
    }
  }
  return true;
}

/// What both directions have in common; nothing where the shape is not for these kernels: large
/// filters, unequal strides, more than 2^31 elements (offsets inside them are 32 bits).
inline std::optional<Gather> gather_sizes(const Conv2dShape& s) {
  constexpr int64_t most = int64_t{1} << 31;
  if (s.r > max_taps || s.s > max_taps || s.options.stride.h != s.options.stride.w ||
      s.input_pixels() * s.c >= most || s.output_pixels() * s.k >= most)
    return std::nullopt;
  Gather g{};
  g.images = static_cast<int>(s.n);
  g.kernel_width = static_cast<int>(s.s);
  g.taps = static_cast<int>(s.taps());
  return g;
}

inline std::optional<Gather> forward_gather(const Conv2dShape& s) {
  std::optional<Gather> g = gather_sizes(s);
  if (!g) return g;
  const Conv2dOptions& o = s.options;
  g->depth = static_cast<int>(s.c);
  g->columns = static_cast<int>(s.k);
  g->step = 1;
  g->source_step = static_cast<int>(o.stride.h);
  const auto source = [](int64_t stride, int64_t dilation, int64_t padding) {
    return
        [=](int at, int tap) { return static_cast<int>(at * stride + tap * dilation - padding); };
  };
  if (!build_axis(g->rows, s.p, s.h, s.r, 1, source(o.stride.h, o.dilation.h, o.padding.h)) ||
      !build_axis(g->cols, s.q, s.w, s.s, 1, source(o.stride.w, o.dilation.w, o.padding.w)))
    return std::nullopt;
  return g;
}

inline std::optional<Gather> backward_gather(const Conv2dShape& s) {
  std::optional<Gather> g = gather_sizes(s);
  if (!g) return g;
  const Conv2dOptions& o = s.options;
  const int stride = static_cast<int>(o.stride.h);
  g->depth = static_cast<int>(s.k);
  g->columns = static_cast<int>(s.c);
  g->step = stride;
  g->source_step = 1;
  const auto source = [stride](int64_t dilation, int64_t padding) {
    return [=](int at, int tap) {  // -1 where no output reads this pixel by this tap
      const int times = static_cast<int>(at + padding - tap * dilation);
      return times >= 0 && times % stride == 0 ? times / stride : -1;
    };
  };
  if (!build_axis(g->rows, s.h, s.p, s.r, stride, source(o.dilation.h, o.padding.h)) ||
      !build_axis(g->cols, s.w, s.q, s.s, stride, source(o.dilation.w, o.padding.w)))
    return std::nullopt;
  return g;
}

}  // namespace weft::tensor_conv
