// calibrated and accuracy_of: the evaluation's loader, and both networks on what it gives.
#include "train/export/int8/on_data.h"

#include <algorithm>
#include <functional>

#include "data/fixed_sample.h"
#include "data/loader.h"
#include "data/target.h"
#include "engine/error.h"
#include "train/export/at_size.h"
#include "train/export/int8/calibrate.h"
#include "train/export/int8/run_int8.h"
#include "train/export/run_network.h"
#include "train/metrics/geometry.h"
#include "train/metrics/labels.h"
#include "train/step/build.h"
#include "train/step/stop.h"

namespace weft {
namespace {

void each_batch(const RunData& on, const std::vector<int64_t>& indices,
                const std::function<void(const Batch&)>& f) {
  const LoaderOptions options = eval_loader_options(on.run, on.data);
  const int64_t batches = plan_epoch(on.data, indices, options).batches;
  LoaderOptions bounded = options;
  bounded.end_cursor = batches;
  Loader loader(on.data, indices, bounded);
  for (int64_t b = 0; b < batches; ++b) {
    throw_if_stopped();
    f(loader.next());
  }
}

/// Rows of a table together; pictures one at a time, whose maps all are kept.
int64_t at_once(const Tensor& images) {
  const Shape& s = images.shape();
  return s[1] * s[2] == 1 ? s[0] : 1;
}

/// The network for pictures as the data have them, which may be another size than the export's.
ExportedNetwork sized(const ExportedNetwork& network, int64_t height, int64_t width) {
  const Shape& own = network.nodes.at(0).shape;
  if (own[0] == height && own[1] == width) return network;
  if (const std::string layer = one_pixel_layer(network); !layer.empty())
    throw DataError(
        fmt::format("export: the data's pictures are {}x{}, and the network is for {}x{} alone, "
                    "where the map of "
                    "{} is one pixel, so that --quantise cannot measure it; leave --size out",
                    height, width, own[0], own[1], layer));
  return at_size(network, height, width);
}

/// Every output for all images, [N, h, w, C] each.
std::vector<Tensor> in_parts(const Tensor& images,
                             const std::function<std::vector<Tensor>(const Tensor&)>& run) {
  const int64_t n = images.shape()[0], step = at_once(images);
  std::vector<Tensor> whole;
  for (int64_t row = 0; row < n; row += step) {
    const std::vector<Tensor> part = run(images.rows(row, step));
    for (size_t k = 0; k < part.size(); ++k) {
      const Shape& s = part[k].shape();
      if (row == 0) whole.push_back(Tensor::empty({n, s[1], s[2], s[3]}, DType::f32));
      std::copy_n(part[k].data<float>(), part[k].numel(), whole[k].rows(row, step).data<float>());
    }
  }
  return whole;
}

}  // namespace

Calibrated calibrated(const AnyContext& context, const ExportedNetwork& network, const RunData& on,
                      const std::vector<int64_t>& train, int64_t count) {
  if (train.empty())
    throw DataError("export --quantise: the data have no training images to find ranges in");
  const LoaderOptions options = eval_loader_options(on.run, on.data);
  const std::vector<int64_t> sample = fixed_sample(
      on.data, train, on.run.tasks, std::min(count, static_cast<int64_t>(train.size())),
      options.per_task, static_cast<uint64_t>(on.run.data.seed));
  ExportedNetwork seen;
  std::optional<Calibration> calibration;
  each_batch(on, sample, [&](const Batch& batch) {
    const Shape& s = batch.images.shape();
    if (!calibration) {
      seen = sized(network, s[1], s[2]);
      calibration.emplace(seen);
    }
    const int64_t step = at_once(batch.images);
    for (int64_t row = 0; row < s[0]; row += step)
      calibration->observe(context, batch.images.rows(row, step));
  });
  return {calibration->ranges(), static_cast<int64_t>(sample.size())};
}

std::vector<TaskAccuracy> accuracy_of(const AnyContext& context, const Int8Network& network,
                                      const RunData& on, const std::vector<int64_t>& indices) {
  const std::vector<TaskSpec>& tasks = on.run.tasks;
  const std::vector<LearnedTask> learned = on.data.learned().tasks;
  std::vector<size_t> task_of;  // of each output
  std::vector<TaskMetrics> f32, int8;
  for (const ExportedOutput& out : network.network.outputs) {
    const auto is = [&](const TaskSpec& t) { return t.name == out.task; };
    const auto k =
        static_cast<size_t>(std::find_if(tasks.begin(), tasks.end(), is) - tasks.begin());
    if (k == tasks.size()) throw Error("accuracy_of: an output of no task");
    task_of.push_back(k);
    const double deviation = learned.empty() ? 1 : learned.at(k).deviation;
    f32.emplace_back(tasks[k], on.run.semantics, deviation);
    int8.emplace_back(tasks[k], on.run.semantics, deviation);
  }
  std::optional<Int8Network> seen;
  const bool per_task = eval_loader_options(on.run, on.data).per_task;
  each_batch(on, indices, [&](const Batch& batch) {
    const Shape& s = batch.images.shape();
    if (!seen) {
      seen = network;
      seen->network = sized(network.network, s[1], s[2]);
    }
    const std::vector<Tensor> exact = in_parts(
        batch.images, [&](const Tensor& x) { return run_network(context, seen->network, x); });
    const std::vector<Tensor> rounded =
        in_parts(batch.images, [&](const Tensor& x) { return run_int8(context, *seen, x); });
    const int64_t each = per_task ? s[0] / static_cast<int64_t>(tasks.size()) : 0;
    for (size_t o = 0; o < task_of.size(); ++o) {
      const size_t k = task_of[o];
      const Tensor& target = batch.targets[k];
      const int64_t first = static_cast<int64_t>(k) * each, rows = target.shape()[0];
      if (rows == 0) continue;
      const Geometry geometry = geometry_of(on.model, k, s);
      const Shape& at = exact[o].shape();  // evaluate() leaves out what has no loss
      const Tensor labels = labels_at(tasks[k], on.run.semantics, target, geometry, at[1], at[2]);
      if (count_valid(labels) == 0) continue;
      f32[o].add(exact[o].rows(first, rows), target, geometry);
      int8[o].add(rounded[o].rows(first, rows), target, geometry);
    }
  });
  std::vector<TaskAccuracy> out;
  for (size_t o = 0; o < task_of.size(); ++o) {
    const TaskSpec& task = tasks[task_of[o]];
    out.push_back({task.name, f32[o].finish(), int8[o].finish(), {}});
    for (const std::string& slope : task.slopes)
      out.back().slopes.push_back(parse_slope(slope, "task." + task.name + ".slopes").label);
  }
  return out;
}

}  // namespace weft
