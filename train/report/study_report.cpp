// study_report: the tables as they are written everywhere else, then pictures.
#include <fmt/format.h>

#include <algorithm>

#include "train/report/page.h"
#include "train/report/report.h"
#include "train/report/significance.h"

namespace weft {

std::string study_report(const Study& study, const std::vector<StudyResult>& results,
                         const std::string& against, std::string_view text,
                         const std::vector<std::pair<std::string, std::string>>& curves,
                         const std::vector<std::pair<std::string, std::string>>& policies) {
  Page page(study.name);
  // The heading is the page's title already.
  text.remove_prefix(std::min(text.find('\n'), text.size()));
  page.section("Tables");
  page.markdown(text);
  bool begun = false;
  for (const StudyResult& result : results) {
    std::vector<Compared> rows;
    for (const StudyRow& row : result.rows) rows.push_back({row.method, row.runs});
    const bool there = std::any_of(rows.begin(), rows.end(), [&](const Compared& row) {
      return row.name == against && !row.runs.empty();
    });
    const std::string html = significance(fmt::format("set{}", &result - results.data()), rows,
                                          there ? against : std::string());
    if (html.empty()) continue;
    if (!begun) page.section("Significance");
    begun = true;
    if (results.size() > 1) page.heading(result.set);
    page.html(html);
  }
  if (!curves.empty()) page.section("Curves");
  page.begin_columns();
  for (const auto& [name, svg] : curves) page.picture(svg);
  page.end_columns();
  if (!policies.empty()) page.section("Policies, run by run");
  for (const auto& [name, svg] : policies) {
    page.begin_folded(name);
    page.picture(svg);
    page.end_folded();
  }
  return page.str();
}

}  // namespace weft
