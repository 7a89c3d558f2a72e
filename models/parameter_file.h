// save, load: a ParameterStore as one safetensors file, under the parameters' names and in PyTorch's
// layouts: a weight [K, R, S, C] is [K, C, R, S] there, a batch norm has running_mean [C],
// running_var [C] and num_batches_tracked []. Both happen whole or not at all: a file is renamed
// into place when all of it is on the disk, and values are taken when all of them have been read and
// checked.
#pragma once

#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "io/safetensors.h"
#include "models/parameter_store.h"

namespace weft {

/// Throws NumericError where a value is NaN or infinite: load() would refuse it. A file that was
/// there before is then kept.
void save(const ParameterStore& store, const std::string& path, const Metadata& metadata = {});

struct LoadOptions {
  bool strict = true;  ///< false: takes what fits
};

/// What a file and what it should fill do not have in common.
struct LeftOut {
  std::vector<std::string> missing;     ///< wanted, and not in the file
  std::vector<std::string> unexpected;  ///< in the file, and not wanted
  std::vector<std::string> misshapen;   ///< in both: "fc.weight is [10, 4], not [10, 8]"

  bool empty() const { return missing.empty() && unexpected.empty() && misshapen.empty(); }
  /// "missing: a, b; unexpected: c, d, e and 5 more"
  std::string text() const;
};

/// Values and statistics from the file's tensors of the same names; F64, F32, F16 and BF16 become
/// the store's type. Returns what was left out, nothing where `strict`. Throws DataError where
/// strict and names or shapes differ (all three lists are in the message), and for a file that is
/// none or damaged, elements of another type, NaN, infinity, or a variance below 0; the store is
/// then as it was. A Policy in the store is told afterwards: Policy::logits_changed().
LeftOut load(const std::string& path, ParameterStore& store, const LoadOptions& = {});

// The parts, for files that hold more than a store or under other names.

/// The store's tensors as a file has them, on the host.
std::vector<NamedTensor> file_tensors(const ParameterStore& store);

/// What fills a tensor `to` of the network's, or a counter.
struct Wanted {
  std::string name;  ///< the file's
  Tensor to = {};    ///< in weft's layout; undefined: `count`, or only that the file has it
  double least = std::numeric_limits<double>::lowest();
  int64_t* count = nullptr;
};
std::vector<Wanted> wanted_by(ParameterStore& store);

LeftOut compare(const SafetensorsFile& file, const std::vector<Wanted>& wanted);
/// All of `wanted` that the file has in the right shape, once all of it is read. Throws DataError.
void fill(const SafetensorsFile& file, const std::vector<Wanted>& wanted,
          const AnyContext& context);

/// A value on the host in PyTorch's layout.
Tensor to_torch_layout(const AnyContext& context, const Tensor& value);

}  // namespace weft
