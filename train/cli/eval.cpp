// weft eval: a run folder's best (or last) checkpoint on a split, as a table, and class by class.
#include <memory>

#include "data/split.h"
#include "train/cli/command.h"
#include "train/cli/opened_run.h"
#include "train/metrics/class_scores.h"
#include "train/run_folder/checkpoint.h"
#include "train/study/run_table.h"

namespace weft::cli {
namespace {

/// "  IoU and F1 of classes, %: wall 61.20 75.93, floor ..." in lines of a terminal; "" without classes.
std::string by_class(const TaskDetail& task) {
  constexpr size_t width = 100;
  std::string text, line;
  for (const ClassScore& score : class_scores(task)) {
    const std::string one =
        fmt::format("{} {} {}", score.name, fixed_text(score.iou(), 2), fixed_text(score.f1(), 2));
    if (line.empty()) {
      line = "  IoU and F1 of classes, %: " + one;
    } else if (line.size() + 2 + one.size() > width) {
      text += line + ",\n";
      line = "    " + one;
    } else {
      line += ", " + one;
    }
  }
  return line.empty() ? "" : text + line + "\n";
}

class Eval final : public Command {
 public:
  const char* name() const override { return "eval"; }
  const char* help() const override { return "Evaluate a trained run on a split"; }
  void options(Options& o) override {
    o.add("folder", folder_, "Run folder").required();
    o.add("settings", settings_, "data.root=FOLDER where the data are now; data.test_index=FILE");
    o.add("--split", split_, "test, val or train").one_of({"test", "val", "train"});
    o.add("--checkpoint", checkpoint_, "best, best-1 .., last or step-N (default: best)");
    o.add("--device", device_, "cpu or cuda (default: as it was trained)").one_of({"cpu", "cuda"});
    o.add("--threads", threads_, "Threads; 0: one per core").within(0, 1024);
  }
  void run() override {
    OpenedRun run(folder_, checkpoint_, device_, threads_,
                  elsewhere(settings_, {"data.root", "data.index", "data.test_index"}));
    const auto data = open_dataset(run.run, &run.learned);
    const Parts parts = make_parts(*data, run.run.semantics);
    const auto split = from_word<EvalSplit>("--split", split_);
    check_split(run, *data, split, "eval");
    const auto& indices = part_of(parts, split);
    if (indices.empty())
      throw DataError(
          fmt::format("eval: the data have no {} split; choose another with --split", split_));
    std::vector<TaskDetail> details;
    const auto results = evaluate(
        run.context(), *run.model, run.run, *data, indices, [&](int64_t) { return run.policy(); },
        0, &details);
    fmt::print("{} on {} images ({}, {})\n", folder_, indices.size(), split_, run.checkpoint);
    for (size_t k = 0; k < results.size(); ++k) {
      const TaskResult& r = results[k];
      fmt::print("{:<12} loss {}", r.task, fixed_text(r.loss, 5));
      for (const Metric& m : r.metrics)
        fmt::print("  {} {}{}", m.name, fixed_text(m.value, 4), unit_of(r, m.name, " "));
      fmt::print("\n{}", by_class(details[k]));
    }
    if (const auto fault = fault_of(results))
      throw NumericError(
          fmt::format("eval: {}: this checkpoint's network is broken; choose "
                      "another with --checkpoint",
                      *fault));
  }

 private:
  std::vector<std::string> settings_;
  std::string folder_, checkpoint_, device_, split_ = "test";
  int threads_ = 0;
};

}  // namespace

std::unique_ptr<Command> eval_command() { return std::make_unique<Eval>(); }

}  // namespace weft::cli
