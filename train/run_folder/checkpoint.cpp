// Checkpoints: the store, walked in order, under the names of the files' world.
#include "train/run_folder/checkpoint.h"

#include <algorithm>

#include "train/step/finite.h"

namespace weft {
namespace {

/// Before the names of moments: "optim.NAME.exp_avg".
const std::string moments = "optim.";

/// Metadata: of how many parameters a checkpoint holds moments; absent: it holds weights alone.
constexpr const char* moments_key = "moments";

size_t count_moments(const std::vector<const Optimizer*>& optimizers) {
  size_t count = 0;
  for (const Optimizer* optimizer : optimizers)
    for (const Parameter* p : optimizer->parameters()) count += optimizer->state_of(*p) != nullptr;
  return count;
}

std::string metadata_of(const SafetensorsFile& file, const std::string& key) {
  const auto it = file.metadata().find(key);
  if (it == file.metadata().end())
    throw DataError(
        fmt::format("{}: no weft checkpoint (metadata '{}' is missing)", file.path(), key));
  return it->second;
}

SafetensorsFile open_checkpoint(const std::string& path) {
  SafetensorsFile file(path);
  const std::string format = metadata_of(file, "format_version");
  if (format == "1")
    throw DataError(fmt::format(
        "{}: format_version 1, from before checkpoints carried checksums; this build reads {}: "
        "finish the run with the weft that began it, or start from its weights: model.init",
        path, checkpoint_format));
  if (format != std::to_string(checkpoint_format))
    throw DataError(fmt::format("{}: format_version {}; this build reads {}: use a newer weft",
                                path, format, checkpoint_format));
  require_checksums(file);
  return file;
}

}  // namespace

void require_checksums(const SafetensorsFile& file) {
  if (!file.has_checksums())
    throw DataError(fmt::format("{}: the header is damaged: it has no checksums", file.path()));
}

std::vector<NamedTensor> optimizer_tensors(const AnyContext& context, const Optimizer& optimizer) {
  std::vector<NamedTensor> out;
  const auto names = optimizer.moment_names();
  for (const Parameter* p : optimizer.parameters()) {
    const Optimizer::State* state = optimizer.state_of(*p);
    if (state == nullptr) continue;
    const std::string stem = moments + p->name + ".";
    for (size_t i = 0; i < names.size(); ++i)
      out.push_back({stem + names[i], to_torch_layout(context, state->moments[i])});
    out.push_back({stem + "step", Tensor::from({}, {static_cast<double>(state->step)}, DType::f64),
                   /*as_i64=*/true});
  }
  return out;
}

void refuse_nonfinite(const std::string& path, const std::vector<NamedTensor>& tensors) {
  for (const NamedTensor& t : tensors)
    if (const int64_t bad = count_nonfinite(t.value); bad > 0)
      throw NumericError(fmt::format(
          "{}: not written, the file from before is kept: {} of the {} values of '{}' are NaN or "
          "infinite; go on from it with a lower learning rate or clip_norm",
          path, bad, t.value.numel(), t.name));
}

Metadata metadata_for(const Checkpoint& checkpoint) {
  return {{"format_version", std::to_string(checkpoint_format)},
          {"state", to_json(checkpoint.state)},
          {"run", checkpoint.run_text},
          {"learned", to_json(checkpoint.learned)}};
}

void save_checkpoint(const std::string& path, const Model& model,
                     const std::vector<const Optimizer*>& optimizers, const Checkpoint& checkpoint,
                     const TaskBalance* balance) {
  std::vector<NamedTensor> tensors = file_tensors(model.store());
  Metadata metadata = metadata_for(checkpoint);
  if (balance != nullptr) {
    std::vector<NamedTensor> learned = balance_tensors(*balance, model.task_names());
    metadata[balance_key] = std::to_string(learned.size());
    for (NamedTensor& t : learned) tensors.push_back(std::move(t));
  }
  for (const Optimizer* optimizer : optimizers)
    for (NamedTensor& t : optimizer_tensors(model.store().context(), *optimizer))
      tensors.push_back(std::move(t));
  refuse_nonfinite(path, tensors);
  if (!optimizers.empty()) metadata[moments_key] = std::to_string(count_moments(optimizers));
  write_safetensors(path, tensors, metadata);
}

void save_best_of_tasks(const std::string& path, const Model& model,
                        const std::vector<std::string>& improved, const Checkpoint& checkpoint) {
  std::vector<NamedTensor> tensors = file_tensors(model.store());
  if (improved.size() < model.task_names().size()) {
    const SafetensorsFile before = open_checkpoint(path);
    for (NamedTensor& t : tensors) {
      const auto is_of = [&](const std::string& task) {  // all that a single-task network has
        return t.name.rfind("trunks." + task + ".", 0) == 0 ||
               t.name.rfind("heads." + task + ".", 0) == 0;
      };
      if (std::none_of(improved.begin(), improved.end(), is_of))
        t.value = before.load(t.name, t.value.dtype());
    }
  }
  refuse_nonfinite(path, tensors);
  write_safetensors(path, tensors, metadata_for(checkpoint));
}

Checkpoint read_checkpoint(const std::string& path) {
  const SafetensorsFile file = open_checkpoint(path);
  return {state_from_json(metadata_of(file, "state"), path), metadata_of(file, "run"),
          learned_from_json(metadata_of(file, "learned"), path)};
}

void load_tensors(const SafetensorsFile& file, const std::string& prefix, Model& model) {
  std::vector<Wanted> wanted = wanted_by(model.store());
  for (Wanted& w : wanted) w.name = prefix + w.name;
  LeftOut left = compare(file, wanted);
  std::erase_if(left.unexpected, [&](const std::string& name) {
    return name.rfind(prefix, 0) != 0 || name.rfind(prefix + moments, 0) == 0 ||
           name.rfind(prefix + balance_prefix, 0) == 0;
  });
  if (!left.empty())
    throw DataError(fmt::format("{}: its tensors are not those of this run file's network; {}",
                                file.path(), left.text()));
  fill(file, wanted, model.store().context());
  if (Policy* policy = model.policy()) policy->logits_changed();
}

void load_model(const std::string& path, Model& model) {
  load_tensors(open_checkpoint(path), "", model);
}

void load_moments(const SafetensorsFile& file, const std::string& prefix, const AnyContext& context,
                  Optimizer& optimizer) {
  std::vector<const Parameter*> moved;
  for (const Parameter* p : optimizer.parameters())  // the others never had a gradient
    if (file.contains(prefix + moments + p->name + ".step")) moved.push_back(p);
  std::vector<Optimizer::State> states(moved.size());
  std::vector<Wanted> wanted;
  for (size_t i = 0; i < moved.size(); ++i) {
    const Parameter& p = *moved[i];
    const std::string stem = prefix + moments + p.name + ".";
    wanted.push_back({stem + "step", {}, 1, &states[i].step});
    for (const std::string& name : optimizer.moment_names()) {
      states[i].moments.push_back(
          Tensor::empty(p.value.shape(), p.value.dtype(), memory_of(context)));
      wanted.push_back({stem + name, states[i].moments.back()});
      if (name == "exp_avg_sq") wanted.back().least = 0;
    }
  }
  LeftOut left = compare(file, wanted);
  left.unexpected.clear();
  if (!left.empty()) throw DataError(fmt::format("{}: {}", file.path(), left.text()));
  fill(file, wanted, context);
  for (size_t i = 0; i < moved.size(); ++i) optimizer.set_state(*moved[i], std::move(states[i]));
}

void load_optimizers(const std::string& path, const AnyContext& context,
                     const std::vector<Optimizer*>& optimizers) {
  const SafetensorsFile file = open_checkpoint(path);
  const auto expected = file.metadata().find(moments_key);
  if (expected == file.metadata().end())
    throw DataError(path +
                    ": holds weights alone, without the optimizer's moments: it can be "
                    "evaluated, not gone on from");
  std::vector<Wanted> wanted;
  for (Optimizer* optimizer : optimizers) {
    std::vector<std::string> names = optimizer->moment_names();
    names.emplace_back("step");
    for (const Parameter* p : optimizer->parameters()) {
      const std::string stem = moments + p->name + ".";
      // Without a gradient so far a parameter has none of them, else all.
      const bool any = std::any_of(names.begin(), names.end(), [&](const std::string& name) {
        return file.contains(stem + name);
      });
      for (const std::string& name : names)
        if (any) wanted.push_back({stem + name});
    }
  }
  LeftOut left = compare(file, wanted);
  std::erase_if(left.unexpected,
                [](const std::string& name) { return name.rfind(moments, 0) != 0; });
  if (!left.empty())
    throw DataError(fmt::format("{}: its moments are not those of this run file's network; {}",
                                path, left.text()));
  for (Optimizer* optimizer : optimizers) load_moments(file, "", context, *optimizer);
  const std::string found = std::to_string(count_moments({optimizers.begin(), optimizers.end()}));
  if (found != expected->second)
    throw DataError(fmt::format("{}: moments of {} parameters, but {} were saved", path, found,
                                expected->second));
}

}  // namespace weft
