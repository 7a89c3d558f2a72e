// Every measurement goes on for a good part of a second: a step of a table takes less than the
// clock tells apart, and a machine that does other things as well is now faster, now slower.
#include "train/loop/forecast.h"

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <numeric>
#include <utility>

#include "models/plan.h"
#include "models/sharing/way.h"
#include "train/run_folder/checkpoint.h"
#include "train/step/choose_policy.h"
#include "train/step/stop.h"

namespace weft {
namespace {

namespace fs = std::filesystem;

constexpr double step_seconds = 0.8, loading_seconds = 0.4, evaluation_seconds = 0.3;
constexpr int64_t most_steps = 2000, never = int64_t{1} << 40;
constexpr int search_places = 3, per_input_places = 8;

double seconds_of(const std::function<void()>& work) {
  const auto began = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count();
}

/// A folder of its own in `beside`, or, where nothing can be written there, among temporary files.
class Scratch {
 public:
  explicit Scratch(const std::string& beside) {
    for (const std::string& in : {beside, fs::temp_directory_path().string()}) {
      std::string pattern = in + "/.weft-dry-run-XXXXXX";
      if (mkdtemp(pattern.data()) == nullptr) continue;
      path_ = pattern;
      return;
    }
    throw DataError(fmt::format("{}: no folder can be made for measurements", beside));
  }
  ~Scratch() {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
  }
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;
  std::string run() const { return path_ + "/run"; }

 private:
  std::string path_;
};

/// Steps of some phases. A phase's cost is the median of windows, so that what the machine does
/// beside them for a moment counts nothing; of places that differ, the mean.
class Stopwatch {
 public:
  explicit Stopwatch(Trainer& trainer) : trainer_(trainer) {}

  /// At `at`, `seconds` for each of `phases`, divided as the run divides its time, and at most
  /// `most` steps. What happens once is not measured: memory is asked for, a loader starts, a GPU's
  /// second step makes a graph.
  void run(Stage stage, int64_t at, const std::vector<Phase>& phases, double seconds,
           int64_t most) {
    trainer_.jump(stage, at);
    spent_.clear();
    const int64_t idle = means_.empty() ? 2 : 1;
    for (const Phase phase : phases) spent_[phase] = {{}, {}, idle};
    double all = 0, row = 0;
    int64_t steps = 0;
    Phase before = trainer_.current_phase();
    const auto lacks = [&](const auto& of) { return of.second.steps < 2; };
    while ((all < seconds * static_cast<double>(phases.size()) && steps < most) ||
           std::any_of(spent_.begin(), spent_.end(), lacks)) {
      throw_if_stopped();
      const Phase phase = trainer_.current_phase();
      if (std::exchange(before, phase) != phase) row = 0;
      if (row > seconds && phases.size() > 1 && !lacks(std::pair(phase, spent_[phase]))) {
        next_row(stage);  // of a long one, a part is enough
        row = 0;
        continue;
      }
      const int64_t done_before = spent_[phase].steps;
      const double more = chunk(phase, seconds / 8);
      all += more;
      row += more;
      steps += spent_[phase].steps - done_before;
    }
    for (const Phase phase : phases) means_[phase].push_back(median(spent_[phase]));
  }
  double mean(Phase phase) const {
    const std::vector<double>& of = means_.at(phase);
    return std::accumulate(of.begin(), of.end(), 0.0) / static_cast<double>(of.size());
  }
  /// At the first place.
  double first(Phase phase) const { return means_.at(phase).front(); }

 private:
  struct Window {
    double seconds = 0;
    int64_t steps = 0;
  };
  struct Spent {
    std::vector<double> windows;  ///< seconds a step
    Window open;
    int64_t idle = 0, steps = 0;
  };

  static double median(Spent& of) {
    if (of.open.steps > 0 && (of.windows.empty() || of.open.steps >= 4))
      of.windows.push_back(of.open.seconds / static_cast<double>(of.open.steps));
    std::sort(of.windows.begin(), of.windows.end());
    const size_t n = of.windows.size();
    return (of.windows[(n - 1) / 2] + of.windows[n / 2]) / 2;
  }

  double chunk(Phase phase, double window) {
    Spent& of = spent_[phase];
    // Steps of a GPU are only queued: several are waited for together.
    const int64_t together = is_asynchronous(trainer_.context()) && of.idle == 0 ? 16 : 1;
    int64_t done = 0;
    const double seconds =
        milliseconds(trainer_.context(),
                     [&] {
                       for (; done < together && trainer_.current_phase() == phase; ++done)
                         trainer_.step();
                     }) /
        1e3;
    if (of.idle > 0) {
      --of.idle;
      return seconds;
    }
    of.steps += done;
    of.open.seconds += seconds;
    of.open.steps += done;
    if (of.open.seconds >= window) {
      of.windows.push_back(of.open.seconds / static_cast<double>(of.open.steps));
      of.open = {};
    }
    return seconds;
  }

