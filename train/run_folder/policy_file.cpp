// Policy JSON, written by weft, perhaps edited by hand, and read as strictly as a run file
// (declared in run_folder.h, whose policy/drawn.json it is).
#include <algorithm>
#include <nlohmann/json.hpp>

#include "io/files.h"
#include "io/json_text.h"
#include "train/run_folder/run_folder.h"

namespace weft {
namespace {

using nlohmann::json;

/// One list a task in the object `of`, for every task and for no other.
template <class F>
void for_each_task(const JsonValue& of, const char* key, const std::vector<std::string>& tasks,
                   F&& f) {
  const JsonValue rows = of[key];
  for (const std::string& task : tasks)
    if (!rows.has(task)) of.fail(fmt::format("'{}' has no task '{}'", key, task));
  for (const std::string& name : rows.keys())
    if (std::find(tasks.begin(), tasks.end(), name) == tasks.end())
      of.fail(fmt::format("'{}' has a task '{}'; this run's are {}", key, name,
                          fmt::join(tasks, ", ")));
  for (const std::string& task : tasks) f(task, rows[task]);
}

}  // namespace

std::string policy_json(const BinaryPolicy& policy, const std::vector<std::string>& tasks,
                        const std::vector<std::string>& blocks,
                        const std::vector<std::vector<double>>& probability, uint64_t seed) {
  json select = json::object(), p = json::object();
  for (size_t k = 0; k < tasks.size(); ++k) {
    select[tasks[k]] = policy.select[k];
    p[tasks[k]] = probability[k];
  }
  json file{{"version", 1},     {"tasks", tasks},   {"blocks", blocks},
            {"select", select}, {"probability", p}, {"seed", seed}};
  for (size_t k = 0; k < policy.weights.size(); ++k) file["weights"][tasks[k]] = policy.weights[k];
  return file.dump(1) + "\n";
}

BinaryPolicy read_policy(const std::string& path, const std::vector<std::string>& tasks,
                         const std::vector<std::string>& blocks, int most, int least) {
  return parse_policy(read_text(path), path, tasks, blocks, most, least);
}

BinaryPolicy parse_policy(const std::string& text, const std::string& path,
                          const std::vector<std::string>& tasks,
                          const std::vector<std::string>& blocks, int most, int least) {
  const json value = parse_json(text, path);
  const JsonValue file(value, path);
  file.only({"version", "tasks", "blocks", "select", "probability", "seed", "weights"});
  if (file.has("weights"))
    file.fail(
        "its gates weigh both branches (retrain.gates), so it says nothing of what to select");
  if (const int64_t version = file["version"].integer(); version != 1)
    file.fail(fmt::format("version {}; this build reads version 1", version));
  if (file["blocks"].texts() != blocks) file.fail("its blocks are not this model's");
  if (file.has("tasks")) {
    std::vector<std::string> theirs = file["tasks"].texts(), ours = tasks;
    std::sort(theirs.begin(), theirs.end());
    std::sort(ours.begin(), ours.end());
    if (theirs != ours) file.fail("its tasks are not this run's");
  }
  if (file.has("seed")) file["seed"].integer(0);
  const auto of_blocks = [&](const std::string& task, const JsonValue& row, const char* what) {
    const size_t size = row.items().size();
    if (size != blocks.size())
      file.fail(fmt::format("task '{}' has {} {} for {} blocks", task, size, what, blocks.size()));
  };
  if (file.has("probability"))
    for_each_task(file, "probability", tasks, [&](const std::string& task, const JsonValue& row) {
      of_blocks(task, row, "probabilities");
      row.numbers(0, 1);
    });
  BinaryPolicy policy;
  for_each_task(file, "select", tasks, [&](const std::string& task, const JsonValue& row) {
    of_blocks(task, row, "gates");
    policy.select.push_back(row.integers());
    for (int gate : policy.select.back())
      if (gate < least || gate > most)
        file.fail(fmt::format("task '{}': a gate is {} {} {}, not {}", task, least,
                              most == least + 1 ? "or" : "to", most, gate));
  });
  return policy;
}

}  // namespace weft
