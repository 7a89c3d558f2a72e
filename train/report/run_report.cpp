// run_report: a section a subject, each with every run that has something to say of it.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <map>
#include <optional>
#include <set>

#include "io/files.h"
#include "models/sharing/way.h"
#include "train/pictures/policy_picture.h"
#include "train/report/page.h"
#include "train/report/policy_way.h"
#include "train/report/report.h"
#include "train/report/run_curves.h"
#include "train/report/significance.h"
#include "train/report/test_parts.h"
#include "train/run_file/run_file.h"
#include "train/run_folder/checkpoint.h"
#include "train/run_folder/kept.h"
#include "train/run_folder/run_record.h"
#include "train/step/choice.h"
#include "train/study/run_table.h"

namespace weft {
namespace {

constexpr size_t most_page_bytes = 3'000'000;

struct Read {
  std::string folder, name, run_text, plan, sharing;
  RunFile run;
  std::optional<RunSummary> summary;  ///< none: not finished
  std::vector<MetricsLine> metrics;
  std::vector<SearchLine> search;
  std::vector<std::string> tasks, blocks;
  std::optional<DataSummary> data;
  std::optional<std::vector<TaskDetail>> test;
};

Read read(const ReportedRun& reported) {
  Read out;
  const std::string& folder = reported.folder;
  if (!is_there(folder + "/run.toml"))
    throw DataError(is_there(folder + "/cells.csv")
                        ? folder +
                              ": a study of an older weft, which kept no study.toml in its folder; "
                              "`weft study FILE --table` adds it"
                        : folder +
                              ": no run folder: it has no run.toml, nor a study's: it has no "
                              "study.toml");
  out.folder = folder;
  out.plan = reported.plan;
  out.sharing = reported.sharing;
  out.run_text = read_text(folder + "/run.toml");
  out.run = parse_run_text(out.run_text, folder + "/run.toml");
  const std::string last = checkpoint_path(folder, "last");
  if (is_there(last)) require_same_run(folder, read_checkpoint(last).run_text);
  if (is_there(folder + "/summary.json")) out.summary = read_summary(folder);
  out.data = read_data_summary(folder);
  out.test = read_test_record(folder);
  if (is_there(folder + "/metrics.jsonl")) out.metrics = read_metrics(folder + "/metrics.jsonl");
  for (const TaskSpec& task : out.run.tasks) out.tasks.push_back(task.name);
  if (out.summary) out.tasks = out.summary->tasks;
  if (is_there(folder + "/policy/search.jsonl"))
    out.search = read_search(folder + "/policy/search.jsonl", out.tasks);
  if (out.summary)
    out.blocks = out.summary->blocks;
  else if (!out.search.empty())  // a run that is not finished has not said what they are called
    for (size_t l = 0; l < out.search[0].probability.at(0).size(); ++l)
      out.blocks.push_back(fmt::format("block {}", l));
  for (const SearchLine& line : out.search)
    for (const auto& task : line.probability)
      if (task.size() != out.blocks.size())
        throw DataError(
            fmt::format("{}/policy/search.jsonl: step {}: {} probabilities of {} blocks", folder,
                        line.step, task.size(), out.blocks.size()));
  out.name = fmt::format("{}-{}, seed {}", out.run.name, name_of(out.run.sharing), out.run.seed);
  return out;
}

using Runs = std::vector<Read>;

/// Of several runs, whose part follows.
void name_run(Page& page, const Runs& runs, const Read& run) {
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
  for (const Read& run : runs) {
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
void costs(Page& page, const Runs& runs) {
  std::vector<Cells> rows{{"run", "device", "steps", "skipped", "tested at", "warm-up s",
                           "search s", "re-training s", "waited for data %", "peak MiB"}};
  for (const Read& run : runs) {
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
}

void curves(Page& page, const Runs& runs) {
  std::vector<NamedMetrics> lines;
  for (const Read& run : runs) lines.emplace_back(run.name, run.metrics);
  const auto pictures = run_curves(lines);
  if (pictures.empty()) return;
  page.section("Curves");
  page.begin_columns();
  for (const auto& [task, svg] : pictures) page.picture(svg);
  page.end_columns();
}

void policies(Page& page, const Runs& runs) {
  bool begun = false;
  for (const Read& run : runs) {
    const bool drawn = run.summary && !run.summary->policy.empty();
    if (!drawn && run.search.empty() && run.sharing.empty()) continue;
    if (!begun) page.section("Sharing and policy");
    begun = true;
    name_run(page, runs, run);
    if (drawn) {
      const RunSummary& s = *run.summary;
      page.picture(draw_policy(s.tasks, s.blocks, s.probability, s.policy,
                               probability_name(s.sharing), way_of(s.sharing).functions));
    }
    if (!run.sharing.empty()) page.picture(run.sharing);
    if (!run.plan.empty()) page.picture(run.plan);
    const std::string way =
        policy_way(fmt::format("way{}", &run - runs.data()), run.tasks, run.blocks, run.search,
                   probability_name(run.run.sharing), way_of(run.run.sharing).functions);
    if (way.empty()) continue;
    page.paragraph("How it came about: the slider goes through the epochs of the policy.");
    page.html(way);
  }
}

/// One that the run left in its folder, where it is there.
void picture(Page& page, const Read& run, const char* name) {
  const std::string path = fmt::format("{}/pictures/{}.svg", run.folder, name);
  if (!is_there(path)) return;
  const std::string svg = read_text(path);
  if (!svg.starts_with("<svg ") || !svg.ends_with("</svg>\n") ||
      svg.find("<script") != std::string::npos)
    page.paragraph(fmt::format("Not in this page, as it is none of weft's pictures: {}", path));
  else if (page.size() + svg.size() > most_page_bytes)
    page.paragraph(fmt::format("Not in this page, which would be too large: {}", path));
  else
    page.picture(svg);
}

/// A picture that the run left in its folder, of every run that has it.
void pictures(Page& page, const Runs& runs, const char* title,
              const std::vector<const char*>& names) {
  bool begun = false;
  for (const Read& run : runs) {
    bool named = false;
    for (const char* name : names) {
      const std::string path = fmt::format("{}/pictures/{}.svg", run.folder, name);
      if (!is_there(path)) continue;
      if (!begun) page.section(title);
      begun = true;
      if (!named) name_run(page, runs, run);
      named = true;
      picture(page, run, name);
    }
  }
}

/// Runs of an older weft, or not finished, have none. `also`: who else.
void say_missing(Page& page, const Read& run, const char* file, const char* also) {
  page.paragraph(
      fmt::format("{} has no {}: it is written at the end of training, and not at all by older "
                  "versions of weft{}.",
                  run.folder, file, also));
}

void data(Page& page, const Runs& runs) {
  page.section("Data");
  std::set<std::string> shown;  // the data of several runs are mostly the same
  for (const Read& run : runs) {
    if (!run.data) {
      say_missing(page, run, "data.json", ", or where a sample could not be read");
      continue;
    }
    const std::string text = read_text(run.folder + "/data.json");
    if (!shown.insert(text).second) continue;
    name_run(page, runs, run);
    data_parts(page, *run.data);
    picture(page, run, "samples");
  }
}

/// What the colours of the predictions above mean.
void legends(Page& page, const Runs& runs) {
  std::set<std::string> shown;
  for (const Read& run : runs) {
    if (!is_there(run.folder + "/pictures/predictions.svg")) continue;
    if (!shown.insert(fmt::format("{}", fmt::join(run.tasks, "\n"))).second) continue;
    colour_legend(page, run.run, run.test.value_or(std::vector<TaskDetail>{}));
  }
}

void tests(Page& page, const Runs& runs) {
  page.section("The test in detail");
  for (const Read& run : runs) {
    if (!run.test) {
      say_missing(page, run, "test.json", ", nor where the test was one of ranks (mpirun)");
      continue;
    }
    name_run(page, runs, run);
    test_parts(page, *run.test);
  }
  if (std::none_of(runs.begin(), runs.end(), [](const Read& run) { return run.test.has_value(); }))
    return;
  page.section("Best and worst cases");
  for (const Read& run : runs) {
    if (!run.test) continue;
    name_run(page, runs, run);
    extreme_parts(page, *run.test);
    picture(page, run, "extremes");
  }
}

/// Runs that differ by their seed alone are one row.
void significances(Page& page, const Runs& runs, const std::string& against) {
  std::vector<Compared> rows;
  std::vector<std::string> texts;
  for (const Read& run : runs) {
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
  for (const Read& run : runs) {
    page.begin_folded(run.folder + "/run.toml");
    page.listing(run.run_text);
    page.end_folded();
  }
}

}  // namespace

std::string run_report(const std::vector<ReportedRun>& reported, const std::string& against) {
  Runs runs;
  for (const ReportedRun& run : reported) runs.push_back(read(run));
  // Runs that would have one name are told apart by their folders.
  std::map<std::string, int> named;
  for (const Read& run : runs) ++named[run.name];
  for (Read& run : runs)
    if (named[run.name] > 1) run.name = plain_cell(run.folder);
  Page page(runs.size() == 1 ? runs[0].name : fmt::format("{} runs", runs.size()));
  results(page, runs);
  significances(page, runs, against);
  data(page, runs);
  costs(page, runs);
  curves(page, runs);
  policies(page, runs);
  pictures(page, runs, "Conflicts between tasks", {"cosines", "gradient_norms", "weights"});
  pictures(page, runs, "Predictions", {"predictions"});
  legends(page, runs);
  tests(page, runs);
  run_files(page, runs);
  return page.str();
}

}  // namespace weft
