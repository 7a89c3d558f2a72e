// Metrics of multilabel tasks, in percent, over every label of a split:
//   map          the mean over classes of average precision, by each class's own logit; classes that
//                no label has count nothing
//   f1           as of classes: 2 TP / (2 TP + FP + FN), the mean over classes that are labelled or
//                predicted (macro)
//   micro_f1     the same of all classes' counts together, in which a frequent class counts more
//   exact_match  labels whose whole set is predicted
// A class is predicted where its logit is above 0. A logit that is NaN is wrong either way.
#include <cmath>

#include "engine/error.h"
#include "train/metrics/kinds/metric_kind.h"
#include "train/metrics/kinds/ranking.h"

namespace weft {
namespace {

struct LabelSets final : Tally {
  explicit LabelSets(const TallyOf& of)
      : task(of.task.name), classes(static_cast<size_t>(of.task.classes)) {}

  void add_batch(const Tensor& prediction, const Tensor& labels) override {
    if (prediction.numel() != labels.numel())
      throw ShapeError(fmt::format("task '{}': a logit for each class, got {} for labels {}", task,
                                   prediction.shape(), labels.shape()));
    const std::vector<double> logits = prediction.to_vector();
    const float* label = labels.data<float>();
    for (size_t i = 0; i < logits.size(); ++i) {
      if (std::isnan(label[i - i % classes])) continue;
      logit.push_back(logits[i]);
      positive.push_back(label[i] == 1);
    }
  }

  void join(Ranks& ranks) override {
    ranks.join(logit);
    ranks.join(positive);
  }

  bool wrong(size_t i) const {
    return std::isnan(logit[i]) || (logit[i] > 0) != (positive[i] == 1);
  }

  std::string task;
  size_t classes;
  std::vector<double> logit;  ///< [labels, classes]
  std::vector<char> positive;
};

struct Counts {
  double right = 0, said = 0, there = 0;

  Measure f1() const { return ratio(2 * right, said + there, 100); }
};

/// Of each class.
std::vector<Counts> counts_of(const LabelSets& s) {
  std::vector<Counts> out(s.classes);
  for (size_t i = 0; i < s.logit.size(); ++i) {
    Counts& c = out[i % s.classes];
    const bool there = s.positive[i] == 1;
    c.right += there && !s.wrong(i);
    c.said += there != s.wrong(i);
    c.there += there;
  }
  return out;
}

/// Over the classes that have one.
Measure mean_of(const std::vector<Measure>& values) {
  double sum = 0, count = 0;
  for (const Measure& value : values)
    if (value) {
      sum += *value;
      count += 1;
    }
  return ratio(sum, count);
}

Measure map(const LabelSets& s) {
  std::vector<Measure> of_classes;
  for (size_t c = 0; c < s.classes; ++c) {
    std::vector<double> scores;
    std::vector<bool> positive;
    for (size_t i = c; i < s.logit.size(); i += s.classes) {
      scores.push_back(s.logit[i]);
      positive.push_back(s.positive[i] == 1);
    }
    const Measure precision = average_precision(scores, positive);
    of_classes.push_back(precision ? Measure(100 * *precision) : precision);
  }
  return mean_of(of_classes);
}

Measure macro_f1(const LabelSets& s) {
  std::vector<Measure> of_classes;
  for (const Counts& c : counts_of(s)) of_classes.push_back(c.f1());
  return mean_of(of_classes);
}

Measure micro_f1(const LabelSets& s) {
  Counts all;
  for (const Counts& c : counts_of(s)) {
    all.right += c.right;
    all.said += c.said;
    all.there += c.there;
  }
  return all.f1();
}

Measure exact_match(const LabelSets& s) {
  double whole = 0, labels = 0;
  for (size_t i = 0; i < s.logit.size(); i += s.classes, labels += 1) {
    bool right = true;
    for (size_t c = 0; c < s.classes; ++c) right &= !s.wrong(i + c);
    whole += right;
  }
  return ratio(whole, labels, 100);
}

constexpr TaskKinds sets{TaskKind::multilabel};
constexpr MetricKind rows[] = {
    {.name = "map",
     .of = sets,
     .reads = reading<map>,
     .better = Better::higher,
     .shown = Shown::delta,
     .in_studies = InStudies::leads},
    {.name = "f1", .of = sets, .reads = reading<macro_f1>, .better = Better::higher},
    {.name = "micro_f1",
     .of = sets,
     .reads = reading<micro_f1>,
     .better = Better::higher,
     .shown = Shown::delta,
     .in_studies = InStudies::follows},
    {.name = "exact_match",
     .of = sets,
     .reads = reading<exact_match>,
     .better = Better::higher,
     .shown = Shown::tables}};

}  // namespace

MetricKinds label_set_metrics() { return rows; }

}  // namespace weft
