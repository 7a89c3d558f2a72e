// Angles between predicted normals and labels, in degrees: mean, median, root mean square, shares
// within bounds; and the mean cosine. Labels are compared as the reader hands them over, whatever
// their length. A prediction that is NaN is 180 degrees off.
#include "train/metrics/angles.h"
#include "train/metrics/kinds/metric_kind.h"

namespace weft {
namespace {

struct Angles final : Tally {
  explicit Angles(const TallyOf&) {}

  void add_row(const double* unit, const float* label, int64_t width) override {
    for (int64_t x = 0; x < width; ++x) {
      const double a = label[3 * x], b = label[3 * x + 1], c = label[3 * x + 2];
      if (std::isnan(a)) continue;
      const double dot = a * unit[x] + b * unit[width + x] + c * unit[2 * width + x];
      tally.add(dot / std::sqrt(a * a + b * b + c * c));
    }
  }

  void join(Ranks& ranks) override { tally.join(ranks); }

  AngleTally tally;
};

template <double (AngleTally::*value)() const>
Measure angle(const Angles& angles) {
  if (angles.tally.count() == 0) return std::nullopt;
  return (angles.tally.*value)();
}

template <size_t bound>
Measure within(const Angles& angles) {
  if (angles.tally.count() == 0) return std::nullopt;
  return 100 * angles.tally.within(bound);
}

constexpr TaskKinds normals{TaskKind::normals};

constexpr MetricKind rows[] = {
    {.name = "angle_mean",
     .of = normals,
     .reads = reading<angle<&AngleTally::mean>>,
     .better = Better::lower,
     .shown = Shown::delta,
     .in_studies = InStudies::leads},
    {.name = "angle_median",
     .of = normals,
     .reads = reading<angle<&AngleTally::median>>,
     .better = Better::lower,
     .shown = Shown::delta},
    {.name = "within_11.25",
     .of = normals,
     .reads = reading<within<0>>,
     .better = Better::higher,
     .shown = Shown::delta},
    {.name = "within_22.5",
     .of = normals,
     .reads = reading<within<1>>,
     .better = Better::higher,
     .shown = Shown::delta},
    {.name = "within_30",
     .of = normals,
     .reads = reading<within<2>>,
     .better = Better::higher,
     .shown = Shown::delta},
    {.name = "within_45", .of = normals, .reads = reading<within<3>>, .better = Better::higher},
    {.name = "angle_rmse",
     .of = normals,
     .reads = reading<angle<&AngleTally::rmse>>,
     .better = Better::lower},
    {.name = "cosine",
     .of = normals,
     .reads = reading<angle<&AngleTally::mean_cosine>>,
     .better = Better::higher},
};

}  // namespace

MetricKinds normals_metrics() { return rows; }

}  // namespace weft
