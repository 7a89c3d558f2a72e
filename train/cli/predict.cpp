// weft predict: somebody's photographs through a trained run; per task a PNG to look at and a npy
// of the values (class ids, unit normals, metres), and a predictions.csv of all: image, task, label in
// words or the map's file, probability. Image labels are printed. Of a run on a table or on texts
// somebody's rows: the same CSV with predictions in the columns' units, and probabilities.
#include <algorithm>
#include <memory>

#include "data/target.h"
#include "engine/error.h"
#include "io/csv.h"
#include "io/files.h"
#include "io/picture_io.h"
#include "train/cli/comma_list.h"
#include "train/cli/command.h"
#include "train/cli/opened_run.h"
#include "train/loop/predict.h"
#include "train/loop/predict_table.h"
#include "train/loop/prediction_files.h"
#include "train/pictures/table_curves.h"

namespace weft::cli {
namespace {

class Predict final : public Command {
 public:
  const char* name() const override { return "predict"; }
  const char* help() const override {
    return "Predict labels for photographs, rows of tables or texts";
  }
  void options(Options& o) override {
    o.add("folder", folder_, "Run folder").required();
    o.add("images", images_,
          "PNG, JPEG or npy files, or folders of them; of a run on tables or texts CSV")
        .required();
    o.add("--out", out_, "Where to write (default: the run's pictures or predictions)");
    o.add("--overlay", overlay_, "Of pictures: maps over the photograph, too, TASK-overlay.png");
    o.add("--curves", curves_, "Of a table: draw what is measured and predicted over this column");
    o.add("--task", tasks_, "Of these tasks alone: seg,depth (default: all)");
    o.add("--checkpoint", checkpoint_, "best, best-1 .., last or step-N (default: best)");
    o.add("--device", device_, "cpu or cuda (default: as it was trained)").one_of({"cpu", "cuda"});
    o.add("--threads", threads_, "Threads; 0: one per core").within(0, 1024);
  }
  void run() override {
    OpenedRun run(folder_, checkpoint_, device_, threads_);
    const DataKind kind = run.run.data.kind;
    asked_ = asked_tasks(run.run);
    if (!curves_.empty() && kind != DataKind::tabular)
      throw ConfigError(
          fmt::format("--curves: are drawn of tables, and the run is of {}; leave it out",
                      kind == DataKind::text ? "texts" : "pictures"));
    if (kind == DataKind::tabular || kind == DataKind::text) {
      if (overlay_)
        throw ConfigError(
            "--overlay: maps lie over photographs, and the run has none; leave it out");
      return tables(run);
    }
    // Names and headers of all of them first, so that what is wrong is said before the work; then
    // one picture at a time, whatever their number.
    const std::string out = out_.empty() ? folder_ + "/pictures" : out_;
    images_ = pictures_in(images_);
    const auto stems = prediction_stems(images_, run.run.tasks, out);
    const PictureFormat format = picture_format(run.run.data);
    for (const std::string& path : images_) picture_info(path, format);
    const auto rows_of = [&](size_t i) {
      const Picture photograph = read_image(images_[i], format);
      const auto made = predict(run.context(), *run.model, run.run, run.policy(), photograph);
      make_folder(out);
      std::string rows;
      for (size_t k = 0; k < made.size(); ++k) {
        if (!asked(run.run.tasks[k])) continue;
        const Written written =
            write_prediction(images_[i], stems[i], run.run.tasks[k], k, run.learned, made[k],
                             overlay_ ? &photograph : nullptr);
        fmt::print("{}", written.said);
        rows += written.row;
      }
      return rows;
    };
    write_predictions(images_.size(), out, rows_of,
                      [](const std::string& line) { fmt::print("{}", line); });
  }

