// Checkpoints: the store, walked in order, under the names of the files' world.
#include "train/run_folder/checkpoint.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <set>

#include "io/safetensors.h"
#include "train/step/finite.h"

namespace weft {
namespace {

Shape torch_shape(const Shape& s) { return s.rank() == 4 ? Shape{s[0], s[3], s[1], s[2]} : s; }

/// `name` in PyTorch's layout, as `to`'s type; its shape must be the one that `to` has there, its
/// values numbers, none below `least`.
Tensor load_for(const SafetensorsFile& file, const std::string& name, const Tensor& to,
                double least = std::numeric_limits<double>::lowest()) {
  if (file.shape(name) != torch_shape(to.shape()))
    throw DataError(fmt::format("{}: '{}' has shape {}, the model expects {}", file.path(), name,
                                file.shape(name), torch_shape(to.shape())));
  const Tensor value = file.load(name, to.dtype());
  with_host_type(value.dtype(), [&](auto zero) {
    const auto* at = value.data<decltype(zero)>();
    for (int64_t i = 0; i < value.numel(); ++i) {
      const auto x = static_cast<double>(at[i]);
      if (!std::isfinite(x) || x < least)
        throw DataError(fmt::format("{}: '{}': element {} is {}; it is a number{}", file.path(),
                                    name, i, x, least == 0 ? " that is not below 0" : ""));
    }
  });
  return value;
}

/// A counter, as PyTorch's int64.
int64_t load_count(const SafetensorsFile& file, const std::string& name, int64_t least,
                   int64_t most = int64_t{1} << 53) {
  if (file.shape(name).numel() != 1)
    throw DataError(fmt::format("{}: '{}' is no single number", file.path(), name));
  const double value = file.load(name, DType::f64).item();
  if (!(value >= static_cast<double>(least) && value <= static_cast<double>(most)) ||
      value != std::floor(value))
    throw DataError(fmt::format("{}: '{}' is {}; it is a whole number from {} to {}", file.path(),
                                name, value, least, most));
  return static_cast<int64_t>(value);
}

/// Throws where the file lacks a tensor of `wanted` or has one over; those of `optim.` count only
/// where `moments`, the others only where not.
void require_names(const SafetensorsFile& file, const std::set<std::string>& wanted, bool moments) {
  std::vector<std::string> missing, over;
  for (const std::string& name : wanted)
    if (!file.contains(name)) missing.push_back(name);
  for (const std::string& name : file.names())
    if ((name.rfind("optim.", 0) == 0) == moments && wanted.count(name) == 0) over.push_back(name);
  if (missing.empty() && over.empty()) return;
  std::string what;
  if (!missing.empty()) what += fmt::format("; missing: {}", a_few(missing));
  if (!over.empty()) what += fmt::format("; over: {}", a_few(over));
  throw DataError(
      fmt::format("{}: its tensors are not those of this run file's network{}", file.path(), what));
}

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

bool fits(const SafetensorsFile& file, const std::string& name, const Tensor& to) {
  return file.contains(name) && file.shape(name) == torch_shape(to.shape());
}

void load_into(const SafetensorsFile& file, const std::string& name, const AnyContext& context,
               const Tensor& to, double least) {
  from_torch_layout(context, to, load_for(file, name, to, least));
}

std::string a_few(const std::vector<std::string>& names) {
  constexpr size_t most = 3;
  const std::vector<std::string> first(
      names.begin(), names.begin() + static_cast<std::ptrdiff_t>(std::min(most, names.size())));
  return fmt::format("{}{}", fmt::join(first, ", "),
                     names.size() > most ? fmt::format(" and {} more", names.size() - most) : "");
}

void require_checksums(const SafetensorsFile& file) {
  if (!file.has_checksums())
    throw DataError(fmt::format("{}: the header is damaged: it has no checksums", file.path()));
}

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
                     const std::vector<const Optimizer*>& optimizers,
                     const Checkpoint& checkpoint) {
  std::vector<NamedTensor> tensors = model_tensors(model);
  for (const Optimizer* optimizer : optimizers)
    for (NamedTensor& t : optimizer_tensors(model.store().context(), *optimizer))
      tensors.push_back(std::move(t));
  refuse_nonfinite(path, tensors);
  Metadata metadata = metadata_for(checkpoint);
  if (!optimizers.empty()) metadata[moments_key] = std::to_string(count_moments(optimizers));
  write_safetensors(path, tensors, metadata);
}

void save_best_of_tasks(const std::string& path, const Model& model,
                        const std::vector<std::string>& improved, const Checkpoint& checkpoint) {
  std::vector<NamedTensor> tensors = model_tensors(model);
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
  ParameterStore& store = model.store();
  for (Parameter& p : store.parameters())
    if (store.part_of(p) != Part::policy)
      load_into(file, prefix + p.name, store.context(), p.value);
  if (Policy* policy = model.policy())
    for (size_t k = 0; k < policy->logits().size(); ++k) {
      const Parameter& p = *policy->logits()[k];
      policy->set_logits(k, load_for(file, prefix + p.name, p.value));
    }
  for (NamedStats& s : store.stats()) {
    const std::string stem = prefix + s.name;
    load_into(file, stem + ".running_mean", store.context(), s.stats.running_mean);
    load_into(file, stem + ".running_var", store.context(), s.stats.running_var, 0);
    s.stats.num_batches_tracked = load_count(file, stem + ".num_batches_tracked", 0);
  }
}

void load_model(const std::string& path, Model& model) {
  const SafetensorsFile file = open_checkpoint(path);
  std::set<std::string> wanted;
  for (const Parameter& p : model.store().parameters()) wanted.insert(p.name);
  for (const NamedStats& s : model.store().stats())
    for (const char* end : {".running_mean", ".running_var", ".num_batches_tracked"})
      wanted.insert(s.name + end);
  require_names(file, wanted, /*moments=*/false);
  load_tensors(file, "", model);
}

void load_moments(const SafetensorsFile& file, const std::string& prefix, const AnyContext& context,
                  Optimizer& optimizer) {
  for (const Parameter* p : optimizer.parameters()) {
    const std::string stem = prefix + "optim." + p->name + ".";
    if (!file.contains(stem + "step")) continue;  // it never had a gradient
    Optimizer::State state;
    state.step = load_count(file, stem + "step", 1);
    for (const std::string& name : optimizer.moment_names()) {
      state.moments.push_back(
          Tensor::empty(p->value.shape(), p->value.dtype(), memory_of(context)));
      const bool square = name == "exp_avg_sq";
      load_into(file, stem + name, context, state.moments.back(),
                square ? 0 : std::numeric_limits<double>::lowest());
    }
    optimizer.set_state(*p, std::move(state));
  }
}

void load_optimizers(const std::string& path, const AnyContext& context,
                     const std::vector<Optimizer*>& optimizers) {
  const SafetensorsFile file = open_checkpoint(path);
  const auto expected = file.metadata().find(moments_key);
  if (expected == file.metadata().end())
    throw DataError(path +
                    ": holds weights alone, without the optimizer's moments: it can be "
                    "evaluated, not gone on from");
  std::set<std::string> wanted;
  for (Optimizer* optimizer : optimizers) {
    std::vector<std::string> names = optimizer->moment_names();
    names.emplace_back("step");
    for (const Parameter* p : optimizer->parameters()) {
      const std::string stem = "optim." + p->name + ".";
      // Without a gradient so far a parameter has none of them, else all.
      const bool any = std::any_of(names.begin(), names.end(), [&](const std::string& name) {
        return file.contains(stem + name);
      });
      for (const std::string& name : names)
        if (any) wanted.insert(stem + name);
    }
  }
  require_names(file, wanted, /*moments=*/true);
  for (Optimizer* optimizer : optimizers) load_moments(file, "", context, *optimizer);
  const std::string found = std::to_string(count_moments({optimizers.begin(), optimizers.end()}));
  if (found != expected->second)
    throw DataError(fmt::format("{}: moments of {} parameters, but {} were saved", path, found,
                                expected->second));
}

}  // namespace weft
