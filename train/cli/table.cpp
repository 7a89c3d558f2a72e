// weft table: finished runs side by side; Delta_T against the first single-task run among them.
#include <memory>

#include "engine/error.h"
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
    o.add("--style", style_, "text, markdown or latex").one_of({"text", "markdown", "latex"});
    o.add("--csv", csv_, "Every metric as comma-separated values, with all of its digits");
  }
  void run() override {
    if (csv_ && style_ != "text")
      throw ConfigError(
          fmt::format("table: --csv and --style {} are two tables: leave one of them out", style_));
    std::vector<RunSummary> runs;
    for (const std::string& folder : folders_) runs.push_back(read_summary(folder));
    const TableStyle style = csv_                   ? TableStyle::csv
                             : style_ == "markdown" ? TableStyle::markdown
                             : style_ == "latex"    ? TableStyle::latex
                                                    : TableStyle::text;
    fmt::print("{}", table(runs, style));
    if (style != TableStyle::text) return;
    for (const RunSummary& run : runs)
      if (const std::string policy = policy_text(run, colour_wanted()); !policy.empty())
        fmt::print("\n{}\n{}", run.name, policy);
  }

 private:
  std::vector<std::string> folders_;
  std::string style_ = "text";
  bool csv_ = false;
};

}  // namespace

std::unique_ptr<Command> table_command() { return std::make_unique<Table>(); }

}  // namespace weft::cli
