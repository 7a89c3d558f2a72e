// weft study: methods x seeds x data sets from one file, several cells side by side, and then the
// tables (Markdown, LaTeX, CSV) and curves. Run again, it goes on where it was stopped.
#include <fmt/chrono.h>

#include <algorithm>
#include <cctype>
#include <chrono>
#include <cstdlib>
#include <ctime>
#include <memory>
#include <string_view>

#include "engine/cpu/context.h"
#include "engine/device.h"
#include "engine/error.h"
#include "engine/version.h"
#include "io/files.h"
#include "train/cli/command.h"
#include "train/cli/console.h"
#include "train/cli/gpus.h"
#include "train/cli/machine.h"
#include "train/cli/reported_run.h"
#include "train/cli/study_runner.h"
#include "train/ranks/job.h"
#include "train/report/report.h"
#include "train/study/grid.h"
#include "train/study/tables.h"

namespace weft::cli {
namespace {

/// As a shell reads it back.
std::string shell_word(const std::string& text) {
  const auto plain = [](unsigned char c) {
    return std::isalnum(c) != 0 ||
           std::string_view("_./=:,+@%-").find(static_cast<char>(c)) != std::string_view::npos;
  };
  if (!text.empty() && std::all_of(text.begin(), text.end(), plain)) return text;
  std::string out = "'";
  for (const char c : text) out += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return out + "'";
}

class StudyCommand final : public Command {
 public:
  const char* name() const override { return "study"; }
  const char* help() const override { return "Compare methods over seeds and data sets"; }
  void options(Options& o) override {
    o.add("study", path_, "Study file (TOML), or with --set a run file").required();
    o.add("settings", settings_, "key=value for every cell: retrain.steps=20 for a first look")
        .settings();
    o.add("--set", sweep_,
          "A file of lists, model.width = [0.5, 1]: every combination is run, as by [grid], in "
          "OUT-sweep");
    o.add("--out", out_, "Where cells and tables go (default: as the study file says)");
    o.add("--threads", threads_, "Threads of each cell; 0: as the study file says").within(0, 1024);
    o.add("--parallel", parallel_,
          "Cells side by side; -1: as the study file says, 0: all that fit")
        .within(-1, 1024);
    o.add("--device", device_, "cpu or cuda").one_of({"cpu", "cuda"});
    o.add("--gpus", gpus_, "Spread the cells over so many GPUs; 0: all run where one would")
        .within(0, 1024);
    o.add("--start-for", minutes_,
          "Minutes in which cells are started; those that run then end; -1: until all are done")
        .within(-1, 1e6);
    o.add("--against", against_,
          "The method that others are tested against in the page (default: the first)");
    o.add("--table", table_only_, "Run nothing: the tables of what is finished");
  }
  void run() override {
    Study study = sweep_.empty() ? parse_study_file(path_) : swept_study(path_, sweep_);
    check_unswept(study, settings_);
    if (!out_.empty()) study.out = out_;
    if (threads_ > 0) study.threads = threads_;
    for (StudySet& set : study.sets)
      set.settings.insert(set.settings.end(), settings_.begin(), settings_.end());
    // Methods come after sets, and these are the last word.
    for (StudyMethod& method : study.methods)
      method.settings.insert(method.settings.end(), settings_.begin(), settings_.end());
    if (parallel_ >= 0) study.parallel = parallel_;
    if (!device_.empty()) study.device = from_word<DeviceKind>("--device", device_);
    require_method(study, against_);
    const bool shared = started_rank() >= 0;
    if (shared && table_only_)
      throw ConfigError("study --table is for one process: start it without mpirun or srun");
    const std::vector<StudyCell> cells = study_cells(study);
    std::vector<int> failures;
    if (!table_only_) {  // tables can be made where there is no such device
      for (const StudyCell& cell : cells) {
        require_device(cell.run.device);
        if (matrix_math(cell.run.precision, cell.run.device) == MatrixMath::bf16 &&
            !why_no_bf16().empty())
          throw DeviceError(
              fmt::format("{}: precision = \"bf16\" on the CPU: {}; give precision=f32",
                          study.sets[cell.set].run, why_no_bf16()));
      }
      RunnerOptions options;
      options.command = command();
      options.shares = shared;
      options.here = started_here();
      if (gpus_ > 0 || (shared && on_gpu(cells))) options.gpus = cards_for(cells, options.here);
      if (minutes_ >= 0) options.start_seconds = 60 * minutes_;
      StudyRunner runner(study, cells, std::move(options));  // has the folder from here on
      if (started_rank() <= 0) keep_study(study);
      failures = runner.run();
    } else {
      keep_study(study);
    }
    if (shared)
      report_once(study, cells);
    else
      report(study, cells);
    if (failures.empty()) return;
    const std::string message =
        fmt::format("{} of {} cells failed, as said above; mend the cause and go on with: {}",
                    failures.size(), cells.size(), command());
    if (std::any_of(failures.begin(), failures.end(), [](int code) { return code == 1; }))
      throw Error(message);
    throw UserError(message);
  }