 private:
  /// Those of --task, which the run has.
  std::vector<std::string> asked_tasks(const RunFile& run) const {
    std::vector<std::string> all, names = comma_list(tasks_);
    for (const TaskSpec& task : run.tasks) all.push_back(task.name);
    for (const std::string& name : names)
      if (std::count(all.begin(), all.end(), name) == 0)
        throw ConfigError(fmt::format("--task: there is no task '{}'; the run has {}", name,
                                      fmt::join(all, ", ")));
    return names;
  }
  bool asked(const TaskSpec& task) const {
    return asked_.empty() || std::count(asked_.begin(), asked_.end(), task.name) > 0;
  }

  /// FILE.csv -> OUT/FILE-predicted.csv
  void tables(const OpenedRun& run) const {
    const std::string out = out_.empty() ? folder_ + "/predictions" : out_;
    const std::vector<std::string> outputs = predicted_tables(images_, out);
    if (!curves_.empty()) check_curves(run);
    std::vector<std::string> texts;  // all of them before any is written
    for (const std::string& path : images_)
      texts.push_back(predict_table(run.context(), *run.model, run.run, run.policy(), run.learned,
                                    path, {{}, asked_}));
    make_folder(out);
    for (size_t i = 0; i < images_.size(); ++i) {
      const std::string& to = outputs[i];
      write_file(to, texts[i]);
      fmt::print("{}: {}\n", images_[i], to);
      if (!curves_.empty()) draw(run, read_csv(to), to.substr(0, to.size() - 4));
    }
  }

  /// Before any row is predicted.
  void check_curves(const OpenedRun& run) const {
    std::vector<std::string> names;
    for (const LearnedColumn& column : run.learned.columns)
      if (!column.categorical) names.push_back(column.name);
    if (std::find(names.begin(), names.end(), curves_) == names.end())
      throw ConfigError(fmt::format("--curves: '{}' is no numeric input column; there are: {}",
                                    curves_, fmt::join(names, ", ")));
    if (std::none_of(run.run.tasks.begin(), run.run.tasks.end(), [&](const TaskSpec& task) {
          return asked(task) && task.kind == TaskKind::regression;
        }))
      throw ConfigError("--curves: are of regression tasks, and the run has none; leave it out");
  }

  /// STEM-TASK.svg and STEM-TASK-log.svg of every regression task with rows; STEM-TASK-gm.svg of
  /// a slope by the same column.
  void draw(const OpenedRun& run, const Csv& table, const std::string& stem) const {
    TableCurves what;
    what.along = curves_;
    for (const LearnedColumn& column : run.learned.columns) what.inputs.push_back(column.name);
    for (const TaskSpec& task : run.run.tasks) {
      if (!asked(task) || task.kind != TaskKind::regression) continue;
      what.task = task.name;
      what.measured = task.column;
      what.predicted = "predicted";
      draw(table, what, stem + "-" + task.name);
      for (const std::string& text : task.slopes) {
        const Slope slope = parse_slope(text, "task." + task.name + ".slopes");
        if (slope.input != curves_) continue;
        what.measured = slope.label;
        what.predicted = "predicted." + slope.label;
        draw(table, what, stem + "-" + task.name + "-" + slope.label);
      }
    }
  }
  static void draw(const Csv& table, TableCurves what, const std::string& stem) {
    for (const bool logarithmic : {false, true}) {
      what.logarithmic = logarithmic;
      const std::string svg = draw_table_curves(table, what);
      if (svg.empty()) continue;
      const std::string to = fmt::format("{}{}.svg", stem, logarithmic ? "-log" : "");
      write_file(to, svg);
      fmt::print("{}\n", to);
    }
  }

  std::string folder_, checkpoint_, device_, out_, curves_, tasks_;
  std::vector<std::string> images_;
  std::vector<std::string> asked_;  ///< empty: all
  int threads_ = 0;
  bool overlay_ = false;
};

}  // namespace

std::unique_ptr<Command> predict_command() { return std::make_unique<Predict>(); }

}  // namespace weft::cli
