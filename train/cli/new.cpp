// weft new: writes a first run file for somebody's own data.
#include <fmt/format.h>

#include <filesystem>
#include <memory>
#include <string>

#include "engine/error.h"
#include "train/cli/command.h"
#include "train/data/files.h"
#include "train/first_run_file.h"
#include "train/run_file.h"

namespace weft::cli {
namespace {

void write_first(const std::string& data, std::string out) {
  namespace fs = std::filesystem;
  if (!fs::exists(data)) throw DataError(fmt::format("{}: no such file or folder", data));
  const fs::path path = fs::canonical(data);
  const std::string name = (fs::is_directory(path) ? path.filename() : path.stem()).string();
  if (out.empty()) out = name + ".toml";
  if (fs::exists(out)) throw ConfigError(fmt::format("{} exists; --out gives another name", out));
  const std::string text = first_run_file(data, name);
  const RunFile run = parse_run_text(text, out);
  write_file(out, text);
  fmt::print("wrote {}:\n", out);
  for (const TaskSpec& task : run.tasks) {
    fmt::print("  {} {}{}\n", task.name, name_of(task.kind),
               task.classes ? fmt::format(", {} classes", task.classes) : "");
  }
  fmt::print("check it, then: weft train {}\n", out);
}

}  // namespace

void add_new(CLI::App& app) {
  struct Options {
    std::string data, out;
  };
  auto options = std::make_shared<Options>();
  CLI::App* command = app.add_subcommand("new", "Write a first run file from a CSV index");
  command->add_option("--data", options->data, "The index, or its folder")->required();
  command->add_option("--out", options->out, "The run file (default: NAME.toml)");
  command->callback([options] { write_first(options->data, options->out); });
}

}  // namespace weft::cli
