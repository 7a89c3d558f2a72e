// read_run, and a function a part.
#include "train/report/run_parts.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "engine/error.h"
#include "io/files.h"
#include "models/collapse.h"
#include "models/sharing/way.h"
#include "train/pictures/policy_picture.h"
#include "train/report/cost_parts.h"
#include "train/report/policy_way.h"
#include "train/report/row_parts.h"
#include "train/report/test_parts.h"
#include "train/run_folder/checkpoint.h"
#include "train/run_folder/kept.h"
#include "train/run_folder/run_record.h"

namespace weft {
namespace {

/// Pictures of a part that the run itself draws into its folder.
std::vector<const char*> pictures_of(RunPart part) {
  if (part == RunPart::conflicts) return {"cosines", "gradient_norms", "weights"};
  if (part == RunPart::predictions) return {"predictions"};
  if (part == RunPart::extremes) return {"extremes"};
  return {};
}

std::string picture_path(const ReadRun& run, const char* name) {
  return fmt::format("{}/pictures/{}.svg", run.folder, name);
}

std::string rows_path(const ReadRun& run) { return run.folder + "/rows.csv"; }

bool has_policy(const ReadRun& run) { return run.summary && !run.summary->policy.empty(); }

/// Where each image of its test took a route of its own: how alike those are.
Measure image_routes(const ReadRun& run) {
  return run.summary ? run.summary->image_routes() : std::nullopt;
}

}  // namespace

ReadRun read_run(const ReportedRun& reported) {
  ReadRun out;
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
  out.reported = reported;
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

void say_left_out(Page& page, const std::string& where) {
  if (const int n = page.take_left_out(); n > 0)
    page.paragraph(
        fmt::format("{} picture(s) of this part are left out, as the page would be larger than "
                    "3 MB{}",
                    n, where));
}

bool has_part(const ReadRun& run, RunPart part) {
  if (part == RunPart::costs) return !run.reported.tasks.empty() || !run.reported.no_costs.empty();
  if (part == RunPart::policy)
    return has_policy(run) || image_routes(run) || !run.search.empty() ||
           !run.reported.sharing.empty();
  if (part == RunPart::test) return true;  // or it says why not
  if (part == RunPart::extremes) return run.test.has_value();
  if (part == RunPart::predictions && is_there(rows_path(run))) return true;
  const auto names = pictures_of(part);
  return std::any_of(names.begin(), names.end(),
                     [&](const char* name) { return is_there(picture_path(run, name)); });
}

void RunParts::put(const ReadRun& run, RunPart part, const std::string& id) {
  if (part == RunPart::costs) cost_parts(page_, run.reported);
  if (part == RunPart::policy) policy(run, id);
  if (part == RunPart::test && !run.test)
    say_missing(run, "test.json", ", nor where the test was one of ranks (mpirun)");
  if (part == RunPart::test && run.test) test_parts(page_, *run.test);
  if (part == RunPart::extremes && run.test) extreme_parts(page_, *run.test);
  for (const char* name : pictures_of(part)) picture(run, name);
  if (part == RunPart::predictions && is_there(picture_path(run, "predictions"))) legend(run);
  if (part == RunPart::predictions && is_there(rows_path(run)))
    row_parts(page_, run.run, rows_path(run));
  say_left_out(page_, alone_
                          ? fmt::format("; what the run drew is in {}/pictures", run.folder)
                          : fmt::format("; they are in the run's own: weft report {}", run.folder));
}

void RunParts::policy(const ReadRun& run, const std::string& id) {
  if (has_policy(run)) {
    const RunSummary& s = *run.summary;
    page_.picture(draw_policy(s.tasks, s.blocks, s.probability, s.policy,
                              probability_name(s.sharing), way_of(s.sharing).functions));
  }
  if (const Measure together = image_routes(run))
    page_.paragraph(
        fmt::format("Routes of the test images: {}.", collapse_text(*together, "images")));
  for (const std::string* svg : {&run.reported.sharing, &run.reported.plan})
    if (!svg->empty()) page_.picture(*svg);
  const std::string way =
      policy_way("way" + id, run.tasks, run.blocks, run.search, probability_name(run.run.sharing),
                 way_of(run.run.sharing).functions);
  if (way.empty()) return;
  page_.paragraph("How it came about: the slider goes through the epochs of the policy.");
  page_.html(way);
}

void RunParts::picture(const ReadRun& run, const char* name) {
  const std::string path = picture_path(run, name);
  if (!is_there(path)) return;
  const std::string svg = read_text(path);
  if (!svg.starts_with("<svg ") || !svg.ends_with("</svg>\n") ||
      svg.find("<script") != std::string::npos)
    page_.paragraph(fmt::format("Not in this page, as it is none of weft's pictures: {}", path));
  else
    page_.picture(svg);
}

void RunParts::say_missing(const ReadRun& run, const char* file, const char* also) {
  page_.paragraph(
      fmt::format("{} has no {}: it is written at the end of training, and not at all by older "
                  "versions of weft{}.",
                  run.folder, file, also));
}

/// What the colours of the predictions mean; of runs with the same tasks once.
void RunParts::legend(const ReadRun& run) {
  if (!legends_.insert(fmt::format("{}", fmt::join(run.tasks, "\n"))).second) return;
  colour_legend(page_, run.run, run.test.value_or(std::vector<TaskDetail>{}));
}

}  // namespace weft
