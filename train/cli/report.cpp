// weft report: runs, or a study that has them in its folder, as one HTML page.
#include <fmt/format.h>

#include <algorithm>
#include <memory>

#include "io/files.h"
#include "train/cli/command.h"
#include "train/cli/reported_run.h"
#include "train/run_folder/run_record.h"

namespace weft::cli {
namespace {

/// The line of study.md on how and where the cells ran, which only the study's command knows; empty:
/// it has not come to its tables yet.
std::string how_it_ran(const std::string& folder) {
  const std::string path = folder + "/study.md", begin = "\n`weft study ";
  if (!is_there(path)) return "";
  const std::string text = read_text(path);
  const size_t at = text.find(begin);
  return at == text.npos ? "" : text.substr(at + 1, text.find('\n', at + 1) - (at + 1));
}

class Report final : public Command {
 public:
  const char* name() const override { return "report"; }
  const char* help() const override { return "Show runs, or a study, in one HTML page"; }
  void options(Options& o) override {
    o.add("folders", folders_, "Run folders, or a study's").required();
    o.add("--out", out_, "The page (default: report.html in the only folder)");
    o.add("--against", against_,
          "The row that others are tested against (default: the first; the page can choose)");
  }
  void run() override {
    const bool study = std::any_of(folders_.begin(), folders_.end(), keeps_study);
    if (study && folders_.size() > 1)
      throw UserError("a study has a page of its own: name one study's folder, or run folders");
    if (out_.empty() && folders_.size() > 1)
      throw UserError("a page of several runs belongs to none of them: say where with --out");
    if (!out_.empty() && !out_.ends_with(".html"))
      throw UserError(out_ + ": a page ends in .html, so that nothing else is written over");
    const std::string path = out_.empty() ? folders_[0] + "/report.html" : out_;
    write_file(path, study ? page_of_study(folders_[0]) : run_report(reported(folders_), against_));
    fmt::print("{}\n", path);
  }

 private:
  std::string page_of_study(const std::string& folder) const {
    const Study study = kept_study(folder);
    require_method(study, against_);
    const StudyFound found = study_found(study, study_cells(study), how_it_ran(folder));
    const StudyPage page =
        study_report(study, found, reported_where_readable(found.first), against_);
    fmt::print(stderr, "{}", left_out_text(page, folder));
    return page.html;
  }

  std::vector<std::string> folders_;
  std::string out_, against_;
};

}  // namespace

std::unique_ptr<Command> report_command() { return std::make_unique<Report>(); }

}  // namespace weft::cli
