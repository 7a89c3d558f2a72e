// Checkpoints: the store, walked in order, under the names of the files' world.
#include "train/checkpoint.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "train/safetensors.h"

namespace weft {
namespace {

/// `name` in PyTorch's layout, as `to`'s type; its shape must be the one that `to` has there.
Tensor load_for(const SafetensorsFile& file, const std::string& name, const AnyContext& context,
                const Tensor& to) {
  const Tensor value = file.load(name, to.dtype());
  const Tensor expected = to.shape().rank() == 4 ? krsc_to_oihw(to_host(context, to)) : to;
  if (value.shape() != expected.shape())
    throw DataError(fmt::format("{}: '{}' has shape {}, the model expects {}", file.path(), name,
                                value.shape(), expected.shape()));
  return value;
}

void load_into(const SafetensorsFile& file, const std::string& name, const AnyContext& context,
               const Tensor& to) {
  from_torch_layout(context, to, load_for(file, name, context, to));
}

std::string metadata_of(const SafetensorsFile& file, const std::string& key) {
  const auto it = file.metadata().find(key);
  if (it == file.metadata().end())
    throw DataError(
        fmt::format("{}: no weft checkpoint (metadata '{}' is missing)", file.path(), key));
  return it->second;
}

/// The name of a pretrained file's tensor that `name` starts from; empty: it starts at random.
/// A task's own trunk ("trunks.seg.conv1.weight") and its own copy of a trunk's last layers
/// ("heads.seg.features.24.weight") take the same tensors as what is shared.
std::string pretrained_name(const std::string& name) {
  if (part_of(name) == Part::policy) return "";
  const bool own_trunk = name.rfind("trunks.", 0) == 0;
  if (part_of(name) == Part::trunk && !own_trunk) return name;
  const std::string rest = name.substr(name.find('.', name.find('.') + 1) + 1);
  return own_trunk || rest.rfind("features.", 0) == 0 ? rest : "";
}

SafetensorsFile open_checkpoint(const std::string& path) {
  SafetensorsFile file(path);
  const std::string format = metadata_of(file, "format_version");
  if (format != std::to_string(checkpoint_format))
    throw DataError(fmt::format("{}: format_version {}; this build reads {}: use a newer weft",
                                path, format, checkpoint_format));
  return file;
}

}  // namespace

Tensor to_torch_layout(const AnyContext& context, const Tensor& value) {
  const Tensor host = to_host(context, value);
  return host.shape().rank() == 4 ? krsc_to_oihw(host) : host;
}

void from_torch_layout(const AnyContext& context, const Tensor& to, const Tensor& file_value) {
  const Tensor host = file_value.shape().rank() == 4 ? oihw_to_krsc(file_value) : file_value;
  std::visit([&](auto* ctx) { ctx->copy(to, host); }, context);
}

std::vector<NamedTensor> model_tensors(const Model& model) {
  const ParameterStore& store = model.store();
  std::vector<NamedTensor> out;
  for (const Parameter& p : store.parameters())
    out.push_back({p.name, to_torch_layout(store.context(), p.value)});
  for (const NamedStats& s : store.stats()) {
    out.push_back({s.name + ".running_mean", to_host(store.context(), s.stats.running_mean)});
    out.push_back({s.name + ".running_var", to_host(store.context(), s.stats.running_var)});
    out.push_back({s.name + ".num_batches_tracked",
                   Tensor::from({}, {static_cast<double>(s.stats.num_batches_tracked)}, DType::f64),
                   /*as_i64=*/true});
  }
  return out;
}

std::vector<NamedTensor> optimizer_tensors(const AnyContext& context, const Optimizer& optimizer) {
  std::vector<NamedTensor> out;
  const auto names = optimizer.moment_names();
  for (const Parameter* p : optimizer.parameters()) {
    const Optimizer::State* state = optimizer.state_of(*p);
    if (state == nullptr) continue;
    const std::string stem = "optim." + p->name + ".";
    for (size_t i = 0; i < names.size(); ++i)
      out.push_back({stem + names[i], to_torch_layout(context, state->moments[i])});
    out.push_back({stem + "step", Tensor::from({}, {static_cast<double>(state->step)}, DType::f64),
                   /*as_i64=*/true});
  }
  return out;
}

void save_checkpoint(const std::string& path, const Model& model,
                     const std::vector<const Optimizer*>& optimizers,
                     const Checkpoint& checkpoint) {
  std::vector<NamedTensor> tensors = model_tensors(model);
  for (const Optimizer* optimizer : optimizers)
    for (NamedTensor& t : optimizer_tensors(model.store().context(), *optimizer))
      tensors.push_back(std::move(t));
  write_safetensors(path, tensors,
                    {{"format_version", std::to_string(checkpoint_format)},
                     {"state", to_json(checkpoint.state)},
                     {"run", checkpoint.run_text}});
}

Checkpoint read_checkpoint(const std::string& path) {
  const SafetensorsFile file = open_checkpoint(path);
  return {state_from_json(metadata_of(file, "state"), path), metadata_of(file, "run")};
}

void load_tensors(const SafetensorsFile& file, const std::string& prefix, Model& model) {
  ParameterStore& store = model.store();
  for (Parameter& p : store.parameters())
    if (part_of(p.name) != Part::policy) load_into(file, prefix + p.name, store.context(), p.value);
  if (Policy* policy = model.policy())
    for (size_t k = 0; k < policy->logits().size(); ++k) {
      const Parameter& p = *policy->logits()[k];
      policy->set_logits(k, load_for(file, prefix + p.name, store.context(), p.value));
    }
  for (NamedStats& s : store.stats()) {
    const std::string stem = prefix + s.name;
    load_into(file, stem + ".running_mean", store.context(), s.stats.running_mean);
    load_into(file, stem + ".running_var", store.context(), s.stats.running_var);
    s.stats.num_batches_tracked =
        static_cast<int64_t>(file.load(stem + ".num_batches_tracked", DType::f64).item());
  }
}

void load_model(const std::string& path, Model& model) {
  load_tensors(open_checkpoint(path), "", model);
}

void load_moments(const SafetensorsFile& file, const std::string& prefix, const AnyContext& context,
                  Optimizer& optimizer) {
  for (const Parameter* p : optimizer.parameters()) {
    const std::string stem = prefix + "optim." + p->name + ".";
    if (!file.contains(stem + "step")) continue;  // it never had a gradient
    Optimizer::State state;
    state.step = static_cast<int64_t>(file.load(stem + "step", DType::f64).item());
    for (const std::string& name : optimizer.moment_names()) {
      state.moments.push_back(
          Tensor::empty(p->value.shape(), p->value.dtype(), memory_of(context)));
      load_into(file, stem + name, context, state.moments.back());
    }
    optimizer.set_state(*p, std::move(state));
  }
}

void load_optimizers(const std::string& path, const AnyContext& context,
                     const std::vector<Optimizer*>& optimizers) {
  const SafetensorsFile file = open_checkpoint(path);
  for (Optimizer* optimizer : optimizers) load_moments(file, "", context, *optimizer);
}

int load_pretrained(const std::string& path, Model& model) {
  const SafetensorsFile file(path);
  ParameterStore& store = model.store();
  int taken = 0;
  // Batch norm of a task's own starts from the one set: "bn1.seg.weight" from "bn1.weight".
  const std::vector<std::string> tasks = model.task_names();
  const auto of_all_tasks = [&](const std::string& name) {
    const size_t last = name.rfind('.'), before = name.rfind('.', last - 1);
    if (last == std::string::npos || before == std::string::npos) return name;
    const std::string task = name.substr(before + 1, last - before - 1);
    const bool own = std::find(tasks.begin(), tasks.end(), task) != tasks.end();
    return own ? name.substr(0, before) + name.substr(last) : name;
  };
  const auto take = [&](const std::string& name, const Tensor& to) {
    std::string source = pretrained_name(name);
    if (!file.contains(source)) source = of_all_tasks(source);
    if (source.empty() || !file.contains(source)) return;
    load_into(file, source, store.context(), to);
    ++taken;
  };
  for (Parameter& p : store.parameters()) take(p.name, p.value);
  for (NamedStats& s : store.stats()) {
    take(s.name + ".running_mean", s.stats.running_mean);
    take(s.name + ".running_var", s.stats.running_var);
  }
  if (taken == 0)
    throw DataError(fmt::format(
        "{}: holds none of the trunk's tensors; expected torchvision's names, such as '{}'", path,
        pretrained_name(store.parameters().front().name)));
  return taken;
}

}  // namespace weft
