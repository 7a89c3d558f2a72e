// A trained run's exported network: its model under the policy that evaluation executes, what was
// learned from the data inside of it or outside, and what it costs beside the full network.
#pragma once

#include <string>
#include <vector>

#include "data/learned.h"
#include "models/sharing/sharing.h"
#include "train/export/network.h"
#include "train/export/usage.h"
#include "train/run_file/run_file.h"

namespace weft {

/// Where pixels and columns are brought to what the network sees: by a first node, which takes
/// pixels 0 .. 1 in RGB, or the columns' own numbers; or by whoever calls it.
enum class NormaliseInputs : uint8_t { outside, inside };
constexpr std::array<const char*, 2> words_of(NormaliseInputs) { return {"outside", "inside"}; }

struct RunExportOptions {
  std::vector<std::string> tasks;  ///< empty: all
  int64_t height = 0, width = 0;   ///< of a picture; 0: what the network saw
  NormaliseInputs normalise = NormaliseInputs::outside;
};

struct RunExport {
  ExportedNetwork network;
  std::vector<std::string> notes;  ///< what goes in and comes out, in words
  ExportedUsage usage;             ///< the same for a program
  /// The run's model where every task executes every block, computed once for tasks whose running
  /// statistics are the same: parameters, and with those statistics what a checkpoint holds of it.
  ExportedCost full;
};

/// ConfigError for a task that is not there, a size for a table or texts, and inputs that no affine function
/// normalises (a logarithm, a column divided by its task's number): those stay outside.
RunExport export_run(const AnyContext& context, Model& model, const RunFile& run,
                     const BinaryPolicy* policy, const LearnedFromData& learned,
                     const RunExportOptions& options);

}  // namespace weft
