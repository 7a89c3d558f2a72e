// save, load: names first, then shapes, then every value, then the store.
#include "models/parameter_file.h"

#include <algorithm>
#include <cmath>
#include <set>

#include "engine/device_tensor.h"

namespace weft {
namespace {

Shape torch_shape(const Shape& s) { return s.rank() == 4 ? Shape{s[0], s[3], s[1], s[2]} : s; }

bool fits(const SafetensorsFile& file, const Wanted& w) {
  return file.contains(w.name) &&
         (!w.to.defined() || file.shape(w.name) == torch_shape(w.to.shape()));
}

/// Throws where a value is not finite or below `least`.
void check_values(const SafetensorsFile& file, const Wanted& w, const Tensor& value) {
  with_host_type(value.dtype(), [&](auto zero) {
    const auto* at = value.data<decltype(zero)>();
    for (int64_t i = 0; i < value.numel(); ++i) {
      const auto x = static_cast<double>(at[i]);
      if (!std::isfinite(x) || x < w.least)
        throw DataError(fmt::format("{}: '{}': element {} is {}; it is a number{}", file.path(),
                                    w.name, i, x, w.least == 0 ? " that is not below 0" : ""));
    }
  });
}

/// In weft's layout and the network's type, on the host.
Tensor read_values(const SafetensorsFile& file, const Wanted& w) {
  const std::string dtype = file.dtype(w.name);
  if (dtype != "F64" && dtype != "F32" && dtype != "F16" && dtype != "BF16")
    throw DataError(fmt::format("{}: '{}' is {}; weights are F64, F32, F16 or BF16", file.path(),
                                w.name, dtype));
  const Tensor value = file.load(w.name, w.to.dtype());
  check_values(file, w, value);
  return value.shape().rank() == 4 ? oihw_to_krsc(value) : value;
}

/// A counter, as PyTorch's int64.
int64_t read_count(const SafetensorsFile& file, const Wanted& w) {
  constexpr double most = int64_t{1} << 53;
  if (file.shape(w.name).numel() != 1)
    throw DataError(fmt::format("{}: '{}' is no single number", file.path(), w.name));
  const double value = file.load(w.name, DType::f64).item();
  if (!(value >= w.least && value <= most) || value != std::floor(value))
    throw DataError(fmt::format("{}: '{}' is {}; it is a whole number from {} to {:.0f}",
                                file.path(), w.name, value, w.least, most));
  return static_cast<int64_t>(value);
}

/// "a, b, c and 5 more".
std::string a_few(const std::vector<std::string>& names) {
  constexpr size_t most = 3;
  const std::vector<std::string> first(
      names.begin(), names.begin() + static_cast<std::ptrdiff_t>(std::min(most, names.size())));
  return fmt::format("{}{}", fmt::join(first, ", "),
                     names.size() > most ? fmt::format(" and {} more", names.size() - most) : "");
}

}  // namespace

std::string LeftOut::text() const {
  std::string text;
  const auto add = [&](const char* what, const std::vector<std::string>& names) {
    if (!names.empty())
      text += fmt::format("{}{}: {}", text.empty() ? "" : "; ", what, a_few(names));
  };
  add("missing", missing);
  add("unexpected", unexpected);
  add("misshapen", misshapen);
  return text;
}

Tensor to_torch_layout(const AnyContext& context, const Tensor& value) {
  const Tensor host = to_host(context, value);
  return host.shape().rank() == 4 ? krsc_to_oihw(host) : host;
}

std::vector<NamedTensor> file_tensors(const ParameterStore& store) {
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

std::vector<Wanted> wanted_by(ParameterStore& store) {
  std::vector<Wanted> out;
  for (const Parameter& p : store.parameters()) out.push_back({p.name, p.value});
  for (NamedStats& s : store.stats()) {
    out.push_back({s.name + ".running_mean", s.stats.running_mean});
    out.push_back({s.name + ".running_var", s.stats.running_var, 0});
    out.push_back({s.name + ".num_batches_tracked", {}, 0, &s.stats.num_batches_tracked});
  }
  return out;
}

LeftOut compare(const SafetensorsFile& file, const std::vector<Wanted>& wanted) {
  LeftOut left;
  std::set<std::string> seen;
  for (const Wanted& w : wanted) {
    const bool first = seen.insert(w.name).second;  // one tensor can fill several
    if (!file.contains(w.name)) {
      if (first) left.missing.push_back(w.name);
    } else if (!fits(file, w)) {
      left.misshapen.push_back(
          fmt::format("{} is {}, not {}", w.name, file.shape(w.name), torch_shape(w.to.shape())));
    }
  }
  for (const std::string& name : file.names())
    if (seen.count(name) == 0) left.unexpected.push_back(name);
  return left;
}

void fill(const SafetensorsFile& file, const std::vector<Wanted>& wanted,
          const AnyContext& context) {
  std::vector<std::pair<const Wanted*, Tensor>> values;
  std::vector<std::pair<const Wanted*, int64_t>> counts;
  for (const Wanted& w : wanted) {
    if (!fits(file, w)) continue;
    if (w.count != nullptr) counts.emplace_back(&w, read_count(file, w));
    if (w.to.defined()) values.emplace_back(&w, read_values(file, w));
  }
  for (const auto& [w, value] : values) copy_to(context, w->to, value);
  for (const auto& [w, count] : counts) *w->count = count;
}

void save(const ParameterStore& store, const std::string& path, const Metadata& metadata) {
  const std::vector<NamedTensor> tensors = file_tensors(store);
  CpuContext host(1);
  for (const NamedTensor& t : tensors)
    if (!host.all_finite(t.value))
      throw NumericError(fmt::format("{}: not written: '{}' holds NaN or infinity", path, t.name));
  write_safetensors(path, tensors, metadata);
}

LeftOut load(const std::string& path, ParameterStore& store, const LoadOptions& options) {
  const SafetensorsFile file(path);
  const std::vector<Wanted> wanted = wanted_by(store);
  LeftOut left = compare(file, wanted);
  if (options.strict && !left.empty())
    throw DataError(
        fmt::format("{}: its tensors are not those of this network; {}; take what fits with "
                    "{{.strict = false}}",
                    path, left.text()));
  fill(file, wanted, store.context());
  return left;
}

}  // namespace weft
