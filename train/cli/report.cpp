// weft report: runs as one HTML page.
#include <fmt/format.h>

#include <memory>

#include "io/files.h"
#include "train/cli/command.h"
#include "train/cli/plan_picture.h"
#include "train/report/report.h"

namespace weft::cli {
namespace {

class Report final : public Command {
 public:
  const char* name() const override { return "report"; }
  const char* help() const override { return "Show runs in one HTML page"; }
  void options(Options& o) override {
    o.add("folders", folders_, "Run folders").required();
    o.add("--out", out_, "The page (default: report.html in the only run's folder)");
    o.add("--against", against_,
          "The row that others are tested against (default: the first; the page can choose)");
  }
  void run() override {
    if (out_.empty() && folders_.size() > 1)
      throw UserError("a page of several runs belongs to none of them: say where with --out");
    if (!out_.empty() && !out_.ends_with(".html"))
      throw UserError(out_ + ": a page ends in .html, so that nothing else is written over");
    std::vector<ReportedRun> runs;
    for (const std::string& folder : folders_) runs.push_back(reported(folder));
    const std::string path = out_.empty() ? folders_[0] + "/report.html" : out_;
    write_file(path, run_report(runs, against_));
    fmt::print("{}\n", path);
  }

 private:
  std::vector<std::string> folders_;
  std::string out_, against_;
};

}  // namespace

std::unique_ptr<Command> report_command() { return std::make_unique<Report>(); }

}  // namespace weft::cli
