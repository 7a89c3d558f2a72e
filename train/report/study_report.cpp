// study_report: the tables as they are written everywhere else, then pictures.
#include <fmt/format.h>

#include <algorithm>

#include "engine/error.h"
#include "train/report/page.h"
#include "train/report/report.h"
#include "train/report/run_parts.h"
#include "train/report/significance.h"
#include "train/study/curves.h"
#include "train/study/policies.h"
#include "train/study/transfer.h"

namespace weft {
namespace {

void put_run(Page& page, const ReportedRun& reported, size_t index) {
  const ReadRun run = read_run(reported);
  RunParts parts(page);
  for (const RunPart part : run_parts) {
    if (!has_part(run, part)) continue;
    page.heading(name_of(part));
    parts.put(run, part, fmt::format("_run{}", index));
  }
}

/// Folded away; it and the runs that follow, `left` in all, have equal shares of the room for pictures. The
/// study's results are whole where one run's files are not, and then it says so in its place.
void one_run(Page& page, const Study& study, const ReportedRun& reported, size_t index,
             size_t left) {
  const size_t size = page.size();
  page.allow(size + (most_page_bytes - std::min(size, most_page_bytes)) / left);
  page.begin_folded(reported.folder.substr(std::min(reported.folder.size(), study.out.size() + 1)));
  try {
    put_run(page, reported, index);
  } catch (const UserError& e) {
    page.paragraph(std::string("Cannot be shown: ") + e.what());
  }
  page.end_folded();
}

/// The page says how many of `what` it has no room for, by name, and where they are.
void say_left_out(Page& page, const char* what, const std::vector<std::string>& left_out,
                  size_t all) {
  page.take_left_out();  // told here
  if (left_out.empty()) return;
  page.paragraph(fmt::format(
      "{0} of {1} {2} are left out, as the page would be larger than 3 MB: {3}. Each is a file of "
      "its own in the study's folder, {2}/NAME.svg; where it is not, weft study STUDY --table "
      "writes it.",
      left_out.size(), all, what, fmt::join(left_out, ", ")));
}

}  // namespace

StudyFound study_found(const Study& study, const std::vector<StudyCell>& cells,
                       const std::string& how) {
  StudyFound found;
  found.results = study_results(study, cells);
  found.tables = study_markdown(study, found.results);
  if (!how.empty()) found.tables += "\n" + how + "\n";
  found.tables += study_policies(study, found.results);
  found.curves = study_curves(study, cells, found.results);
  for (auto& transfer : transfer_curves(study, cells, found.results))
    found.curves.push_back(std::move(transfer));
  found.policies = policy_pictures(found.results);
  for (size_t set = 0; set < found.results.size(); ++set)
    for (size_t m = 0; m < found.results[set].rows.size(); ++m) {
      const StudyRow& row = found.results[set].rows[m];
      const auto first = std::find_if(cells.begin(), cells.end(), [&](const StudyCell& cell) {
        return cell.set == set && cell.method == m && cell.trial == row.trial &&
               !row.runs.empty() && cell.seed == row.runs[0].seed;
      });
      if (first != cells.end()) found.first.push_back(first->folder);
    }
  return found;
}

void require_method(const Study& study, const std::string& against) {
  const auto named = [&](const StudyMethod& method) { return method.name == against; };
  if (!against.empty() && std::none_of(study.methods.begin(), study.methods.end(), named))
    throw ConfigError(fmt::format("--against {}: {} has no such method", against, study.source));
}

StudyPage study_report(const Study& study, const StudyFound& found,
                       const std::vector<ReportedRun>& first, const std::string& against) {
  Page page(study.name);
  StudyPage out;
  // The heading is the page's title already.
  std::string_view text = found.tables;
  text.remove_prefix(std::min(text.find('\n'), text.size()));
  page.section("Tables");
  page.markdown(text);
  bool begun = false;
  for (const StudyResult& result : found.results) {
    std::vector<Compared> rows;
    for (const StudyRow& row : result.rows) rows.push_back({row.method, row.runs});
    const bool there = std::any_of(rows.begin(), rows.end(), [&](const Compared& row) {
      return row.name == against && !row.runs.empty();
    });
    const std::string html = significance(fmt::format("set{}", &result - found.results.data()),
                                          rows, there ? against : std::string());
    if (html.empty()) continue;
    if (!begun) page.section("Significance");
    begun = true;
    if (found.results.size() > 1) page.heading(result.set);
    page.html(html);
  }
  if (!found.curves.empty()) page.section("Curves");
  page.begin_columns();
  for (const auto& [name, svg] : found.curves)
    if (!page.picture(svg)) out.curves_left_out.push_back(name);
  page.end_columns();
  say_left_out(page, "curves", out.curves_left_out, found.curves.size());
  if (!found.policies.empty()) page.section("Policies, run by run");
  for (const auto& [name, svg] : found.policies) {
    if (!page.fits(svg)) {
      out.policies_left_out.push_back(name);
      continue;
    }
    page.begin_folded(name);
    page.picture(svg);
    page.end_folded();
  }
  say_left_out(page, "policies", out.policies_left_out, found.policies.size());
  if (!first.empty()) page.section("One run of each method");
  for (size_t i = 0; i < first.size(); ++i) one_run(page, study, first[i], i, first.size() - i);
  out.html = page.str();
  return out;
}

std::string left_out_text(const StudyPage& page, const std::string& folder) {
  std::string text;
  const auto add = [&](const std::vector<std::string>& names, const char* what) {
    if (names.empty()) return;
    text += fmt::format(
        "left out of the page, as it would be larger than 3 MB: {0} {1}; they are files of their "
        "own in {2}/{0}/, which weft study STUDY --table writes\n",
        what, fmt::join(names, ", "), folder);
  };
  add(page.curves_left_out, "curves");
  add(page.policies_left_out, "policies");
  return text;
}

}  // namespace weft
