// What a balance of tasks has learned, in a checkpoint: vectors as "balance.method.xi", rows as
// "balance.kept.TASK.PARAMETER" in PyTorch's layout.
#include <algorithm>

#include "models/parameter_file.h"
#include "train/run_folder/checkpoint.h"

namespace weft {
namespace {

const std::string prefix = balance_prefix;

std::string kept_name(const std::string& task, const std::string& parameter) {
  return prefix + "kept." + task + "." + parameter;
}

}  // namespace

std::vector<NamedTensor> balance_tensors(const TaskBalance& balance,
                                         const std::vector<std::string>& tasks) {
  std::vector<NamedTensor> out;
  for (const auto& [name, values] : balance.state())
    if (!values.empty())  // none yet
      out.push_back(
          {prefix + name, Tensor::from({static_cast<int64_t>(values.size())}, values, DType::f64)});
  CpuContext host(1);
  for (const auto& [parameter, rows] : balance.kept())
    for (size_t k = 0; k < rows.size(); ++k)
      if (rows[k].defined())
        out.push_back({kept_name(tasks[k], parameter), to_torch_layout(&host, rows[k])});
  return out;
}

void load_balance(const std::string& path, const Model& model, TaskBalance& balance) {
  const SafetensorsFile file(path);
  std::vector<Wanted> wanted;
  Balance::State state;
  for (const auto& [name, none] : balance.state()) {
    const std::string full = prefix + name;
    state.emplace_back(name, balance::Vector{});
    if (!file.contains(full)) continue;  // nothing was learned yet
    state.back().second = file.load(full, DType::f64).to_vector();
    wanted.push_back({full});
  }
  TaskBalance::Kept kept;
  const std::vector<std::string> tasks = model.task_names();
  for (const Parameter& p : model.store().parameters())
    for (size_t k = 0; balance.keeps_rows() && k < tasks.size(); ++k) {
      const std::string name = kept_name(tasks[k], p.name);
      if (!file.contains(name)) continue;
      std::vector<Tensor>& rows = kept[p.name];
      rows.resize(tasks.size());
      rows[k] = Tensor::empty(p.value.shape(), p.value.dtype());
      wanted.push_back({name, rows[k]});
    }
  LeftOut left = compare(file, wanted);
  std::erase_if(left.unexpected,
                [](const std::string& name) { return name.rfind(prefix, 0) != 0; });
  if (!left.empty())
    throw DataError(
        fmt::format("{}: its state of [balance] is not this run's; {}", path, left.text()));
  const auto saved = file.metadata().find(balance_key);
  const std::string expected = saved == file.metadata().end() ? "0" : saved->second;
  if (expected != std::to_string(wanted.size()))
    throw DataError(fmt::format("{}: {} tensors of [balance], but {} were saved", path,
                                wanted.size(), expected));
  CpuContext host(1);
  fill(file, wanted, &host);
  balance.load_state(state, path);
  balance.set_kept(std::move(kept));
}

}  // namespace weft
