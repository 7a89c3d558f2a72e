// sample_rows: a sample of a table is called by its file and line (Table::place).
#include "train/loop/sample_rows.h"

#include "data/sets/text.h"
#include "io/files.h"
#include "train/loop/predict_table.h"

namespace weft {

std::string sample_rows(Trainer& trainer, const Dataset& data,
                        const std::vector<int64_t>& indices) {
  const RunFile& run = trainer.run_file();
  if (run.data.kind != DataKind::tabular && run.data.kind != DataKind::text) return {};
  std::string file;
  std::vector<int> lines;
  for (const int64_t index : indices) {
    const std::string key = data.key(index);
    const size_t colon = key.rfind(':');
    if (file.empty()) file = key.substr(0, colon);
    if (key.substr(0, colon) == file) lines.push_back(std::stoi(key.substr(colon + 1)));
  }
  if (lines.empty()) return {};
  // A file of one task's own is read as that task reads it.
  std::vector<std::string> tasks;
  const int owner = data.only_task(indices[0]);
  if (!run.tasks[0].index.empty() && owner >= 0)
    tasks = {run.tasks.at(static_cast<size_t>(owner)).name};
  const LearnedFromData learned = data.learned();
  const BinaryPolicy& chosen = trainer.state().chosen;
  return predict_table(trainer.context(), trainer.model(), run,
                       chosen.select.empty() ? nullptr : &chosen, learned,
                       join_path(run.data.root, file), {lines, tasks});
}

}  // namespace weft
