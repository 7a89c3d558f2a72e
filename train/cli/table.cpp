// weft table: finished runs side by side; Delta_T against the first single-task run among them.
#include <memory>

#include "train/cli/command.h"
#include "train/cli/console.h"
#include "train/study/run_table.h"

namespace weft::cli {

namespace {

class Table final : public Command {
 public:
  const char* name() const override { return "table"; }
  const char* help() const override { return "Compare finished runs"; }
  void options(Options& o) override {
    o.add("folders", folders_, "Run folders").required();
    o.add("--style", style_, "text, markdown, csv or latex")
        .one_of({"text", "markdown", "csv", "latex"});
  }
  void run() override {
    std::vector<RunSummary> runs;
    for (const std::string& folder : folders_) runs.push_back(read_summary(folder));
    fmt::print("{}", table(runs, style_ == "markdown" ? TableStyle::markdown
                                 : style_ == "csv"    ? TableStyle::csv
                                 : style_ == "latex"  ? TableStyle::latex
                                                      : TableStyle::text));
    if (style_ != "text") return;
    for (const RunSummary& run : runs)
      if (!run.policy.empty()) fmt::print("\n{}\n{}", run.name, policy_text(run, colour_wanted()));
  }

 private:
  std::vector<std::string> folders_;
  std::string style_ = "text";
};

}  // namespace

std::unique_ptr<Command> table_command() { return std::make_unique<Table>(); }

}  // namespace weft::cli
