// Tables of pixels, kept by what they follow from; each image's part of a tap is one chunk. Large
// ones are made anew each time: against their products they cost nothing that could be measured.
#include "ops/conv2d_tables.h"

#include <algorithm>
#include <array>
#include <map>
#include <mutex>

namespace weft::conv_tables {
namespace {

enum class Kind : int64_t { pairs, outputs, inputs, padded };

constexpr int64_t most_bytes = int64_t{64} << 20;  // of all that is kept
constexpr int64_t large_bytes = most_bytes / 8;    // is not kept

class Kept {
 public:
  /// The table of `count` indices that fill(int32_t*) writes.
  template <class Fill>
  Table get(Kind kind, const Conv2dShape& s, int64_t count, Fill&& fill) {
    const int64_t bytes = count * static_cast<int64_t>(sizeof(int32_t));
    const Conv2dOptions& o = s.options;
    const Key key{static_cast<int64_t>(kind),
                  s.n,
                  s.h,
                  s.w,
                  s.r,
                  s.s,
                  o.stride.h,
                  o.stride.w,
                  o.padding.h,
                  o.padding.w,
                  o.dilation.h,
                  o.dilation.w};
    {
      const std::lock_guard lock(mutex_);
      if (const auto found = tables_.find(key); found != tables_.end()) return found->second;
    }
    const std::shared_ptr<int32_t[]> made(new int32_t[static_cast<size_t>(count)]);
    fill(made.get());
    if (bytes > large_bytes) return made;
    const std::lock_guard lock(mutex_);
    if (bytes_ + bytes > most_bytes) {
      tables_.clear();
      bytes_ = 0;
    }
    if (tables_.emplace(key, made).second) bytes_ += bytes;
    return made;
  }

 private:
  using Key = std::array<int64_t, 12>;
  std::mutex mutex_;
  std::map<Key, Table> tables_;
  int64_t bytes_ = 0;
};

Kept& kept() {
  static Kept all;
  return all;
}

/// f(output pixel, input pixel) for image n's pairs of tap t, in ascending order.
template <class F>
void for_pairs(const Conv2dShape& s, int64_t t, int64_t n, F&& f) {
  const Conv2dOptions& o = s.options;
  const auto rows = s.valid_rows(t / s.s), columns = s.valid_columns(t % s.s);
  const int64_t dh = t / s.s * o.dilation.h - o.padding.h;
  const int64_t dw = t % s.s * o.dilation.w - o.padding.w;
  for (int64_t p = rows.begin; p < rows.end; ++p) {
    const int64_t out = (n * s.p + p) * s.q, in = (n * s.h + p * o.stride.h + dh) * s.w + dw;
    for (int64_t q = columns.begin; q < columns.end; ++q)
      f(static_cast<int32_t>(out + q), static_cast<int32_t>(in + q * o.stride.w));
  }
}

}  // namespace

TapPairs::TapPairs(CpuContext& ctx, const Conv2dShape& s) {
  int64_t total = 0;
  std::vector<int64_t> of_image;
  for (int64_t t = 0; t < s.taps(); ++t) {
    of_image.push_back(s.valid_rows(t / s.s).size() * s.valid_columns(t % s.s).size());
    taps_.push_back({t, s.n * of_image.back(), nullptr, nullptr});
    total += taps_.back().count;
  }
  const auto place = [&](const int32_t* next) {
    for (Tap& tap : taps_) {
      tap.out = next;
      tap.in = next + tap.count;
      next += 2 * tap.count;
    }
  };
  table_ = kept().get(Kind::pairs, s, 2 * total, [&](int32_t* table) {
    place(table);
    ctx.for_chunks(s.taps() * s.n, 1, [&](int64_t i, int64_t) {
      const int64_t t = i / s.n, n = i % s.n;
      int32_t* out = table + (taps_[t].out - table) + n * of_image[t];
      int32_t* in = out + taps_[t].count;
      for_pairs(s, t, n, [&](int32_t to, int32_t from) {
        *out++ = to;
        *in++ = from;
      });
    });
  });
  place(table_.get());
}

namespace {

/// The pixel paired with each of one side, whose images have `of_image` of them; store(table of a tap,
/// output pixel, input pixel).
template <class Store>
Table paired(CpuContext& ctx, Kind kind, const Conv2dShape& s, int64_t of_image, Store store) {
  const int64_t pixels = s.n * of_image;
  return kept().get(kind, s, s.taps() * pixels, [&](int32_t* table) {
    ctx.for_chunks(s.taps() * s.n, 1, [&](int64_t i, int64_t) {
      const int64_t t = i / s.n, n = i % s.n;
      int32_t* const mine = table + t * pixels;
      std::fill_n(mine + n * of_image, of_image, -1);
      for_pairs(s, t, n, [&](int32_t out, int32_t in) { store(mine, out, in); });
    });
  });
}

}  // namespace

Table of_outputs(CpuContext& ctx, const Conv2dShape& s) {
  return paired(ctx, Kind::outputs, s, s.p * s.q,
                [](int32_t* tap, int32_t out, int32_t in) { tap[out] = in; });
}

Table of_inputs(CpuContext& ctx, const Conv2dShape& s) {
  return paired(ctx, Kind::inputs, s, s.h * s.w,
                [](int32_t* tap, int32_t out, int32_t in) { tap[in] = out; });
}

Table of_padded(CpuContext& ctx, const Conv2dShape& s) {
  const Conv2dOptions& o = s.options;
  const int64_t height = s.h + 2 * o.padding.h, width = s.w + 2 * o.padding.w;
  return kept().get(Kind::padded, s, s.output_pixels(), [&](int32_t* table) {
    ctx.for_chunks(s.n * s.p, 16, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) {
        const int64_t first = (i / s.p * height + i % s.p * o.stride.h) * width;
        for (int64_t q = 0; q < s.q; ++q)
          table[i * s.q + q] = static_cast<int32_t>(first + q * o.stride.w);
      }
    });
  });
}

}  // namespace weft::conv_tables
