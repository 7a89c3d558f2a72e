// evaluate: batch by batch without recording; sums on the host in double.
#include "train/evaluate.h"

#include <cmath>
#include <limits>

#include "train/build.h"
#include "train/stop.h"

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
                                 const PolicyOfBatch& policy, int64_t batches) {
  std::vector<TaskMetrics> metrics;
  const std::vector<LearnedTask> learned = data.learned().tasks;
  for (size_t k = 0; k < run.tasks.size(); ++k)
    metrics.emplace_back(run.tasks[k], run.semantics, learned.empty() ? 1 : learned[k].deviation);
  if (!indices.empty()) {
    LoaderOptions options = eval_loader_options(run, data);
    const int64_t all = plan_epoch(data, indices, options).batches;
    options.end_cursor = batches > 0 ? std::min(batches, all) : all;
    Loader loader(data, indices, options);
    for (int64_t b = 0; b < options.end_cursor; ++b) {
      throw_if_stopped();
      const Batch batch = loader.next();
      Tape tape(context, Tape::Mode::no_grad);
      StepInputs in;
      in.phase = Phase::infer;
      in.seed = static_cast<uint64_t>(run.seed);
      in.drawn = policy(b);
      in.images = upload_images(tape, batch.images, model, run);
      in.targets = batch.targets;
      const StepOutputs out = compute_step(tape, model, run, in);
      for (size_t k = 0; k < run.tasks.size(); ++k) {
        if (!out.losses[k]) continue;
        metrics[k].add(to_host(context, out.predictions[k].value()), batch.targets[k],
                       geometry_of(model, k, in.images.shape()));
        metrics[k].add_loss(to_host(context, out.losses[k]->value()).item(),
                            static_cast<double>(images_with_label(batch.targets[k])));
      }
    }
  }
  std::vector<TaskResult> results;
  for (size_t k = 0; k < run.tasks.size(); ++k)
    results.push_back({run.tasks[k].name, metrics[k].loss(), metrics[k].finish(),
                       metrics[k].faults(), run.tasks[k].unit});
  return results;
}

std::string unit_of(const TaskResult& result, const std::string& metric, const char* before) {
  return result.unit.empty() || !in_label_unit(metric) ? "" : before + result.unit;
}

double score(const RunFile& run, const std::vector<TaskResult>& results) {
  double sum = 0;
  for (size_t k = 0; k < results.size(); ++k)
    if (results[k].loss) sum += run.tasks[k].weight * *results[k].loss;
  return std::isnan(sum) ? std::numeric_limits<double>::infinity() : sum;
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
