// From TOML text to a RunFile: what a key inherits where nobody set it.
#include <filesystem>

#include "engine/error.h"
#include "models/sharing/way.h"
#include "train/run_file/keys.h"
#include "train/run_file/toml/toml_document.h"

namespace weft {
namespace {

void fill_trunk_lr(const RunFile& run, const char* phase, OptimizerSpec& optimizer) {
  const std::string key = fmt::format("{}.optimizer.", phase);
  const bool lr_alone = run.places.count(key + "lr") && !run.places.count(key + "trunk_lr");
  if (lr_alone || !optimizer.trunk_lr) optimizer.trunk_lr = optimizer.lr;
}

/// Whether tasks' features differ where they pass one batch norm: then one set of running
/// statistics is a mixture that no task has in training, and what is tested is not what was
/// trained.
bool features_differ(const RunFile& run) {
  const bool no_batch_norm = run.model.trunk == TrunkName::vgg16 || run.model.norm == Norm::none;
  if (no_batch_norm) return false;
  const WayOfSharing& way = way_of(run.sharing);
  return way.trunks.shared > 0 && (way.features_differ || run.data.inputs == Whose::per_task ||
                                   run.model.bn_affine == Whose::per_task);
}

}  // namespace

RunFile parse_run_text(const std::string& text, const std::string& source,
                       const std::vector<std::string>& overrides) {
  TomlDocument document(text, source);
  for (const std::string& item : overrides) document.apply(item);
  const auto read = [&](RunFile& run) {
    run.places = document.read([&](FieldVisitor& v) { visit_fields(v, run); });
    run.places[""] = source;
  };

  // The first reading tells what [policy] and [retrain] inherit, the second reads over it.
  RunFile first, run;
  read(first);
  fill_trunk_lr(first, "warmup", first.warmup.optimizer);
  run.policy.optimizer.lr = first.warmup.optimizer.lr;
  run.policy.optimizer.trunk_lr = first.warmup.optimizer.trunk_lr;
  run.retrain.optimizer = first.warmup.optimizer;
  run.retrain.schedule = first.warmup.schedule;
  run.retrain.clip_norm = first.warmup.clip_norm;
  read(run);
  fill_trunk_lr(run, "warmup", run.warmup.optimizer);
  fill_trunk_lr(run, "policy", run.policy.optimizer);
  fill_trunk_lr(run, "retrain", run.retrain.optimizer);
  for (TaskSpec& task : run.tasks) {
    const std::string key = "task." + task.name;
    if (run.places.count(key + ".kind") == 0)
      throw ConfigError(run.place(key) + ": a [[task]] needs a kind");
    if (task.column.empty()) task.column = task.name;
  }
  if (run.name.empty()) run.name = std::filesystem::path(source).stem().string();
  if (run.data.kind == DataKind::scenes && run.data.size[0] == 0) run.data.size = {96, 96};
  const bool texts = run.data.kind == DataKind::text;
  if ((texts || run.data.kind == DataKind::tabular) && run.places.count("data.normalize") == 0)
    run.data.normalize = Normalize::none;
  if (texts && run.data.columns.empty()) run.data.columns = {"text"};
  if (texts && run.places.count("model.in_channels") == 0) run.model.in_channels = 1;
  if (is_vdcnn(run.model.trunk) && run.places.count("model.head") == 0)
    run.model.head = HeadKind::k_max;
  const bool own_images =
      run.data.kind == DataKind::domainnet ||
      ((texts || run.data.kind == DataKind::csv) && !run.data.task_column.empty()) ||
      (texts && !run.tasks.empty() && !run.tasks[0].index.empty());
  if (own_images && run.places.count("data.inputs") == 0) run.data.inputs = Whose::per_task;
  const bool compat = run.semantics == Semantics::compat;
  const auto official = [&](const char* key) { return compat && run.places.count(key) == 0; };
  if (official("eval.batches")) run.eval.batches = 11;
  if (official("policy.floor")) run.policy.floor = 0;
  if (official("policy.choose")) run.policy.choose = Choose::draw;
  if (!compat && run.places.count("model.bn.running") == 0 && features_differ(run))
    run.model.bn_running = Whose::per_task;
  check_run_file(run);
  return run;
}

RunFile parse_run_file(const std::string& path, const std::vector<std::string>& overrides) {
  return parse_run_text(read_toml_text(path, "run file"), path, overrides);
}

}  // namespace weft
