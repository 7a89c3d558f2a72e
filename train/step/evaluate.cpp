// evaluate: batch by batch without recording; sums on the host in double.
#include "train/step/evaluate.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "data/fixed_sample.h"
#include "engine/ranks.h"
#include "models/sharing/per_input.h"
#include "train/metrics/baseline.h"
#include "train/metrics/losses.h"
#include "train/step/build.h"
#include "train/step/slopes.h"
#include "train/step/stop.h"

namespace weft {
namespace {

/// Images of the batch that have any valid label element of this task.
int64_t images_with_label(const Tensor& target) {
  const int64_t n = target.shape()[0], each = target.shape().inner(1);
  const float* v = target.data<float>();
  int64_t count = 0;
  for (int64_t i = 0; i < n; ++i)
    for (int64_t j = 0; j < each; ++j)
      if (!std::isnan(v[i * each + j])) {
        ++count;
        break;
      }
  return count;
}

}  // namespace

std::vector<TaskResult> evaluate(AnyContext context, Model& model, const RunFile& run,
                                 const Dataset& data, const std::vector<int64_t>& indices,
                                 const PolicyOfBatch& policy, int64_t batches,
                                 std::vector<TaskDetail>* details) {
  Ranks& ranks = current_ranks();
  std::vector<TaskMetrics> metrics;
  std::vector<Baseline> constants;
  std::vector<DetailTally> kept;
  const LearnedFromData from_data = data.learned();
  const std::vector<LearnedTask>& learned = from_data.tasks;
  const bool slopes = std::any_of(run.tasks.begin(), run.tasks.end(),
                                  [](const TaskSpec& task) { return !task.slopes.empty(); });
  if (slopes) set_trainable(model, Phase::infer);
  if (PerInput* own = per_input(model)) own->forget_executed();
  for (size_t k = 0; k < run.tasks.size(); ++k) {
    metrics.emplace_back(run.tasks[k], run.semantics, learned.empty() ? 1 : learned[k].deviation);
    constants.emplace_back(run.tasks[k], run.semantics);
    if (details) kept.emplace_back(run.tasks[k], run.semantics, from_data, k, run.tasks.size());
  }
  if (!indices.empty()) {
    const bool compat = run.semantics == Semantics::compat;
    LoaderOptions options = eval_loader_options(run, data);
    const std::vector<int64_t> sampled =
        batches > 0 && !compat
            ? fixed_sample(data, indices, run.tasks, batches * options.batch, options.per_task,
                           static_cast<uint64_t>(run.data.seed))
            : indices;
    const int64_t all = plan_epoch(data, sampled, options).batches;
    const int64_t last = batches > 0 && compat ? std::min(batches, all) : all;
    options.start_cursor = ranks.rank() * last / ranks.size();
    options.end_cursor = (ranks.rank() + 1) * last / ranks.size();
    // Batches are whole here: until the sums are joined, a rank works by itself.
    const RanksHere by_itself;
    std::optional<Loader> loader;
    if (options.start_cursor < options.end_cursor) loader.emplace(data, sampled, options);
    for (int64_t b = options.start_cursor; b < options.end_cursor; ++b) {
      if (ranks.alone()) throw_if_stopped();
      const Batch batch = loader->next();
      Tape tape(context, slopes ? Tape::Mode::train : Tape::Mode::no_grad);
      StepInputs in;
      in.phase = Phase::infer;
      in.seed = static_cast<uint64_t>(run.seed);
      in.chosen = policy(b);
      in.images = upload_images(tape, batch.images, model, run);
      if (slopes) in.images = tape.leaf(in.images.value());
      in.targets = batch.targets;
      const StepOutputs out = compute_step(tape, model, run, in);
      size_t next_key = 0;
      for (size_t k = 0; k < run.tasks.size(); ++k) {
        const auto samples = static_cast<size_t>(batch.targets[k].shape()[0]);
        const size_t first_key = std::exchange(next_key, options.per_task ? next_key + samples : 0);
        if (!out.losses[k]) {
          if (details) kept[k].add_unlabelled(samples);
          continue;
        }
        const Geometry geometry = geometry_of(model, k, in.images.shape());
        const Shape& at = out.predictions[k].shape();
        const Tensor prediction = to_host(context, out.predictions[k].value());
        metrics[k].add(prediction, batch.targets[k], geometry);
        if (details) kept[k].add(prediction, batch.targets[k], geometry, batch.keys, first_key);
        if (!run.tasks[k].slopes.empty()) {
          const int64_t each = in.images.shape()[0] / static_cast<int64_t>(run.tasks.size());
          const int64_t first = options.per_task ? static_cast<int64_t>(k) * each : 0;
          metrics[k].add_slopes(
              prediction,
              slopes_of(out.predictions[k], in.images, first, run.tasks[k], from_data.columns),
              batch.targets[k]);
        }
        metrics[k].add_loss(to_host(context, out.losses[k]->value()).item(),
                            compat ? static_cast<double>(images_with_label(batch.targets[k]))
                                   : loss_weight(run.tasks[k], run.semantics, batch.targets[k],
                                                 geometry, at[1], at[2]));
        constants[k].add(batch.targets[k], geometry, at[1], at[2]);
      }
    }
  }
  for (size_t k = 0; k < kept.size(); ++k) details->push_back(kept[k].finish(metrics[k]));
  std::vector<TaskResult> results;
  for (size_t k = 0; k < run.tasks.size(); ++k) {
    metrics[k].join(ranks);
    constants[k].join(ranks);
    results.push_back({run.tasks[k].name, metrics[k].loss(), metrics[k].finish(),
                       metrics[k].faults(), run.tasks[k].unit, std::nullopt});
    // A constant that is no number, as where all class weights are 0, is none.
    const double constant = constants[k].loss();
    if (std::isfinite(constant)) results.back().constant = constant;
  }
  return results;
}

const std::vector<int64_t>& part_of(const Parts& parts, EvalSplit split) {
  return split == EvalSplit::val ? parts.val : split == EvalSplit::test ? parts.test : parts.train;
}

std::string unit_of(const TaskResult& result, const std::string& metric, const char* before) {
  return result.unit.empty() || !in_label_unit(metric) ? "" : before + result.unit;
}

std::optional<std::string> fault_of(const std::vector<TaskResult>& results) {
  for (const TaskResult& r : results) {
    if (is_fault(r.loss))
      return fmt::format("the loss of task '{}' is {}", r.task, fixed_text(r.loss, 4));
    for (const Metric& m : r.metrics)
      if (is_fault(m.value))
        return fmt::format("the {} of task '{}' is {}", m.name, r.task, fixed_text(m.value, 4));
    if (r.faults > 0)
      return fmt::format("{} outputs of task '{}' are NaN or infinite", r.faults, r.task);
  }
  return std::nullopt;
}

}  // namespace weft
