// predict: normalise, forward without recording, decode.
#include "train/loop/predict.h"

#include <algorithm>
#include <cmath>

#include "data/augment.h"
#include "data/normalize.h"
#include "data/resize.h"
#include "engine/error.h"
#include "ops/cast.h"
#include "train/metrics/decode.h"

namespace weft {
namespace {

/// Gray and colour as each other, to the channels that a network has.
Picture in_channels(const Picture& photograph, int channels) {
  if (photograph.channels == channels) return photograph;
  if ((channels != 1 && channels != 3) || (photograph.channels != 1 && photograph.channels != 3))
    throw ConfigError(fmt::format("predict: the network sees {} channels, a photograph has {}",
                                  channels, photograph.channels));
  Picture out(photograph.height, photograph.width, channels);
  const size_t pixels = static_cast<size_t>(out.height) * out.width;
  for (size_t i = 0; i < pixels; ++i) {
    const float* in = photograph.pixels.data() + i * photograph.channels;
    if (channels == 1) out.pixels[i] = 0.299f * in[0] + 0.587f * in[1] + 0.114f * in[2];
    if (channels == 3) std::fill_n(out.pixels.begin() + static_cast<int64_t>(3 * i), 3, in[0]);
  }
  return out;
}

/// As the network sees it.
Picture fitted(const Picture& photograph, const RunFile& run) {
  const auto [height, width] = run.data.size;
  const Picture picture = in_channels(photograph, run.model.in_channels);
  return height > 0 ? resize_bilinear(picture, height, width) : picture;
}

}  // namespace

std::vector<Prediction> predict(AnyContext context, Model& model, const RunFile& run,
                                const BinaryPolicy* policy, const Picture& photograph) {
  const Picture seen = fitted(photograph, run);
  Tensor host = Tensor::empty({1, seen.height, seen.width, seen.channels}, DType::f32);
  normalize_pixels(seen, run.data.normalize, host.data<float>());
  Tape tape(context, Tape::Mode::no_grad);
  StepInputs in;
  in.phase = Phase::infer;
  in.chosen = policy;
  Pass pass{tape, /*training=*/false, Noise{}};
  const auto sample = sample_policy(pass, model, run, in);
  const Var image = upload_images(tape, host, model, run);
  const int copies = model.separate_inputs() ? static_cast<int>(run.tasks.size()) : 1;
  const Var images = repeat(image, copies);
  const auto predictions = model.forward(pass, images, sample ? &*sample : nullptr);
  std::vector<Prediction> out;
  for (size_t k = 0; k < predictions.size(); ++k) {
    const bool one = run.tasks[k].image_label();
    const Tensor values = to_host(context, cast(predictions[k], model.store().dtype()).value());
    out.push_back(
        {predicted_label(run.tasks[k], run.semantics, values, geometry_of(model, k, images.shape()),
                         0, one ? 1 : photograph.height, one ? 1 : photograph.width),
         predicted_probability(run.tasks[k], values, 0)});
  }
  return out;
}

}  // namespace weft