  void next_row(Stage stage) {
    const SearchClock clock = trainer_.clock();
    const int64_t step = trainer_.state().step, position = clock.position(step);
    const int64_t row =
        position < clock.weight_steps ? clock.weight_steps : clock.weight_steps + clock.logit_steps;
    trainer_.jump(stage, step - position + row);
    for (auto& [phase, of] : spent_) of.idle = 1;
  }

  Trainer& trainer_;
  std::map<Phase, Spent> spent_;
  std::map<Phase, std::vector<double>> means_;
};

class Forecaster {
 public:
  Forecaster(Trainer& trainer, const RunFile& run, const Dataset& data, RunWork work)
      : trainer_(trainer), run_(run), data_(data), work_(std::move(work)) {
    kept_ = kept_share(data) > 0;
  }

  void measure(Forecast& out) {
    of_stage(Stage::warmup, {Phase::warmup}, out);
    of_stage(Stage::search, {Phase::weights, Phase::policy}, out);
    if (trainer_.model().policy() != nullptr && draws_policy(run_))
      trainer_.set_policy(sample_of_median_work());
    of_stage(Stage::retrain, {Phase::retrain}, out);
    const auto last = static_cast<size_t>(Stage::retrain);
    if (work_.test.times[last] > 0)
      out.evaluations += evaluation(trainer_.parts().test, work_.test);
    if (work_.choice.times[last] > 0)
      out.evaluations += evaluation(trainer_.parts().val, work_.choice) *
                         static_cast<double>(work_.choice.times[last]);
    for (const EvaluationWork* of : {&work_.val, &work_.choice, &work_.test})
      out.evaluations += loading_batch_ * static_cast<double>(of->batches) * of->fresh;
  }

 private:
  void of_stage(Stage stage, const std::vector<Phase>& phases, Forecast& out) {
    std::vector<PhaseCost> costs;
    std::vector<Phase> has;
    for (const Phase phase : phases)
      for (const PhaseWork& work : work_.phases)
        if (work.phase == phase) {
          costs.push_back({work});
          has.push_back(phase);
        }
    if (has.empty()) {
      if (stage == Stage::retrain)
        trainer_.jump(stage, 0);  // under the policy, the end is measured
    } else {
      const auto memory = [&]() -> decltype(auto) { return memory_of(trainer_.context()); };
      memory().reset_peak();
      Stopwatch first(trainer_), again(trainer_);
      // The steps before others: their data are in memory afterwards. Few, to leave some to others.
      if (kept_) {
        const int64_t epoch =
            plan_epoch(data_, trainer_.parts().train, train_loader_options(run_, data_, "train", 0))
                .batches;
        first.run(stage, 0, has, loading_seconds, std::max<int64_t>(2, epoch / 16));
      }
      const std::vector<int64_t> places = places_of(stage);
      for (const int64_t at : places)
        again.run(stage, at, has, step_seconds / static_cast<double>(places.size()), most_steps);
      for (PhaseCost& cost : costs) {
        cost.seconds = again.mean(cost.work.phase);
        if (kept_)
          cost.loading = std::max(0.0, first.mean(cost.work.phase) - again.first(cost.work.phase));
        cost.peak_bytes = static_cast<double>(memory().counters().peak_bytes);
        out.phases.push_back(cost);
      }
    }
    const int64_t times = work_.val.times[static_cast<size_t>(stage)];
    if (times == 0) return;
    out.evaluations += evaluation(part_of(trainer_.parts(), run_.eval.split), work_.val) *
                       static_cast<double>(times);
  }

  /// Over the search, since its curriculum makes some epochs cheaper than others, and over a run
  /// whose policy per input has phases of its own.
  std::vector<int64_t> places_of(Stage stage) const {
    if (stage == Stage::retrain && way_of(run_.sharing).phased) {
      std::vector<int64_t> places;
      for (int64_t i = 0; i < per_input_places; ++i)
        places.push_back((2 * i + 1) * run_.retrain.steps / (2 * per_input_places));
      return places;
    }
    if (stage != Stage::search) return {0};
    const SearchClock clock = trainer_.clock();
    const int64_t row = clock.weight_steps + clock.logit_steps;
    const int64_t epochs = std::max<int64_t>(1, run_.policy.steps / row);
    const int64_t count = std::min<int64_t>(epochs, search_places);
    std::vector<int64_t> places;
    for (int64_t i = 0; i < count; ++i) places.push_back((2 * i + 1) * epochs / (2 * count) * row);
    return places;
  }

