// weft new: writes a first run file for somebody's own data.
#include <fmt/format.h>

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "engine/error.h"
#include "io/files.h"
#include "train/cli/comma_list.h"
#include "train/cli/command.h"
#include "train/run_file/first.h"
#include "train/run_file/run_file.h"

namespace weft::cli {
namespace {

/// Names of columns, of many the first.
std::string some_of(const std::vector<std::string>& names) {
  constexpr size_t most = 20;
  if (names.size() <= most) return fmt::format("{}", fmt::join(names, ", "));
  return fmt::format("{}, ... ({} in all)", fmt::join(names.begin(), names.begin() + most, ", "),
                     names.size());
}

void write_first(const std::string& data, std::string out, const std::vector<std::string>& tasks) {
  namespace fs = std::filesystem;
  if (!fs::exists(data)) throw DataError(fmt::format("{}: no such file or folder", data));
  const fs::path path = fs::canonical(data);
  std::string stem = (fs::is_directory(path) ? path.filename() : path.stem()).string();
  if (stem.ends_with(".csv")) stem.resize(stem.size() - 4);  // of a .csv.gz
  const std::string name = plain_run_name(stem);
  if (out.empty()) out = name + ".toml";
  if (fs::exists(out)) throw ConfigError(fmt::format("{} exists; --out gives another name", out));
  const FirstRunFile first = first_run_file(data, name, tasks);
  const RunFile run = parse_run_text(first.text, out);
  write_file(out, first.text);
  fmt::print("wrote {}:\n", out);
  for (size_t k = 0; k < run.tasks.size(); ++k) {
    const TaskSpec& task = run.tasks[k];
    const std::string& remark = first.remarks.at(k);
    fmt::print("  {} {}{}{}\n", task.name, name_of(task.kind),
               task.classes ? fmt::format(", {} classes", task.classes) : "",
               remark.empty() ? "" : ": " + remark);
  }
  if (!first.inputs.empty()) fmt::print("  inputs: {}\n", some_of(first.inputs));
  if (!first.left_out.empty()) fmt::print("  left out: {}\n", some_of(first.left_out));
  if (!first.why_tasks.empty())
    fmt::print("the tasks are guessed ({}); --task a,b says otherwise\n", first.why_tasks);
  fmt::print("check it, then: weft train {}\n", out);
}

class New final : public Command {
 public:
  const char* name() const override { return "new"; }
  const char* help() const override {
    return "Write a first run file from a CSV: a table, texts, or an index of pictures";
  }
  void options(Options& o) override {
    o.add("--data", data_, "The CSV, or its folder").required();
    o.add("--task", tasks_, "Columns to learn: price,sold (default: guessed)");
    o.add("--out", out_, "The run file (default: NAME.toml)");
  }
  void run() override { write_first(data_, out_, comma_list(tasks_)); }

 private:
  std::string data_, out_, tasks_;
};

}  // namespace

std::unique_ptr<Command> new_command() { return std::make_unique<New>(); }

}  // namespace weft::cli
