// export_run: the model's forward pass as prediction runs it, and its notes.
#include "train/export/export_run.h"

#include "engine/error.h"
#include "models/execute.h"
#include "models/sharing/per_input.h"
#include "train/export/fold.h"
#include "train/export/normalise_inputs.h"
#include "train/export/trace_network.h"
#include "train/step/step.h"

namespace weft {
namespace {

Shape input_shape(const RunFile& run, const Model& model, const LearnedFromData& learned,
                  const RunExportOptions& options) {
  if (run.data.kind == DataKind::text) {
    if (options.height > 0)
      throw ConfigError("export: --size is for pictures; a text's length is the run's data.length");
    return {1, run.data.length, 1};
  }
  const bool table = !learned.columns.empty();
  if (table && options.height > 0)
    throw ConfigError("export: --size is for pictures; a table's row has none");
  if (table) return {1, 1, model.trunk().in_channels()};
  const bool given = options.height > 0;
  return {given ? options.height : learned.height, given ? options.width : learned.width,
          run.model.in_channels};
}

/// What the numbers of a class task say, and what its classes are called.
std::string classes_note(const LearnedFromData& learned, const TaskSpec& task, size_t k) {
  if (task.kind == TaskKind::binary)
    return fmt::format("; above 0 it is {}, else {}; the chance of the former is 1 / (1 + e^-x)",
                       label_text(learned, task, k, 1), label_text(learned, task, k, 0));
  const bool sets = task.kind == TaskKind::multilabel;
  if (task.kind != TaskKind::classification && task.kind != TaskKind::segmentation && !sets)
    return "";
  std::string text = sets ? "; a class is there where its number x is above 0, by the chance 1 / "
                            "(1 + e^-x)"
                          : "; the largest says which class it is";
  const char* before = ": ";
  for (int c = 0; c < task.classes; ++c) {
    const std::string name = label_text(learned, task, k, c);
    if (name == fmt::format("{}", c)) continue;  // it has none
    text += fmt::format("{}{} {}", before, c, name);
    before = ", ";
  }
  return text;
}

std::string output_note(const RunFile& run, const Model& model, const LearnedFromData& learned,
                        const ExportedNetwork& network, const ExportedOutput& out) {
  const Shape& s = network.nodes[static_cast<size_t>(out.node)].shape;
  for (size_t k = 0; k < run.tasks.size(); ++k) {
    const TaskSpec& task = run.tasks[k];
    if (task.name != out.task) continue;
    std::string text =
        fmt::format("output {}: {}, [{}][{}][{}]", task.name, name_of(task.kind), s[0], s[1], s[2]);
    if (!task.image_label())
      text += fmt::format("; row and column i look at pixel {} + {} i of the picture",
                          model.grid(k).first, model.grid(k).stride);
    if (task.standardize)
      text += fmt::format("; the label is {:.9g} + {:.9g} times it", learned.tasks.at(k).mean,
                          learned.tasks.at(k).deviation);
    text += classes_note(learned, task, k);
    if (!task.unit.empty()) text += fmt::format(", in {}", task.unit);
    if (!task.target.empty()) text += fmt::format(", and that is {}", task.target);
    return text;
  }
  throw Error("export: an output of no task");
}

ExportedUsage usage_of(const RunFile& run, const Model& model, const LearnedFromData& learned,
                       const ExportedNetwork& network, bool inside) {
  ExportedUsage out{run.semantics, inside, run.model.in_channels, run.data, {}, {}, learned};
  out.learned.tasks.clear();
  out.learned.fingerprint = {};
  for (const ExportedOutput& o : network.outputs)
    for (size_t k = 0; k < run.tasks.size(); ++k) {
      if (run.tasks[k].name != o.task) continue;
      out.tasks.push_back(run.tasks[k]);
      out.grids.push_back(run.tasks[k].image_label() ? Grid{} : model.grid(k));
      if (!learned.tasks.empty()) out.learned.tasks.push_back(learned.tasks.at(k));
    }
  return out;
}

}  // namespace

RunExport export_run(const AnyContext& context, Model& model, const RunFile& run,
                     const BinaryPolicy* policy, const LearnedFromData& learned,
                     const RunExportOptions& options) {
  if (per_input(model) != nullptr)
    throw ConfigError(
        fmt::format("export: under sharing = \"{}\" every input executes blocks of its own, and an "
                    "exported network is one fixed list of operations; `predict` runs it",
                    name_of(run.sharing)));
  const Shape input = input_shape(run, model, learned, options);
  const ForwardPass forward = [&](Pass& pass, const Var& image) {
    StepInputs in;
    in.phase = Phase::infer;
    in.chosen = policy;
    const auto sample = sample_policy(pass, model, run, in);
    const int copies = model.separate_inputs() ? static_cast<int>(run.tasks.size()) : 1;
    return model.forward(pass, repeat(image, copies), sample ? &*sample : nullptr);
  };
  RunExport out;
  out.network = export_network(context, model.store().dtype(), input, model.task_names(), forward,
                               options.tasks);
  const bool inside = options.normalise == NormaliseInputs::inside;
  if (inside) out.network = normalised_inside(out.network, learned);
  out.usage = usage_of(run, model, learned, out.network, inside);
  const bool text = run.data.kind == DataKind::text;
  out.notes = text ? text_notes(run.data, out.usage.tasks) : input_notes(input, learned, inside);
  for (const ExportedOutput& o : out.network.outputs)
    out.notes.push_back(output_note(run, model, learned, out.network, o));
  const ModelCost cost = model.cost(input[0], input[1], nullptr);
  out.full.parameters = cost.body_parameters() + cost.head_parameters;
  for (const NamedStats& s : static_cast<const Model&>(model).store().stats())
    out.full.parameters += s.stats.running_mean.numel() + s.stats.running_var.numel();
  out.full.macs = cost.body().dense + cost.heads.dense;
  return out;
}

}  // namespace weft
