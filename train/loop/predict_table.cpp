// predict_table: rows or texts in batches, forward without recording, and back to the columns' units.
#include "train/loop/predict_table.h"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <optional>

#include "data/sets/cells.h"
#include "data/sets/measured.h"
#include "data/sets/table_inputs.h"
#include "data/sets/text.h"
#include "data/target.h"
#include "engine/error.h"
#include "io/csv_text.h"
#include "models/execute.h"
#include "ops/cast.h"
#include "train/loop/predict.h"
#include "train/metrics/decode.h"
#include "train/step/slopes.h"
#include "train/step/step.h"

namespace weft {
namespace {

constexpr int64_t places_at_once = 4096;  // a row of a table is one, a text its length

/// What the network says of a task for a row: its decoded output, the output's slopes by the columns
/// of task.slopes, and how sure it is of a class.
struct Output {
  double value = 0;
  std::vector<double> slopes;
  std::optional<double> probability;
};

class TablePrediction {
 public:
  TablePrediction(const RunFile& run, const LearnedFromData& learned, const std::string& path)
      : learned_(learned), tasks_(run.tasks) {
    for (const TaskSpec& task : tasks_) classes_ |= task.kind != TaskKind::regression;
    DataSpec data = run.data;
    const std::filesystem::path file(path);
    data.root = file.has_parent_path() ? file.parent_path().string() : ".";
    data.index = file.filename().string();
    data.test_index.clear();
    table_ = read_table(data);
    if (run.data.kind == DataKind::text) {
      text_.emplace(table_, data);
      alphabet_.emplace(data.alphabet);
      shape_ = {1, data.length, 1};
    } else {
      inputs_.emplace(table_, learned.columns, data);
      shape_ = {1, 1, inputs_->width()};
    }
    owner_ = data.task_column.empty() ? -1 : table_.column(data.task_column);
    if (owner_ >= 0) check_task_values(table_, data.task_column, learned.task_values);
    for (const TaskSpec& task : tasks_) {
      measured_.emplace_back();
      if (!task.target.empty()) measured_.back().emplace(table_, task, /*labels=*/false);
      for (const std::string& text : task.slopes) {
        const std::string name = parse_slope(text, "task." + task.name + ".slopes").label;
        if (std::find(slopes_.begin(), slopes_.end(), name) == slopes_.end())
          slopes_.push_back(name);
      }
    }
  }

  int64_t rows() const { return static_cast<int64_t>(table_.rows.size()); }
  /// Of a row as the network sees it.
  const Shape& shape() const { return shape_; }

  std::vector<size_t> tasks_of(int64_t row) const {
    std::vector<size_t> out;
    for (size_t k = 0; k < tasks_.size(); ++k) {
      const bool all = owner_ < 0 || (text_ && cell(row).empty());
      if (all || cell(row) == task_value(tasks_[k])) out.push_back(k);
    }
    return out;
  }
  void encode(int64_t row, float* out) const {
    if (text_) {
      alphabet_->encode(text_->text(table_, row), shape_[1], out);
      return;
    }
    const std::vector<size_t> tasks = tasks_of(row);
    const double scale = owner_ < 0 || tasks.empty() ? 1 : tasks_[tasks[0]].input_scale;
    inputs_->encode(table_, row, scale, out);
  }
  /// Whether a task has slopes.
  bool slopes() const { return !slopes_.empty(); }
  std::string header() const {
    std::vector<std::string> names = {"predicted.task", "predicted"};
    for (const std::string& slope : slopes_) names.push_back("predicted." + slope);
    if (classes_) names.push_back("predicted.probability");
    return line(table_.header, names);
  }
  std::string prediction(int64_t row, size_t k, const Output& output) const {
    const auto& cells = table_.rows[static_cast<size_t>(row)];
    std::vector<std::string> said = {tasks_[k].name};
    said.resize(2 + slopes_.size() + (classes_ ? 1 : 0));
    if (tasks_[k].kind != TaskKind::regression) {
      said[1] = label_text(learned_, tasks_[k], k, output.value);
      said.back() = probability_text(output.probability);
      return line(cells, said);
    }
    const LearnedTask& learned = learned_.tasks[k];
    const double t = learned.mean + learned.deviation * output.value;
    said[1] = number(measured_[k] ? measured_[k]->back(row, t) : t / tasks_[k].scale, row, k,
                     "predicts", t);
    for (size_t s = 0; s < output.slopes.size(); ++s) {
      const double slope = learned.deviation * output.slopes[s];
      const std::string name = parse_slope(tasks_[k].slopes[s], "").label;
      const auto place = std::find(slopes_.begin(), slopes_.end(), name) - slopes_.begin();
      said[2 + static_cast<size_t>(place)] =
          number(measured_[k]->slope_back(row, s, t, slope), row, k, "has a slope of", slope);
    }
    return line(cells, said);
  }

