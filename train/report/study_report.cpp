// study_report: the tables as they are written everywhere else, then pictures.
#include "train/report/page.h"
#include "train/report/report.h"

namespace weft {

std::string study_report(const Study& study, std::string_view text,
                         const std::vector<std::pair<std::string, std::string>>& curves,
                         const std::vector<std::pair<std::string, std::string>>& policies) {
  Page page(study.name);
  // The heading is the page's title already.
  text.remove_prefix(std::min(text.find('\n'), text.size()));
  page.section("Tables");
  page.markdown(text);
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
