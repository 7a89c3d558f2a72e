// predict and prediction_sheet: normalise, forward without recording, decode.
#include "train/predict.h"

#include <algorithm>
#include <cmath>

#include "ops/cast.h"
#include "train/data/augment.h"
#include "train/data/colour.h"
#include "train/data/normalize.h"
#include "train/data/resize.h"
#include "train/decode.h"

namespace weft {
namespace {

std::string caption(const TaskSpec& task, const Picture& label, const char* what) {
  const float value = label.empty() ? invalid_pixel : label.pixels[0];
  return std::isnan(value) ? fmt::format("{} {} -", task.name, what)
                           : fmt::format("{} {} {:g}", task.name, what, value);
}

}  // namespace

std::vector<Picture> predict(AnyContext context, Model& model, const RunFile& run,
                             const DrawnPolicy* policy, const Picture& photograph) {
  const auto [height, width] = run.data.size;
  const Picture seen = height > 0 ? resize_bilinear(photograph, height, width) : photograph;
  Tensor host = Tensor::empty({1, seen.height, seen.width, seen.channels}, DType::f32);
  normalize_pixels(seen, normalize_from_name(run.data.normalize), host.data<float>());
  Tape tape(context, Tape::Mode::no_grad);
  StepInputs in;
  in.phase = Phase::infer;
  in.drawn = policy;
  Pass pass{tape, /*training=*/false, Noise{}};
  const auto sample = sample_policy(pass, model, run, in);
  const Var image = upload_images(tape, host, model, run);
  const int copies = model.separate_inputs() ? static_cast<int>(run.tasks.size()) : 1;
  const Var images = repeat(tape, image, copies);
  const auto predictions = model.forward(pass, images, sample ? &*sample : nullptr);
  std::vector<Picture> out;
  for (size_t k = 0; k < predictions.size(); ++k) {
    const bool one = run.tasks[k].image_label();
    out.push_back(predicted_label(
        run.tasks[k], run.semantics,
        to_host(context, cast(tape, predictions[k], model.store().dtype()).value()),
        geometry_of(model, k, images.shape()), 0, one ? 1 : seen.height, one ? 1 : seen.width));
  }
  return out;
}

Picture prediction_sheet(Trainer& trainer, const Dataset& data,
                         const std::vector<int64_t>& indices) {
  const RunFile& run = trainer.run_file();
  const DrawnPolicy& drawn = trainer.state().drawn;
  std::vector<SheetCell> cells;
  int columns = 0;
  for (const int64_t index : indices) {
    const Sample sample =
        fit_sample(data.load(index), run.tasks, eval_loader_options(run, data).fit,
                   Philox(0, Stream::data, 0, "sheet"));
    if (sample.image.channels != 1 && sample.image.channels != 3) return {};
    const auto predicted = predict(trainer.context(), trainer.model(), run,
                                   drawn.select.empty() ? nullptr : &drawn, sample.image);
    Picture rgb = sample.image;
    if (rgb.channels == 1) {
      rgb = Picture(sample.image.height, sample.image.width, 3);
      for (size_t i = 0; i < rgb.pixels.size(); ++i) rgb.pixels[i] = sample.image.pixels[i / 3];
    }
    std::string words = "input";
    std::vector<SheetCell> row;
    for (size_t k = 0; k < run.tasks.size(); ++k) {
      const TaskSpec& task = run.tasks[k];
      const Picture& label = sample.labels[k];
      if (task.image_label()) {
        words += " " + caption(task, label, "is") + caption(task, predicted[k], " said");
        continue;
      }
      // Label and prediction share one colour scale, the label's.
      float nearest = 0, farthest = 0;
      if (task.kind == TaskKind::depth && !label.empty()) {
        nearest = std::numeric_limits<float>::max();
        for (float v : label.pixels)
          if (!std::isnan(v)) {
            nearest = std::min(nearest, v);
            farthest = std::max(farthest, v);
          }
        if (farthest == 0) nearest = 0;
      }
      row.push_back({label.empty() ? Picture(rgb.height, rgb.width, 3)
                                   : colour_label(task.kind, label, &rgb, nearest, farthest),
                     task.name + " label"});
      row.push_back({colour_label(task.kind, predicted[k], &rgb, nearest, farthest),
                     task.name + " predicted"});
    }
    cells.push_back({rgb, words});
    cells.insert(cells.end(), row.begin(), row.end());
    columns = static_cast<int>(row.size()) + 1;
  }
  return columns == 0 ? Picture{} : contact_sheet(cells, columns);
}

}  // namespace weft
