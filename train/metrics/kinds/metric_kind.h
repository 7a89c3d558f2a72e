// A kind of metric: one row says all that weft knows of it. Each file of this folder has the rows of
// one subject and the tally that they read; list.cpp names the files. An example, whole:
//   Measure mean_iou(const Confusion& c);
//   constexpr MetricKind rows[] = {{.name = "miou", .of = {TaskKind::segmentation},
//                                   .reads = reading<mean_iou>, .better = Better::higher}};
//   MetricKinds iou_metrics() { return rows; }
#pragma once

#include <initializer_list>
#include <memory>
#include <span>

#include "train/metrics/kinds/tally.h"

namespace weft {

class TaskKinds {
 public:
  constexpr TaskKinds(std::initializer_list<TaskKind> kinds) {
    for (const TaskKind kind : kinds) bits_ |= bit(kind);
  }
  constexpr bool has(TaskKind kind) const { return (bits_ & bit(kind)) != 0; }

 private:
  static constexpr uint32_t bit(TaskKind kind) { return 1u << static_cast<uint32_t>(kind); }
  uint32_t bits_ = 0;
};

/// A tally, and the value that is read from it.
struct Reading {
  std::unique_ptr<Tally> (*make)(const TallyOf&);
  Measure (*value)(const Tally&);
};

template <class T>
std::unique_ptr<Tally> make_tally(const TallyOf& of) {
  return std::make_unique<T>(of);
}
template <auto value, class T>
constexpr Reading reading_of(Measure (*)(const T&)) {
  return {make_tally<T>, [](const Tally& tally) { return value(static_cast<const T&>(tally)); }};
}
/// Of a function Measure(const T&), T being a tally that is made of a TallyOf.
template <auto value>
constexpr Reading reading = reading_of<value>(value);

enum class Better : uint8_t { lower, higher };
enum class Unit : uint8_t {
  none,   ///< a share, an angle, a score
  label,  ///< an error in the unit of the labels
};
/// Where a metric is shown: each place includes those before it.
enum class Shown : uint8_t {
  eval,    ///< by `weft eval`, and in metrics.jsonl
  tables,  ///< in tables of runs
  delta,   ///< counted in Delta_T: what the papers list
};
/// Which metrics a study shows of a task: those that lead, then those that follow.
enum class InStudies : uint8_t { no, leads, follows };

struct MetricKind {
  const char* name;
  TaskKinds of;
  Reading reads;
  Better better;
  Shown shown = Shown::eval;
  InStudies in_studies = InStudies::no;
  Unit unit = Unit::none;
  bool (*applies)(const TaskSpec&) = nullptr;  ///< to a task of these kinds; null: to each
};

using MetricKinds = std::span<const MetricKind>;

/// All of them, in the order in which a task's are shown.
const std::vector<MetricKind>& metric_kinds();

}  // namespace weft
