// run_report: a section a subject, each with every run that has something to say of it.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <map>
#include <set>

#include "io/files.h"
#include "train/report/page.h"
#include "train/report/report.h"
#include "train/report/run_curves.h"
#include "train/report/run_parts.h"
#include "train/report/significance.h"
#include "train/report/test_parts.h"
#include "train/run_file/run_file.h"
#include "train/step/choice.h"
#include "train/study/run_table.h"

namespace weft {
namespace {

using Runs = std::vector<ReadRun>;

/// Of several runs, whose part follows.
void name_run(Page& page, const Runs& runs, const ReadRun& run) {
  if (runs.size() > 1) page.heading(run.name);
}

/// Tasks downwards; those of other metrics have a table of their own.
void results_of_one(Page& page, const RunSummary& run) {
  std::vector<std::vector<Cells>> tables;
  for (const TaskResult& r : run.results) {
    Cells head{"task", "loss", "constant"},
        row{plain_cell(r.task), number_text(r.loss), number_text(r.constant)};
    for (const Metric& m : r.metrics) {
      head.push_back(m.name + unit_of(r, m.name, " ") + (m.higher_is_better ? " ^" : " v"));
      row.push_back(number_text(m.value));
    }
    auto at = std::find_if(tables.begin(), tables.end(),
                           [&](const std::vector<Cells>& t) { return t[0] == head; });
    if (at == tables.end()) at = tables.insert(tables.end(), std::vector<Cells>{head});
    at->push_back(std::move(row));
  }
  for (const auto& rows : tables) page.markdown(table_text(rows, TableStyle::markdown));
  page.paragraph("Constant: the loss of the best constant prediction for the same labels.");
  if (const std::string worse = worse_than_constant(run.results); !worse.empty())
    page.paragraph(worse);
  page.markdown(
      table_text({{"trunk M", "x one trunk", "heads M", "trunk GFLOP", "heads GFLOP"},
                  {fmt::format("{:.3f}", static_cast<double>(run.trunk_parameters) / 1e6),
                   fmt::format("{:.2f}", run.trunk_parameters_of_one),
                   fmt::format("{:.3f}", static_cast<double>(run.head_parameters) / 1e6),
                   fmt::format("{:.3g}", run.trunk_gflop), fmt::format("{:.3g}", run.heads_gflop)}},
                 TableStyle::markdown));
}

/// Where patience ended a phase, and which steps are kept.
void say_ends(Page& page, const RunSummary& run) {
  for (const auto& [stage, step] : run.stopped)
    page.paragraph(fmt::format(
        "{}: {} ended at its step {}, by eval.patience: no validation score had been better for as "
        "many evaluations.",
        run.name, stage == name_of(Stage::warmup) ? "warm-up" : "re-training", step));
  if (run.kept_best.size() < 2) return;
  std::vector<std::string> kept;
  for (const auto& [step, score] : run.kept_best)
    kept.push_back(fmt::format("step {} ({:.4f})", step, score));
  page.paragraph(fmt::format("{}: kept as best, best-1 .. with their validation scores: {}.",
                             run.name, fmt::join(kept, ", ")));
}

void results(Page& page, const Runs& runs) {
  std::vector<RunSummary> finished;
  for (const ReadRun& run : runs) {
    if (run.summary) {
      finished.push_back(*run.summary);
      finished.back().name = runs.size() == 1 ? "this run" : run.name;
      continue;
    }
    const int64_t step = run.metrics.empty() ? 0 : run.metrics.back().step;
    page.paragraph(
        fmt::format("{} is not finished: step {} of {}. Go on with: weft train --resume {}",
                    run.name, step, planned_steps(run.run), run.folder));
  }
  if (finished.empty()) return;
  page.section("Results");
  for (const RunSummary& s : finished) say_ends(page, s);
  const auto chosen = [](const RunSummary& s) { return s.best_step >= 0; };
  const char* weights = std::all_of(finished.begin(), finished.end(), chosen)
                            ? "with the weights of the step whose validation score was least"
                        : std::any_of(finished.begin(), finished.end(), chosen)
                            ? "with the weights of the step whose validation score was least, or "
                              "where nothing chose one, the last"
                            : "with the last weights";
  page.paragraph(
      fmt::format("Of the test split, {}. M: millions of parameters; GFLOP: of one sample in "
                  "evaluation; ^: higher is better, v: lower is better.",
                  weights));
  if (finished.size() == 1 && runs.size() == 1) return results_of_one(page, finished[0]);
  page.markdown(table(finished, TableStyle::markdown, /*turned=*/true));
}

/// Parameters and FLOPs are counted, the rest is measured.
void costs(Page& page, RunParts& parts, const Runs& runs) {
  std::vector<Cells> rows{{"run", "device", "steps", "skipped", "tested at", "warm-up s",
                           "search s", "re-training s", "waited for data %", "peak MiB"}};
  for (const ReadRun& run : runs) {
    if (!run.summary) continue;
    const RunSummary& s = *run.summary;
    const auto seconds = [&](const char* stage) {
      const auto found = s.seconds.find(stage);
      return found == s.seconds.end() ? "-" : fmt::format("{:.1f}", found->second);
    };
    rows.push_back({runs.size() == 1 ? "this run" : run.name, name_of(s.device),
                    fmt::to_string(s.steps), fmt::to_string(s.skipped),
                    fmt::format("{:.0f}", s.tested_step()), seconds("warmup"), seconds("search"),
                    seconds("retrain"), fmt::format("{:.1f}", 100 * s.waited_share),
                    fmt::format("{:.1f}", static_cast<double>(s.peak_bytes) / (1 << 20))});
  }
  if (rows.size() == 1) return;
  page.section("Cost");
  page.markdown(table_text(rows, TableStyle::markdown, /*turned=*/true));
  for (const ReadRun& run : runs) {
    if (!has_part(run, RunPart::costs)) continue;
    page.heading(runs.size() == 1 ? name_of(RunPart::costs) : run.name);
    parts.put(run, RunPart::costs, "");
  }
}

void curves(Page& page, const Runs& runs) {
  std::vector<NamedMetrics> lines;
  for (const ReadRun& run : runs) lines.emplace_back(run.name, run.metrics);
  const auto pictures = run_curves(lines);
  if (pictures.empty()) return;
  page.section("Curves");
  page.begin_columns();
  for (const auto& [task, svg] : pictures) page.picture(svg);
  page.end_columns();
  say_left_out(page, "");
}

void data(Page& page, RunParts& parts, const Runs& runs) {
  page.section("Data");
  std::set<std::string> shown;  // the data of several runs are mostly the same
  for (const ReadRun& run : runs) {
    if (!run.data) {
      parts.say_missing(run, "data.json", ", or where a sample could not be read");
      continue;
    }
    const std::string text = read_text(run.folder + "/data.json");
    if (!shown.insert(text).second) continue;
    name_run(page, runs, run);
    data_parts(page, *run.data);
    parts.picture(run, "samples");
    say_left_out(page, "");
  }
}

/// A section with each run that has something to say of it.
void part(Page& page, RunParts& parts, const Runs& runs, RunPart which) {
  bool begun = false;
  for (const ReadRun& run : runs) {
    if (!has_part(run, which)) continue;
    if (!begun) page.section(name_of(which));
    begun = true;
    name_run(page, runs, run);
    parts.put(run, which, fmt::to_string(&run - runs.data()));
  }
}

/// Runs that differ by their seed alone are one row.
void significances(Page& page, const Runs& runs, const std::string& against) {
  std::vector<Compared> rows;
  std::vector<std::string> texts;
  for (const ReadRun& run : runs) {
    if (!run.summary) continue;
    RunFile apart = run.run;
    apart.seed = 0;
    const std::string text = print_run_file(apart);
    const auto at =
        static_cast<size_t>(std::find(texts.begin(), texts.end(), text) - texts.begin());
    if (at == rows.size()) {
      texts.push_back(text);
      rows.push_back({fmt::format("{}-{}", run.run.name, name_of(run.run.sharing)), {}});
    }
    const bool twice =
        std::any_of(rows[at].runs.begin(), rows[at].runs.end(),
                    [&](const RunSummary& other) { return other.seed == run.summary->seed; });
    if (!twice) rows[at].runs.push_back(*run.summary);
  }
  std::map<std::string, int> named;
  for (Compared& row : rows)
    if (const int n = ++named[row.name]; n > 1) row.name += fmt::format(" ({})", n);
  const std::string html = significance("runs", rows, against);
  if (html.empty()) return;
  page.section("Significance");
  page.html(html);
}

void run_files(Page& page, const Runs& runs) {
  page.section("Run file");
  page.paragraph("With every key resolved, as it was trained.");
  for (const ReadRun& run : runs) {
    page.begin_folded(run.folder + "/run.toml");
    page.listing(run.run_text);
    page.end_folded();
  }
}

}  // namespace

std::string run_report(const std::vector<ReportedRun>& reported, const std::string& against) {
  Runs runs;
  for (const ReportedRun& run : reported) runs.push_back(read_run(run));
  // Runs that would have one name are told apart by their folders.
  std::map<std::string, int> named;
  for (const ReadRun& run : runs) ++named[run.name];
  for (ReadRun& run : runs)
    if (named[run.name] > 1) run.name = plain_cell(run.folder);
  Page page(runs.size() == 1 ? runs[0].name : fmt::format("{} runs", runs.size()));
  results(page, runs);
  significances(page, runs, against);
  RunParts parts(page, /*alone=*/runs.size() == 1);
  data(page, parts, runs);
  costs(page, parts, runs);
  curves(page, runs);
  for (const RunPart which : run_parts)
    if (which != RunPart::costs) part(page, parts, runs, which);  // beside all tasks' above
  run_files(page, runs);
  return page.str();
}

}  // namespace weft
