// What weighing tasks costs: the trainer's whole step (TrainStep::take) plain, with a method of the
// losses, and with one of the Gram matrix, its gradients kept or not; in turn in one run, --row steps
// between two waits for the device, as a trainer has them. AdaShare re-trains under a policy whose
// streams part after the first stage; other ways run every block. For one trunk that all tasks share,
// the bound is of the plain step's parts as measured in the same run,
//   (F + heads + K trunk + update) / (F + heads + trunk + update):
// nothing but the trunk's backward pass is done K times. keep=false goes back through it once more.
#include <algorithm>
#include <ctime>
#include <functional>

#include "bench/setting.h"
#include "engine/device.h"
#include "models/balance/per_task_gradients.h"
#include "models/execute.h"
#include "train/step/build.h"
#include "train/step/train_step.h"

namespace weft::bench {
namespace {

/// Behind the first stage a task skips blocks as its number says in binary, until all have parted.
BinaryPolicy parting(size_t tasks, const Trunk& trunk) {
  const int first = trunk.stages().front().end;
  BinaryPolicy policy;
  for (size_t k = 0; k < tasks; ++k) {
    auto& row = policy.select.emplace_back(static_cast<size_t>(trunk.blocks()), 1);
    for (int bit = 0; (tasks - 1) >> bit != 0; ++bit)
      row.at(static_cast<size_t>(first + bit)) = (k >> bit & 1) == 0;
  }
  return policy;
}

/// One network and batch, and ways to take its steps.
class Network {
 public:
  explicit Network(const Setting& s)
      : run_(run_file(s)),
        device_(run_.device, s.threads, matrix_math(run_.precision, run_.device)),
        model_(make_model(context(), run_)),
        policy_(parting(run_.tasks.size(), model_->trunk())),
        optimizer_(make_optimizer(context(), *model_, run_, Phase::retrain)) {
    batch_.images = random_images(s.batch, s.crop);
    for (const TaskSpec& task : run_.tasks)
      batch_.targets.push_back(random_target(task, s.batch, s.crop));
    set_trainable(*model_, Phase::retrain);
  }
  const RunFile& run() const { return run_; }
  const Device& device() const { return device_; }
  AnyContext context() const { return device_.context(); }

  /// The trainer's step; `run` may have a [balance].
  void step(const RunFile& run, TrainStep& step, TaskBalance* balance) {
    step.take(*model_, *optimizer_, inputs(), batch_, update_of(run, Phase::retrain, 1), balance);
  }
  StepOutputs forward(Tape& tape) {
    model_->store().clear_gradients();
    StepInputs in = inputs();
    in.images = upload_images(tape, batch_.images, *model_, run_);
    in.targets = batch_.targets;
    return compute_step(tape, *model_, run_, in);
  }
  /// Behind the nodes of a trunk that all tasks share, which come first.
  TapeMark heads() {
    Tape tape(context());
    Pass pass{tape, true, Noise{}};
    run_trunk(pass, model_->trunk(), model_->shared_plan(nullptr, true), {},
              upload_images(tape, batch_.images, *model_, run_));
    return tape.mark();
  }
  /// P: numbers that tasks share.
  int64_t shared() {
    Tape tape(context());
    int64_t numbers = 0;
    for (const Parameter* p : shared_parameters(forward(tape).predictions))
      numbers += p->value.numel();
    return numbers;
  }

 private:
  StepInputs inputs() { return {Phase::retrain, 1, count_++, 1, 0, &policy_, {}, {}}; }

  RunFile run_;
  Device device_;
  std::unique_ptr<Model> model_;
  BinaryPolicy policy_;
  std::unique_ptr<Optimizer> optimizer_;
  Batch batch_;
  uint32_t count_ = 0;
};

/// Steps of one kind, with the graphs that they were recorded in.
class Steps {
 public:
  Steps(Network& network, RunFile run)
      : network_(network), run_(std::move(run)), step_(run_, network.context()) {
    if (TaskBalance::wanted(run_)) balance_.emplace(run_, network.context());
  }
  void take() { network_.step(run_, step_, balance_ ? &*balance_ : nullptr); }

