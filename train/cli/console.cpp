// Progress lines and pictures.
#include "train/cli/console.h"

#include <unistd.h>

#include <cstdlib>
#include <filesystem>

#include "io/files.h"
#include "models/sharing/way.h"
#include "train/cli/balance_pictures.h"
#include "train/cli/process.h"
#include "train/loop/data_summary.h"
#include "train/loop/sample_rows.h"
#include "train/loop/sample_sheets.h"
#include "train/metrics/decode.h"
#include "train/pictures/policy_picture.h"

namespace weft::cli {

namespace {

/// Beyond so many tasks a line names none and tells their mean.
constexpr size_t most_named = 8;

std::string mean_of(const std::vector<Measure>& values, const char* what) {
  double sum = 0, count = 0;
  for (const Measure& v : values) {
    if (!v) continue;
    sum += *v;
    count += 1;
  }
  return fmt::format("mean {} of {} tasks {}", what, count,
                     fixed_text(count > 0 ? Measure(sum / count) : std::nullopt, 4));
}

/// What a run's report shows beside its results: a sample that cannot be read ends no run that has
/// got to its end.
template <class Draw>
void draw_if_readable(const char* what, Draw draw) {
  try {
    draw();
  } catch (const UserError& e) {
    tell(fmt::format("left out of the report: {}: {}", what, e.what()));
  }
}

}  // namespace

void ConsoleObserver::on_step(const StepReport& report) {
  refill_reserve();
  if (report.stage != stage_ || progress_ == nullptr) {
    stage_ = report.stage;
    progress_ = std::make_unique<Progress>(name_of(stage_), report.steps, from_, stderr, reported_);
    from_ = 0;
  }
  reported_ = Progress::Clock::now();
  std::string note;
  if (report.losses.size() > most_named) note = mean_of(report.losses, "loss");
  for (size_t k = 0; k < report.losses.size() && report.losses.size() <= most_named; ++k)
    if (report.losses[k])
      note += fmt::format("{}{} {}", note.empty() ? "" : "  ", run_.tasks[k].name,
                          fixed_text(report.losses[k], 3));
  progress_->update(report.step, note);
}

void ConsoleObserver::on_eval(Stage stage, EvalSplit split,
                              const std::vector<TaskResult>& results) {
  std::string line = stage == Stage::done ? fmt::format("{}:", name_of(split))
                                          : fmt::format("{} {}:", name_of(stage), name_of(split));
  if (results.size() > most_named) {
    std::vector<Measure> losses, metrics;
    const auto shown = common_metrics(results);
    const std::string lead = shown.empty() ? "" : shown[0];
    for (const TaskResult& r : results) {
      losses.push_back(r.loss);
      for (const Metric& m : r.metrics)
        if (m.name == lead) metrics.push_back(m.value);
    }
    say(line + "  " + mean_of(losses, "loss") +
        (lead.empty() ? "" : ", " + mean_of(metrics, lead.c_str())));
    return;
  }
  for (const TaskResult& r : results) {
    line += fmt::format("  {} {}", r.task, fixed_text(r.loss, 4));
    if (!r.metrics.empty())
      line += fmt::format(" ({} {}{})", r.metrics[0].name, fixed_text(r.metrics[0].value, 2),
                          unit_of(r, r.metrics[0].name, " "));
  }
  say(line);
}

void ConsoleObserver::say(const std::string& line) {
  if (progress_ != nullptr)
    progress_->say(line);
  else
    tell(line);
}

std::vector<std::string> with_device(std::vector<std::string> overrides,
                                     const std::string& device) {
  if (!device.empty()) overrides.push_back("device=" + device);
  return overrides;
}

bool colour_wanted() { return isatty(STDOUT_FILENO) != 0 && std::getenv("NO_COLOR") == nullptr; }

void write_pictures(const std::string& folder, Trainer& trainer, const Dataset& data) {
  const Parts& parts = trainer.parts();
  const auto& indices = !parts.test.empty()  ? parts.test
                        : !parts.val.empty() ? parts.val
                                             : parts.train;
  const std::vector<int64_t> first(
      indices.begin(),
      indices.begin() + std::min<int64_t>(6, static_cast<int64_t>(indices.size())));
  const std::string pictures = folder + "/pictures/";
  const auto write_sheet = [&](const char* name, const Sheet& sheet) {
    if (sheet.rows.empty()) return;
    write_file(pictures + name + ".svg", draw_sheet(sheet));
    if (trainer.run_file().tensorboard) trainer.show(name, raster(sheet));
  };
  draw_if_readable("predictions", [&] {
    write_sheet("predictions", prediction_sheet(trainer, data, first));
    if (const std::string rows = sample_rows(trainer, data, first); !rows.empty())
      write_file(folder + "/rows.csv", rows);
  });
  const RunFile& run = trainer.run_file();
  // A table's rows and texts are read in no time; pictures may be large.
  const bool small = run.data.kind == DataKind::tabular || run.data.kind == DataKind::text;
  std::vector<int64_t> samples;
  for (size_t i = 0; i < std::min<size_t>(4, parts.train.size()); ++i)
    samples.push_back(parts.train[i * parts.train.size() / 4]);
  draw_if_readable("the data", [&] {
    write_data_summary(folder, summarise_data(run, data, parts, small ? 20'000 : 200));
    write_sheet("samples", sample_sheet(run, data, samples));
  });
  draw_if_readable("best and worst samples", [&] {
    if (const auto details = read_test_record(folder))
      write_sheet("extremes", extremes_sheet(trainer, data, parts.test, *details));
  });
  const RunSummary summary = read_summary(folder);
  write_balance_pictures(folder, summary.tasks);
  if (summary.policy.empty()) return;
  write_file(pictures + "policy.svg",
             draw_policy(summary.tasks, summary.blocks, summary.probability, summary.policy,
                         probability_name(summary.sharing), way_of(summary.sharing).functions));
  std::vector<std::vector<std::vector<double>>> history;
  for (SearchLine& line : read_search(folder + "/policy/search.jsonl", summary.tasks))
    history.push_back(std::move(line.probability));
  if (!history.empty())
    write_file(pictures + "history.svg",
               draw_history(summary.tasks, summary.blocks, history,
                            probability_name(summary.sharing), way_of(summary.sharing).functions));
}

}  // namespace weft::cli
