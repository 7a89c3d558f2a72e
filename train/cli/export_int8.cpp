// export_int8: data, ranges, both networks measured.
#include "train/cli/export_int8.h"

namespace weft::cli {
namespace {

EvalSplit measured_split(const Int8Options& int8, const Parts& parts) {
  const EvalSplit split = !int8.split.empty() ? from_word<EvalSplit>("--split", int8.split)
                          : parts.val.empty() ? EvalSplit::test
                                              : EvalSplit::val;
  if (part_of(parts, split).empty())
    throw DataError(fmt::format(
        "export --quantise: the data have no {} split to measure int8 on; {}", name_of(split),
        int8.split.empty() ? "name a test file (data.test_index)" : "choose another with --split"));
  return split;
}

}  // namespace

Int8Export export_int8(OpenedRun& run, const ExportedNetwork& network,
                       const RunExportOptions& options, const Int8Options& int8) {
  const auto data = open_dataset(run.run, &run.learned);
  const Parts parts = make_parts(*data, run.run.semantics);
  const EvalSplit split = measured_split(int8, parts);
  check_split(run, *data, split, "export --quantise");
  const RunData on{run.run, *run.model, *data};
  // The loader normalises, so what is measured does not.
  RunExportOptions outside = options;
  outside.normalise = NormaliseInputs::outside;
  const ExportedNetwork seen =
      options.normalise == NormaliseInputs::outside
          ? network
          : export_run(run.context(), *run.model, run.run, run.policy(), run.learned, outside)
                .network;
  Calibrated found = calibrated(run.context(), seen, on, parts.train, int8.calibrate);
  std::vector<Range>& ranges = found.ranges;
  Int8Export out;
  out.network = quantised(seen, ranges);
  const std::vector<int64_t>& indices = part_of(parts, split);
  out.accuracy = accuracy_of(run.context(), out.network, on, indices);
  const char* images = run.learned.columns.empty() ? "images" : "rows";
  out.calibrated_on = fmt::format("{} training {}", found.images, images);
  out.measured_on = fmt::format("{} {} of {}", indices.size(), images, name_of(split));
  if (network.nodes.size() == seen.nodes.size()) return out;
  ranges.insert(ranges.begin(), Range{});  // of the input before it is normalised
  out.network = quantised(network, ranges, /*normalised=*/true);
  return out;
}

void print_accuracy(const Int8Export& made) {
  fmt::print("int8 by {}, on {}:\n", made.calibrated_on, made.measured_on);
  fmt::print("{:<28} {:>12} {:>12}\n", "", "f32", "int8");
  for (const TaskAccuracy& task : made.accuracy) {
    for (size_t m = 0; m < task.f32.size(); ++m) {
      if (!task.f32[m].value && !task.int8.at(m).value) continue;  // no label says it
      fmt::print("{:<28} {:>12} {:>12}\n", task.task + " " + task.f32[m].name,
                 fixed_text(task.f32[m].value, 4), fixed_text(task.int8.at(m).value, 4));
    }
    if (!task.slopes.empty())
      fmt::print(
          "{} {}: not measured: int8 outputs are constant from step to step and have no slopes; "
          "`weft eval` measures f32's\n",
          task.task, fmt::join(task.slopes, ", "));
  }
}

}  // namespace weft::cli
