// predict: normalise, forward without recording, decode.
#include "train/loop/predict.h"

#include "data/augment.h"
#include "data/normalize.h"
#include "data/photograph.h"
#include "ops/cast.h"
#include "train/metrics/decode.h"

namespace weft {

std::vector<Prediction> predict(AnyContext context, Model& model, const RunFile& run,
                                const BinaryPolicy* policy, const Picture& photograph) {
  const Picture seen = as_network_sees(photograph, run.model.in_channels, run.data.size);
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
         class_probabilities(run.tasks[k], values, 0)});
  }
  return out;
}

}  // namespace weft
