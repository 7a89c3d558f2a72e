// EventLog: lines to events.
#include "train/run_folder/event_log.h"

#include <algorithm>
#include <chrono>

#include "engine/error.h"
#include "train/step/build.h"
#include "train/step/schedule.h"

namespace weft {
namespace {

constexpr int cell = 16;  ///< pixels of the picture `policy` a block

Stage stage_of(Phase phase) {
  switch (phase) {
    case Phase::warmup:
      return Stage::warmup;
    case Phase::weights:
    case Phase::policy:
      return Stage::search;
    case Phase::retrain:
      return Stage::retrain;
    case Phase::infer:
      break;
  }
  return Stage::done;
}

Picture policy_picture(const std::vector<std::vector<double>>& probability) {
  const size_t blocks = probability.empty() ? 0 : probability[0].size();
  Picture out(cell * static_cast<int>(probability.size()), cell * static_cast<int>(blocks), 1);
  for (int y = 0; y < out.height; ++y)
    for (int x = 0; x < out.width; ++x)
      *out.at(y, x) = static_cast<float>(std::round(
          255 * probability[static_cast<size_t>(y / cell)][static_cast<size_t>(x / cell)]));
  return out;
}

}  // namespace

std::vector<std::pair<std::string, double>> rates_at(const RunFile& run, Phase phase,
                                                     int64_t step) {
  if (phase == Phase::policy) return {{"logits", run.policy.logits.lr}};
  const PhaseSpec& spec = phase_spec(run, phase);
  const double factor = schedule_factor(spec.schedule, step, spec.steps), lr = spec.optimizer.lr;
  std::vector<std::pair<std::string, double>> out = {
      {"heads", factor * lr}, {"trunk", factor * spec.optimizer.trunk_lr.value_or(lr)}};
  const std::vector<Sharing> stitched = ways_with("lr_factor");
  if (std::find(stitched.begin(), stitched.end(), run.sharing) != stitched.end())
    out.emplace_back("stitches", factor * lr * run.share.lr_factor);
  return out;
}

EventLog::EventLog(std::string folder, RunFile run, const TrainState& state)
    : folder_(std::move(folder)),
      run_(std::move(run)),
      begun_at_(state.total_step),
      stage_(state.stage),
      stage_begun_at_(state.total_step - state.step) {}

EventFile& EventLog::file() {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  if (!file_)
    file_.emplace(
        fmt::format("{}/{}{}.{}", folder_, file_stem,
                    std::chrono::duration_cast<std::chrono::seconds>(now).count(), begun_at_),
        begun_at_ + 1);
  return *file_;
}

void EventLog::write_rates(Phase phase, int64_t step) {
  if (rates_of_ == step) return;  // the line of another task
  rates_of_ = step;
  if (stage_of(phase) != stage_) {
    stage_ = stage_of(phase);
    stage_begun_at_ = step - 1;
  }
  for (const auto& [group, rate] : rates_at(run_, phase, step - 1 - stage_begun_at_))
    file().scalar("rate/" + group, step, rate);
}

void EventLog::write(const MetricsLine& line) {
  const std::string of = line.split + "/" + line.task;
  if (line.split == "train") write_rates(line.phase, line.step);
  if (line.loss) file().scalar("loss/" + of, line.step, *line.loss);
  for (const Metric& m : line.metrics)
    if (m.value) file().scalar(m.name + "/" + of, line.step, *m.value);
}

void EventLog::write(const SearchLine& line, const std::vector<std::string>& tasks) {
  for (size_t k = 0; k < tasks.size(); ++k)
    file().histogram("p_select/" + tasks[k], line.step, line.probability[k]);
  if (line.together) file().scalar("together", line.step, *line.together);
  file().picture("policy", line.step, policy_picture(line.probability));
}

void EventLog::write(const std::string& name, int64_t step, const Picture& picture) {
  Picture bytes = picture;
  for (float& v : bytes.pixels) v = std::round(255 * std::clamp(v, 0.f, 1.f));
  file().picture(name, step, bytes);
}

}  // namespace weft