 private:
  const std::string& cell(int64_t row) const {
    return table_.rows[static_cast<size_t>(row)][static_cast<size_t>(owner_)];
  }
  /// `value` as text; `said`: what the network said, of which the target made it.
  std::string number(double value, int64_t row, size_t k, const char* what, double said) const {
    if (!std::isfinite(value))
      throw DataError(fmt::format("{}: task '{}' {} {}, which is no finite number by {}",
                                  table_.place(row), tasks_[k].name, what, said,
                                  measured_[k] ? tasks_[k].target : "its output"));
    return fmt::format("{:.6g}", value);
  }
  static std::string line(const std::vector<std::string>& cells,
                          const std::vector<std::string>& more) {
    std::string out;
    for (const auto* part : {&cells, &more})
      for (const std::string& text : *part) out += csv_cell(text) + ",";
    out.back() = '\n';
    return out;
  }

  const LearnedFromData& learned_;
  Table table_;
  std::optional<TableInputs> inputs_;
  std::optional<TextInputs> text_;
  std::optional<Alphabet> alphabet_;
  Shape shape_;
  int owner_ = -1;
  std::vector<TaskSpec> tasks_;
  std::vector<std::optional<MeasuredLabels>> measured_;
  bool classes_ = false;             ///< whether a task has them
  std::vector<std::string> slopes_;  ///< of all tasks, "gm", in the order of their columns
};

}  // namespace

std::string predict_table(AnyContext context, Model& model, const RunFile& run,
                          const BinaryPolicy* policy, const LearnedFromData& learned,
                          const std::string& path) {
  const TablePrediction table(run, learned, path);
  if (table.slopes()) set_trainable(model, Phase::infer);
  std::string text = table.header();
  const Shape& s = table.shape();
  const int64_t most = std::max<int64_t>(1, places_at_once / s[1]);
  for (int64_t begin = 0; begin < table.rows(); begin += most) {
    const int64_t rows = std::min(most, table.rows() - begin);
    Tensor host = Tensor::empty({rows, s[0], s[1], s[2]}, DType::f32);
    for (int64_t n = 0; n < rows; ++n) table.encode(begin + n, host.data<float>() + n * s.numel());
    Tape tape(context, table.slopes() ? Tape::Mode::train : Tape::Mode::no_grad);
    StepInputs in;
    in.phase = Phase::infer;
    in.chosen = policy;
    Pass pass{tape, /*training=*/false, Noise{}};
    const auto sample = sample_policy(pass, model, run, in);
    const int copies = model.separate_inputs() ? static_cast<int>(run.tasks.size()) : 1;
    Var images = repeat(upload_images(tape, host, model, run), copies);
    if (table.slopes()) images = tape.leaf(images.value());
    const auto outputs = model.forward(pass, images, sample ? &*sample : nullptr);
    std::vector<std::vector<Output>> said(outputs.size());
    for (size_t k = 0; k < outputs.size(); ++k) {
      const Tensor values = to_host(context, cast(outputs[k], model.store().dtype()).value());
      const TaskSpec& task = run.tasks[k];
      std::vector<double> slopes;
      const int64_t first = copies > 1 ? static_cast<int64_t>(k) * rows : 0;
      if (!task.slopes.empty())
        slopes = slopes_of(outputs[k], images, first, task, learned.columns).to_vector();
      for (int64_t n = 0; n < rows; ++n) {
        const auto at = slopes.begin() + n * static_cast<int64_t>(task.slopes.size());
        said[k].push_back(
            {predicted_label(task, run.semantics, values, {}, static_cast<int>(n), 1, 1).pixels[0],
             {at, slopes.empty() ? at : at + static_cast<int64_t>(task.slopes.size())},
             predicted_probability(task, values, n)});
      }
    }
    for (int64_t n = 0; n < rows; ++n)
      for (const size_t k : table.tasks_of(begin + n))
        text += table.prediction(begin + n, k, said[k][static_cast<size_t>(n)]);
  }
  return text;
}

}  // namespace weft
