// ParameterStore: creation, lookup and counting.
#include "models/parameter_store.h"

#include "engine/device_tensor.h"
#include "engine/error.h"

namespace weft {

Parameter& ParameterStore::add(const std::string& name, const Shape& shape, bool norm) {
  if (find(name) != nullptr) throw Error("parameter named twice: " + name);
  Parameter p;
  p.name = name;
  p.value = Tensor::empty(shape, dtype_, memory_of(context_));
  Parameter& added = parameters_.emplace_back(std::move(p));
  roles_[&added] = {making_, norm};
  return added;
}

BatchNormStats& ParameterStore::add_stats(const std::string& name, int64_t channels) {
  NamedStats entry;
  entry.name = name;
  entry.stats.running_mean = Tensor::empty({channels}, dtype_, memory_of(context_));
  entry.stats.running_var = Tensor::empty({channels}, dtype_, memory_of(context_));
  fill_with(context_, entry.stats.running_mean, 0.0);
  fill_with(context_, entry.stats.running_var, 1.0);
  return stats_.emplace_back(std::move(entry)).stats;
}

Parameter* ParameterStore::find(const std::string& name) {
  for (Parameter& p : parameters_)
    if (p.name == name) return &p;
  return nullptr;
}

int64_t ParameterStore::count() const {
  int64_t n = 0;
  for (const Parameter& p : parameters_) n += p.value.numel();
  return n;
}

void ParameterStore::clear_gradients() {
  for (Parameter& p : parameters_) p.grad = Tensor();
}

}  // namespace weft
