// study_report: the tables as they are written everywhere else, then pictures.
#include <fmt/format.h>

#include <algorithm>

#include "engine/error.h"
#include "train/report/page.h"
#include "train/report/report.h"
#include "train/report/significance.h"
#include "train/study/curves.h"
#include "train/study/policies.h"
#include "train/study/transfer.h"

namespace weft {

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
  return found;
}

void require_method(const Study& study, const std::string& against) {
  const auto named = [&](const StudyMethod& method) { return method.name == against; };
  if (!against.empty() && std::none_of(study.methods.begin(), study.methods.end(), named))
    throw ConfigError(fmt::format("--against {}: {} has no such method", against, study.source));
}

std::string study_report(const Study& study, const StudyFound& found, const std::string& against) {
  Page page(study.name);
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
  for (const auto& [name, svg] : found.curves) page.picture(svg);
  page.end_columns();
  if (!found.policies.empty()) page.section("Policies, run by run");
  for (const auto& [name, svg] : found.policies) {
    page.begin_folded(name);
    page.picture(svg);
    page.end_folded();
  }
  return page.str();
}

}  // namespace weft