 private:
  Network& network_;
  RunFile run_;
  TrainStep step_;
  std::optional<TaskBalance> balance_;
};

struct Timed {
  std::string name;
  std::function<void()> work;
  std::vector<double> ms = {};
  int64_t peak = 0;  ///< bytes
  double least() const { return *std::min_element(ms.begin(), ms.end()); }
  double median() {
    std::sort(ms.begin(), ms.end());
    return ms[ms.size() / 2];
  }
};

/// Of a row of work, per piece: by events on a GPU. On a CPU it is the process's own time: what else
/// the machine does is in no ratio.
double time_of(const AnyContext& context, int64_t row, const std::function<void()>& work) {
  const std::clock_t before = std::clock();
  const double ms = milliseconds(context, [&] {
    for (int64_t i = 0; i < row; ++i) work();
    synchronize(context);
  });
  const double own = 1e3 * static_cast<double>(std::clock() - before) / CLOCKS_PER_SEC;
  return (is_asynchronous(context) ? ms : own) / static_cast<double>(row);
}

double mib(int64_t bytes) { return static_cast<double>(bytes) / 1048576.0; }

}  // namespace

void balance(const Arguments& arguments) {
  Setting s(arguments);
  s.sharing = arguments.text("sharing", "hard");
  const std::vector<std::string> losses = split(arguments.text("losses", "uw"), ',');
  const std::string method = arguments.text("method", "upgrad");
  Network network(s);
  const AnyContext context = network.context();
  const size_t tasks = network.run().tasks.size();
  const bool hard = s.sharing == "hard";
  const TapeMark heads = hard ? network.heads() : TapeMark{};

  std::vector<Timed> timed;
  const auto add_steps = [&](const std::string& name, const std::vector<std::string>& settings) {
    const auto steps = std::make_shared<Steps>(network, run_file(s, settings));
    timed.push_back({name, [steps] { steps->take(); }});
  };
  add_steps("plain", {});
  for (const std::string& one : losses) add_steps(one, {"balance.method=" + one});
  const size_t gram = timed.size();
  add_steps(method, {"balance.method=" + method});
  add_steps(method + ",keep=false", {"balance.method=" + method, "balance.keep=false"});
  const size_t parts = timed.size();
  timed.push_back({"F", [&] {
                     Tape tape(context);
                     network.forward(tape);
                   }});
  if (hard)
    timed.push_back({"F+heads", [&] {
                       Tape tape(context);
                       tape.backward(*network.forward(tape).total, {.stop_at = heads});
                     }});
  timed.push_back({"F+heads+trunk", [&] {
                     Tape tape(context);
                     tape.backward(*network.forward(tape).total);
                   }});
  // On a GPU a kind's first step runs directly, the second is recorded.
  const int64_t warm = is_asynchronous(context) ? 3 : 1;
  for (int64_t i = 0; i < warm + s.reps; ++i)
    for (Timed& t : timed) {
      memory_of(context).reset_peak();
      const double ms = time_of(context, s.row, t.work);
      if (i >= warm) t.ms.push_back(ms);
      t.peak = static_cast<int64_t>(memory_of(context).counters().peak_bytes);
    }

  fmt::print("# weft {} {} {} x{} {} tasks={} batch={} crop={} row={}\n",
             network.device().describe(), s.precision, s.trunk, s.width, s.sharing, s.tasks,
             s.batch, s.crop, s.row);
  fmt::print("{:<20} {:>10} {:>10} {:>9} {:>10}\n", "", "median_ms", "least_ms", "of_plain",
             "peak_MiB");
  const double plain = timed[0].median();
  for (Timed& t : timed)
    fmt::print("{:<20} {:>10.2f} {:>10.2f} {:>9.3f} {:>10.1f}\n", t.name, t.median(), t.least(),
               t.median() / plain, mib(t.peak));
  if (hard) {
    const double trunk = timed[parts + 2].median() - timed[parts + 1].median();
    const double bound = (plain + static_cast<double>(tasks - 1) * trunk) / plain;
    fmt::print("{:<20} {:>31.3f}   {} is {:.3f} of it\n", "bound", bound, method,
               timed[gram].median() / plain / bound);
  }
  const double rows = mib(static_cast<int64_t>(tasks) * network.shared() * 4);
  fmt::print("{:<20} {:>42.1f}   {} takes {:.1f} more than plain\n", "K x P", rows, method,
             mib(timed[gram].peak - timed[0].peak));
}

}  // namespace weft::bench
