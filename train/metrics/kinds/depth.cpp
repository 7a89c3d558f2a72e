// Depth p against its label g, after Eigen et al. (NeurIPS 2014), who also have abs:
//   rel: mean |p - g| / g;  sq_rel: mean (p - g)^2 / g;  rms: sqrt(mean (p - g)^2)
//   delta_T: the share with max(p / g, g / p) <= T, in percent; a depth p <= 0 is a miss
// Compat: rel and sq_rel are means of batches, and a negative p can be a hit, as the official code
// has it.
#include "train/metrics/kinds/metric_kind.h"

namespace weft {
namespace {

struct Depths final : Tally {
  explicit Depths(const TallyOf& of) : compat(of.compat()), rel(compat), sq_rel(compat) {}

  void add_row(const double* metres, const float* label, int64_t width) override {
    for (int64_t x = 0; x < width; ++x) {
      if (std::isnan(label[x])) continue;
      const double p = metres[x], g = label[x], error = std::abs(p - g), square = error * error;
      rel.add(error / g);
      sq_rel.add(square / g);
      squares += square;
      pixels += 1;
      // Two comparisons and no max(): a NaN prediction is a miss.
      double bound = 1;
      for (double& hit : hits) {
        bound *= 1.25;
        hit += (compat || p > 0) && p / g <= bound && g / p <= bound;
      }
    }
  }
  void add_batch(const Tensor&, const Tensor& labels) override {
    rel.end_batch(labels.shape()[0]);
    sq_rel.end_batch(labels.shape()[0]);
  }

  void join(Ranks& ranks) override {
    rel.join(ranks);
    sq_rel.join(ranks);
    ranks.sum_all(hits[0], hits[1], hits[2], squares, pixels);
  }

  bool compat;
  Mean rel, sq_rel;
  double hits[3] = {}, squares = 0, pixels = 0;
};

Measure rel(const Depths& d) { return d.rel.value(); }
Measure sq_rel(const Depths& d) { return d.sq_rel.value(); }
Measure rms(const Depths& d) { return root(ratio(d.squares, d.pixels)); }
template <size_t i>
Measure hits(const Depths& d) {
  return ratio(d.hits[i], d.pixels, 100);
}

constexpr TaskKinds depth{TaskKind::depth};

constexpr MetricKind rows[] = {
    {.name = "rel",
     .of = depth,
     .reads = reading<rel>,
     .better = Better::lower,
     .shown = Shown::delta},
    {.name = "delta_1.25",
     .of = depth,
     .reads = reading<hits<0>>,
     .better = Better::higher,
     .shown = Shown::delta},
    {.name = "delta_1.25^2",
     .of = depth,
     .reads = reading<hits<1>>,
     .better = Better::higher,
     .shown = Shown::delta},
    {.name = "delta_1.25^3",
     .of = depth,
     .reads = reading<hits<2>>,
     .better = Better::higher,
     .shown = Shown::delta},
    {.name = "sq_rel", .of = depth, .reads = reading<sq_rel>, .better = Better::lower},
    {.name = "rms",
     .of = depth,
     .reads = reading<rms>,
     .better = Better::lower,
     .unit = Unit::label},
};

}  // namespace

MetricKinds depth_metrics() { return rows; }

}  // namespace weft