  BinaryPolicy sample_of_median_work() {
    Model& model = trainer_.model();
    const Policy& policy = *model.policy();
    const auto tasks = model.task_names(), blocks = block_names(model.trunk());
    const auto [height, width] = input_size(run_, data_);
    std::vector<std::pair<double, uint32_t>> costs;
    const auto sample = [&](uint32_t index) {
      return policy.sample_binary(static_cast<uint64_t>(run_.seed), index,
                                  policy.blocks() - policy.skip_layer());
    };
    for (uint32_t index = 0; index < 1000 && costs.size() < 15; ++index) {
      const BinaryPolicy sampled = sample(index);
      if (run_.semantics != Semantics::compat && degenerate(sampled, tasks, blocks)) continue;
      const Gates gates = gates_from(sampled.select);
      costs.emplace_back(static_cast<double>(model.cost(height, width, &gates).body().dense),
                         index);
    }
    if (costs.empty()) return policy.most_likely();
    std::sort(costs.begin(), costs.end());
    return sample(costs[costs.size() / 2].second);
  }

  /// Seconds of one evaluation of `part` whose data are in memory, as the trainer stands now.
  double evaluation(const std::vector<int64_t>& part, const EvaluationWork& work) {
    const LoaderOptions options = eval_loader_options(run_, data_);
    const auto all = plan_epoch(data_, part, options).batches;
    struct Timed {
      double batches, seconds;
    };
    const auto time = [&](int64_t batches) {
      throw_if_stopped();
      // Spread over the part, whose ends may differ.
      const auto n = static_cast<int64_t>(part.size());
      const int64_t take = std::max<int64_t>(1, n * std::min(batches, all) / all);
      std::vector<int64_t> some;
      for (int64_t i = 0; i < take; ++i) some.push_back(part[i * n / take]);
      const auto made = static_cast<double>(plan_epoch(data_, some, options).batches);
      return Timed{made, seconds_of([&] { trainer_.evaluate_on(some); })};
    };
    const Timed first = time(1), one = time(1);
    const auto count = std::clamp<int64_t>(
        static_cast<int64_t>(evaluation_seconds / std::max(one.seconds, 1e-6)), 2, 4096);
    const Timed loaded = time(count), many = kept_ ? time(count) : loaded;
    if (kept_ && !loading_known_) {
      loading_known_ = true;
      const double more = first.seconds + loaded.seconds - one.seconds - many.seconds;
      loading_batch_ = std::max(0.0, more / (first.batches + many.batches));
    }
    const auto wanted = static_cast<double>(work.batches);
    if (many.batches <= one.batches) return many.seconds * wanted / many.batches;
    const double each = std::max(0.0, (many.seconds - one.seconds) / (many.batches - one.batches));
    return many.seconds + (wanted - many.batches) * each;
  }

  Trainer& trainer_;
  const RunFile& run_;
  const Dataset& data_;
  RunWork work_;
  bool kept_ = false, loading_known_ = false;
  double loading_batch_ = 0;
};

}  // namespace

double Forecast::total() const {
  double sum = start + evaluations + checkpoints + end;
  for (const PhaseCost& phase : phases) sum += phase.total();
  return sum;
}

RunFile without_ends(RunFile run) {
  run.eval.every = run.checkpoint_every = never;
  run.policy.choose = Choose::draw;
  run.policy.from = PolicyFrom::last;
  for (int64_t* steps : {&run.warmup.steps, &run.policy.steps, &run.retrain.steps})
    if (*steps > 0) *steps += never;
  return run;
}

Forecast forecast(Trainer& trainer, const RunFile& run, const Dataset& data, const Opened& opened,
                  const std::string& beside, const FinishRun& finish) {
  const StopSignals signals;
  const Scratch scratch(beside);
  const bool has_policy = trainer.model().policy() != nullptr;
  Forecast out;
  out.start = opened.data + opened.trainer + seconds_of([&] { trainer.start(scratch.run()); });
  // Re-training from scratch makes the network, and reads model.init, once more.
  if (has_policy && searches(run, true) && run.retrain.init == RetrainInit::random)
    out.start += opened.trainer;
  out.work = work_of(run, data, trainer.parts(), trainer.clock(), has_policy, kept_share(data));
  Forecaster(trainer, run, data, out.work).measure(out);

  trainer.save("last");  // a run's first is but one of many; files that are replaced count
  const double resumable = seconds_of([&] { trainer.save("last"); });
  const double model = seconds_of([&] { trainer.save("best"); });
  out.checkpoints = resumable * static_cast<double>(out.work.resumable) +
                    model * static_cast<double>(out.work.models);
  out.end = seconds_of([&] {
    load_model(scratch.run() + "/checkpoints/best.safetensors", trainer.model());
    finish(scratch.run(), trainer);
  });
  return out;
}

}  // namespace weft
