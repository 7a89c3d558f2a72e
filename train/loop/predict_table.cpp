// predict_table: rows or texts in batches, forward without recording, and back to the columns' units.
#include "train/loop/predict_table.h"

#include <algorithm>

#include "models/execute.h"
#include "ops/cast.h"
#include "train/loop/table_prediction.h"
#include "train/metrics/decode.h"
#include "train/step/slopes.h"
#include "train/step/step.h"

namespace weft {
namespace {

constexpr int64_t places_at_once = 4096;  // a row of a table is one, a text its length

/// The tasks that are asked for, by their number in the run, and what was learned of them.
struct Asked {
  Asked(const RunFile& run, const LearnedFromData& all, const std::vector<std::string>& names)
      : learned(all) {
    learned.tasks.clear();
    for (size_t k = 0; k < run.tasks.size(); ++k) {
      if (!names.empty() && std::count(names.begin(), names.end(), run.tasks[k].name) == 0)
        continue;
      numbers.push_back(k);
      tasks.push_back(run.tasks[k]);
      if (k < all.tasks.size()) learned.tasks.push_back(all.tasks[k]);
    }
  }
  std::vector<size_t> numbers;
  std::vector<TaskSpec> tasks;
  LearnedFromData learned;
};

}  // namespace

std::string predict_table(AnyContext context, Model& model, const RunFile& run,
                          const BinaryPolicy* policy, const LearnedFromData& learned,
                          const std::string& path, const AskedRows& asked) {
  const Asked of(run, learned, asked.tasks);
  const TablePrediction table(run.data, of.tasks, of.learned, path, asked.lines);
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
    std::vector<std::vector<RowPrediction>> said(of.tasks.size());
    for (size_t k = 0; k < of.tasks.size(); ++k) {
      const Var& output = outputs.at(of.numbers[k]);
      const Tensor values = to_host(context, cast(output, model.store().dtype()).value());
      const TaskSpec& task = of.tasks[k];
      std::vector<double> slopes;
      const int64_t first = copies > 1 ? static_cast<int64_t>(of.numbers[k]) * rows : 0;
      if (!task.slopes.empty())
        slopes = slopes_of(output, images, first, task, learned.columns).to_vector();
      for (int64_t n = 0; n < rows; ++n) {
        const auto at = slopes.begin() + n * static_cast<int64_t>(task.slopes.size());
        said[k].push_back(
            {predicted_label(task, run.semantics, values, {}, static_cast<int>(n), 1, 1).pixels,
             {at, slopes.empty() ? at : at + static_cast<int64_t>(task.slopes.size())},
             class_probabilities(task, values, n)});
      }
    }
    for (int64_t n = 0; n < rows; ++n)
      for (const size_t k : table.tasks_of(begin + n))
        text += table.prediction(begin + n, k, said[k][static_cast<size_t>(n)]);
  }
  return text;
}

}  // namespace weft
