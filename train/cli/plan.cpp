// weft plan: which blocks run for whom, once or how often, and what that saves; of a run folder's
// chosen policy, or of a run file's phases before anything is learned.
#include <filesystem>
#include <memory>

#include "io/files.h"
#include "models/collapse.h"
#include "models/sharing/per_input.h"
#include "models/sharing/way.h"
#include "train/cli/command.h"
#include "train/cli/plan_picture.h"
#include "train/cli/plan_ranks.h"
#include "train/step/choose_policy.h"

namespace weft::cli {
namespace {

/// The plan as a table, and as a picture's text.
std::string print_plan(const char* title, const Gates& gates, const Model& model,
                       const TrunkCost& cost, bool training) {
  const Plan plan = model.shared_plan(&gates, training);
  fmt::print("{}\n{}", title, describe(plan, model.trunk(), cost, model.task_names()));
  if (training)
    fmt::print(
        "gradients of each task by itself go back through {:.2f}x what those of their sum do\n",
        static_cast<double>(plan.macs(cost, /*by_task=*/true).dense) /
            static_cast<double>(plan.macs(cost).dense));
  fmt::print("\n");
  return plan_picture(title, plan, model, cost);
}

/// Ways of sharing without gates in one trunk: every block runs, in each trunk that there is.
void print_networks(const Model& model, int64_t height, int64_t width) {
  const ModelCost cost = model.cost(height, width, nullptr);
  const TrunkCost trunk = model.trunk().cost(height, width);
  const int64_t trunks = cost.trunk_parameters / cost.one_trunk_parameters;
  fmt::print("every block runs once in each of {} trunk(s), for all phases:\n{:<12} {:>10} {:>5}\n",
             trunks, "block", "MMAC/run", "runs");
  for (int l = 0; l < model.trunk().blocks(); ++l)
    fmt::print("{:<12} {:>10.2f} {:>5}\n", model.trunk().block_name(l),
               static_cast<double>(trunk.residual[static_cast<size_t>(l)].dense) * 1e-6, trunks);
  fmt::print("GFLOP an image: trunks {:.3f}, what joins them {:.3f}, heads {:.3f}\n",
             2e-9 * static_cast<double>(cost.trunk.dense),
             2e-9 * static_cast<double>(cost.sharing.dense),
             2e-9 * static_cast<double>(cost.heads.dense));
}

/// There is no one plan where each input has its own.
void require_no_policy_per_input(Model& model, Sharing sharing) {
  if (per_input(model) != nullptr)
    throw UserError(fmt::format(
        "plan: under sharing = \"{}\" every input executes blocks of its own, so no plan holds for "
        "all; `table` has the GFLOP that the test set executed",
        name_of(sharing)));
}

/// The last plan as a picture; empty where every network runs whole.
std::string plan(const std::string& path) {
  if (std::filesystem::is_directory(path)) {
    const OpenedRun run(path, "", "cpu", 0);
    require_no_policy_per_input(*run.model, run.run.sharing);
    if (!has_plan(run.run)) {
      print_networks(*run.model, run.learned.height, run.learned.width);
      return "";
    }
    const Gates gates = executed_gates(run);
    if (way_of(run.run.sharing).functions && run.policy())
      if (const auto same = same_gates(*run.policy(), run.model->policy()->skip_layer()))
        fmt::print("{}\n", collapse_text(*same));
    return print_plan("what re-training, evaluation and prediction execute", gates, *run.model,
                      run.model->trunk().cost(run.learned.height, run.learned.width),
                      /*training=*/false);
  }
  RunFile run = parse_run_file(path);
  CpuContext cpu;
  const auto data = open_dataset(run);
  const auto model = make_model(&cpu, run);
  require_no_policy_per_input(*model, run.sharing);
  const auto [height, width] = input_size(run, *data);
  if (!has_plan(run)) {
    print_networks(*model, height, width);
    return "";
  }
  const TrunkCost cost = model->trunk().cost(height, width);
  Gates gates = all_selected(static_cast<int>(run.tasks.size()), model->trunk().blocks());
  if (way_of(run.sharing).functions) {
    const Policy& policy = *model->policy();
    for (size_t k = 0; k < gates.size(); ++k)
      for (int l = 0; l < policy.blocks(); ++l)
        gates[k][static_cast<size_t>(l)].level =
            l < policy.skip_layer() ? 1 : 1 + static_cast<int>(k) % policy.choices();
    return print_plan("all phases, at most: tasks on function blocks of their own", gates, *model,
                      cost, true);
  }
  std::string picture =
      print_plan("warm-up: every task executes every block", gates, *model, cost, true);
  if (model->policy() == nullptr) return picture;
  for (const bool all : {false, true}) {
    const int active = all ? model->policy()->active(1LL << 40, run.policy.curriculum_speed)
                           : model->policy()->active(0, run.policy.curriculum_speed);
    for (auto& task : gates)
      for (int l = 0; l < model->trunk().blocks(); ++l)
        if (model->policy()->uses(l, active)) task[static_cast<size_t>(l)].kind = Gate::Kind::soft;
    const bool levels = way_of(run.sharing).levels;
    picture =
        print_plan(levels ? all ? "search, all blocks learned: the most that draws can execute"
                                : "search, first policy epoch: the most that draws can execute"
                   : all  ? "search, all blocks learned: soft samples mix both branches"
                          : "search, first policy epoch of the curriculum",
                   gates, *model, cost, true);
  }
  return picture;
}

class PlanCommand final : public Command {
 public:
  const char* name() const override { return "plan"; }
  const char* help() const override { return "Show what runs once, and what that saves"; }
  void options(Options& o) override {
    o.add("run", run_, "Run file or run folder").required();
    o.add("--svg", svg_, "Picture of the last plan shown, to this file");
    o.add("--ranks", ranks_, "Also what up to so many ranks of one training tell each other")
        .within(0, 1 << 20);
    o.add("--bandwidth", bandwidth_, "With --ranks: GB/s between two of them").within(1e-6, 1e6);
    o.add("--latency", latency_, "With --ranks: microseconds that a message takes").within(0, 1e9);
    o.add("--step", step_, "With --ranks: milliseconds that a rank takes for its rows; 0: not said")
        .within(0, 1e9);
  }
  void run() override {
    const std::string picture = plan(run_);
    if (ranks_ == 1) throw ConfigError("plan: --ranks 1 tells nobody anything; give 2 or more");
    if (ranks_ > 1) print_ranks();
    if (svg_.empty()) return;
    if (picture.empty())
      throw UserError(run_ + ": every network runs whole in this way of sharing: no plan to draw");
    write_file(svg_, picture);
  }

 private:
  void print_ranks() const {
    const auto print = [&](Model& model, const RunFile& run) {
      const Network network{1e9 * bandwidth_, 1e-6 * latency_};
      fmt::print("{}", ranks_text(model, run, ranks_, network, 1e-3 * step_));
    };
    if (std::filesystem::is_directory(run_)) {
      const OpenedRun opened(run_, "", "cpu", 0);
      return print(*opened.model, opened.run);
    }
    RunFile run = parse_run_file(run_);
    CpuContext cpu;
    const auto data = open_dataset(run);
    print(*make_model(&cpu, run), run);
  }

  std::string run_, svg_;
  int64_t ranks_ = 0;
  double bandwidth_ = 10, latency_ = 5, step_ = 0;
};

}  // namespace

std::unique_ptr<Command> plan_command() { return std::make_unique<PlanCommand>(); }

}  // namespace weft::cli