 private:
  /// The words that were given, without --table: what makes, and goes on with, these cells.
  std::string command() const {
    std::string out = "weft study " + shell_word(path_);
    for (const std::string& setting : settings_) out += " " + shell_word(setting);
    if (!sweep_.empty()) out += " --set " + shell_word(sweep_);
    if (!out_.empty()) out += " --out " + shell_word(out_);
    if (threads_ > 0) out += fmt::format(" --threads {}", threads_);
    if (parallel_ >= 0) out += fmt::format(" --parallel {}", parallel_);
    if (!device_.empty()) out += " --device " + device_;
    if (gpus_ > 0) out += fmt::format(" --gpus {}", gpus_);
    if (minutes_ >= 0) out += fmt::format(" --start-for {}", minutes_);
    if (!against_.empty()) out += " --against " + shell_word(against_);
    return out;
  }
  static bool on_gpu(const std::vector<StudyCell>& cells) {
    return std::any_of(cells.begin(), cells.end(),
                       [](const StudyCell& cell) { return cell.run.device == DeviceKind::cuda; });
  }
  /// Those of this rank, where several are here.
  std::vector<std::string> cards_for(const std::vector<StudyCell>& cells, HostRank here) const {
    if (!on_gpu(cells))
      throw ConfigError(
          fmt::format("--gpus {}: no cell of this study computes on a GPU; leave it out, or give "
                      "--device cuda",
                      gpus_));
    const int cards = gpus_ > 0 ? gpus_ : cuda_cards();
    if (std::getenv("SLURM_GPUS_PER_TASK") != nullptr) here = {};  // each rank sees its own
    return shared_out(gpu_names(cards, std::getenv("CUDA_VISIBLE_DEVICES"), cuda_cards()),
                      here.rank, here.size);
  }
  /// By the first rank that comes here, when no rank runs cells any more.
  void report_once(const Study& study, const std::vector<StudyCell>& cells) const {
    const StudyFolderLock quiet(study.out, StudyFolderLock::Kind::alone, /*until_free=*/true);
    auto tables = CellClaim::take(study.out + "/tables.lock");
    const auto finished = static_cast<int>(std::count_if(
        cells.begin(), cells.end(), [](const StudyCell& cell) { return cell.finished(); }));
    if (!tables || tables->noted_since(begun_) == finished) return;
    report(study, cells);
    tables->note(finished);
  }
  static void write_pictures(const std::string& folder, const StudyFound::Pictures& pictures) {
    make_folder(folder);
    for (const auto& [name, picture] : pictures) write_file(folder + "/" + name + ".svg", picture);
  }
  void report(const Study& study, const std::vector<StudyCell>& cells) const {
    const StudyFound found = study_found(
        study, cells,
        fmt::format("`{}`, weft {}, {:%Y-%m-%d}, {}{} with {} cores, {} of them for a cell.",
                    command(), version(), fmt::gmtime(std::time(nullptr)),
                    on_gpu(cells) ? "a GPU, beside " : "", cpu_field("model name"),
                    physical_cores(), study.threads));
    fmt::print("{}\n", found.tables);
    std::string markdown = found.tables;
    for (const auto& [name, picture] : found.curves)
      markdown += fmt::format("\n![{0}](curves/{0}.svg)\n", name);
    write_pictures(study.out + "/curves", found.curves);
    if (!found.policies.empty()) write_pictures(study.out + "/policies", found.policies);
    write_file(study.out + "/study.md", markdown);
    write_file(study.out + "/study.tex", study_latex(study, found.results));
    write_file(study.out + "/study.csv", study_csv(found.results));
    write_file(study.out + "/cells.csv", study_cells_csv(found.results));
    const StudyPage page =
        study_report(study, found, reported_where_readable(found.first), against_);
    write_file(study.out + "/report.html", page.html);
    fmt::print(
        "all in one page: {0}/report.html; tables: study.md, study.tex, study.csv, cells.csv; "
        "curves: {0}/curves/\n",
        study.out);
    fmt::print(stderr, "{}", left_out_text(page, study.out));
  }

  const CellClaim::Time begun_ = std::chrono::system_clock::now();
  std::string path_, sweep_, device_, out_, against_;
  std::vector<std::string> settings_;
  int parallel_ = -1, gpus_ = 0, threads_ = 0;
  double minutes_ = -1;
  bool table_only_ = false;
};

}  // namespace

std::unique_ptr<Command> study_command() { return std::make_unique<StudyCommand>(); }

}  // namespace weft::cli
