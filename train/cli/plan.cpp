// weft plan: which blocks run for whom, once or how often, and what that saves; of a run folder's
// drawn policy, or of a run file's phases before anything is learned.
#include <filesystem>
#include <memory>

#include "models/plan.h"
#include "train/cli/command.h"
#include "train/cli/opened_run.h"
#include "train/draw.h"

namespace weft::cli {
namespace {

void print_plan(const char* title, const Gates& gates, const Model& model, const TrunkCost& cost,
                bool training) {
  fmt::print(
      "{}\n{}\n", title,
      describe(make_plan(gates, model.apart(training)), model.trunk(), cost, model.task_names()));
}

void plan(const std::string& path) {
  if (std::filesystem::is_directory(path)) {
    const OpenedRun run(path, "", "cpu", 0);
    const auto [height, width] = input_size(run.run, *run.data);
    const Gates gates = run.policy() ? gates_from(run.policy()->select)
                                     : all_selected(static_cast<int>(run.run.tasks.size()),
                                                    run.model->trunk().blocks());
    return print_plan("what re-training, evaluation and prediction execute:", gates, *run.model,
                      run.model->trunk().cost(height, width), /*training=*/false);
  }
  RunFile run = parse_run_file(path);
  CpuContext cpu;
  const auto data = open_dataset(run);
  const auto model = make_model(&cpu, run);
  const auto [height, width] = input_size(run, *data);
  const TrunkCost cost = model->trunk().cost(height, width);
  Gates gates = all_selected(static_cast<int>(run.tasks.size()), model->trunk().blocks());
  print_plan("warm-up: every task executes every block", gates, *model, cost, true);
  if (model->policy() == nullptr) return;
  for (const bool all : {false, true}) {
    const int active = all ? model->policy()->active(1LL << 40, run.policy.curriculum_speed)
                           : model->policy()->active(0, run.policy.curriculum_speed);
    for (auto& task : gates)
      for (int i = 1; i <= active; ++i)
        task[task.size() - static_cast<size_t>(i)].kind = Gate::Kind::soft;
    print_plan(all ? "search, all blocks learned: soft samples mix both branches"
                   : "search, first policy epoch of the curriculum",
               gates, *model, cost, true);
  }
}

class PlanCommand final : public Command {
 public:
  const char* name() const override { return "plan"; }
  const char* help() const override { return "Show what runs once, and what that saves"; }
  void options(Options& o) override { o.add("run", run_, "Run file or run folder").required(); }
  void run() override { plan(run_); }

 private:
  std::string run_;
};

}  // namespace

std::unique_ptr<Command> plan_command() { return std::make_unique<PlanCommand>(); }

}  // namespace weft::cli
