// The data set that a run file's [data] names; see open_data.h.
#include "train/step/open_data.h"

#include <cstdlib>
#include <filesystem>

#include "data/cached.h"
#include "data/scenes/scenes_dataset.h"
#include "data/sets/cityscapes.h"
#include "data/sets/csv_dataset.h"
#include "data/sets/domainnet.h"
#include "data/sets/multi_mnist.h"
#include "data/sets/nyu_v2.h"
#include "data/sets/tabular.h"
#include "data/sets/taskonomy.h"
#include "data/sets/text.h"
#include "engine/error.h"
#include "io/files.h"

namespace weft {

namespace {

/// "$WEFT_DATA/nyu" with the variable's value, so that run files name no machine's folders.
std::string expanded(const std::string& root) {
  const std::string variable = "$WEFT_DATA";
  if (root.rfind(variable, 0) != 0) return root;
  const char* value = std::getenv("WEFT_DATA");
  if (value == nullptr)
    throw DataError(
        fmt::format("data.root: {} asks for the variable WEFT_DATA, which is not set; set it, or "
                    "give data.root=FOLDER",
                    root));
  return value + root.substr(variable.size());
}

/// [data] with the folder that there is.
DataSpec with_root(const RunFile& run) {
  DataSpec data = run.data;
  data.root = expanded(data.root);
  std::error_code ignored;
  if (data.kind == DataKind::scenes || std::filesystem::is_directory(data.root, ignored))
    return data;
  const bool relative = std::filesystem::path(data.root).is_relative();
  throw DataError(fmt::format(
      "data.root: there is no folder {}{}; if the data moved, give data.root=FOLDER", data.root,
      relative ? fmt::format(" in {}", std::filesystem::current_path(ignored).string()) : ""));
}

std::unique_ptr<Dataset> open_table(RunFile& run, const LearnedFromData* learned) {
  auto table = std::make_unique<TabularDataset>(with_root(run), run.tasks, learned);
  const auto inputs = static_cast<int>(table->input_names().size());
  if (run.places.count("model.in_channels") > 0 && run.model.in_channels != inputs)
    throw ConfigError(
        fmt::format("{}: 'model.in_channels' is {}, but the table has {} inputs; leave the key out",
                    run.place("model.in_channels"), run.model.in_channels, inputs));
  run.model.in_channels = inputs;
  run.tasks = table->tasks();
  run.data.label_power = 0;  // it has become the tasks' weights
  return table;
}

std::unique_ptr<Dataset> open_uncached(const RunFile& run, const LearnedFromData* learned) {
  const DataSpec data = with_root(run);
  const auto seed = static_cast<uint64_t>(data.seed);
  const std::string digits = join_path(data.root, "mnist");
  const std::string garments = join_path(data.root, "fashion_mnist");
  switch (data.kind) {
    case DataKind::scenes:
      return std::make_unique<ScenesDataset>(run.tasks, seed, data.size[0], data.size[1],
                                             data.count, data.val_count, data.test_count);
    case DataKind::csv:
      return std::make_unique<CsvDataset>(data, run.tasks, learned);
    case DataKind::nyu_v2:
      return std::make_unique<NyuV2>(data, run.tasks, run.semantics);
    case DataKind::cityscapes:
      return std::make_unique<CityScapes>(data, run.tasks);
    case DataKind::taskonomy:
      return std::make_unique<Taskonomy>(data, run.tasks, run.semantics);
    case DataKind::domainnet:
      return std::make_unique<DomainNet>(data, run.tasks);
    case DataKind::multi_mnist:
      return std::make_unique<MultiMnist>(digits, digits, run.tasks, seed);
    case DataKind::multi_fashion:
      return std::make_unique<MultiMnist>(garments, garments, run.tasks, seed);
    case DataKind::multi_fashion_mnist:
      return std::make_unique<MultiMnist>(digits, garments, run.tasks, seed);
    case DataKind::tabular:
    case DataKind::text:
      break;  // open_dataset
  }
  throw Error("data.kind: no data set of pictures");
}

}  // namespace

std::unique_ptr<Dataset> open_dataset(RunFile& run, const LearnedFromData* learned) {
  if (run.data.kind == DataKind::tabular) return open_table(run, learned);  // in memory as it is
  if (run.data.kind == DataKind::text)
    return std::make_unique<TextDataset>(with_root(run), run.tasks, learned);
  return std::make_unique<CachedDataset>(open_uncached(run, learned),
                                         static_cast<size_t>(cache_bytes_here()));
}

std::string kept_root(const DataSpec& data) {
  if (data.kind == DataKind::scenes || data.root.empty() || data.root[0] == '$') return data.root;
  const auto path = std::filesystem::absolute(data.root).lexically_normal();
  return (path.has_filename() ? path : path.parent_path()).string();
}

}  // namespace weft
