// predict: normalise, forward without recording, decode.
#include "train/loop/predict.h"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <map>

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

/// Whatever way the path is written in.
std::filesystem::path absolute(const std::string& path) {
  std::error_code error;
  const auto canonical = std::filesystem::weakly_canonical(path, error);
  return error ? std::filesystem::absolute(path) : canonical;
}

}  // namespace

void check_outputs(const std::vector<std::string>& inputs,
                   const std::vector<std::vector<std::string>>& outputs) {
  std::map<std::filesystem::path, std::string> there, coming;  // what stands and what comes there
  for (const std::string& input : inputs) there.emplace(absolute(input), input);
  for (size_t i = 0; i < inputs.size(); ++i)
    for (const std::string& path : outputs[i]) {
      if (const auto input = there.find(absolute(path)); input != there.end())
        throw ConfigError(
            fmt::format("predict: {} would be written over {}, which is to be predicted; --out "
                        "names another folder",
                        path, input->second));
      const auto [first, fresh] = coming.emplace(absolute(path), inputs[i]);
      if (!fresh)
        throw ConfigError(
            fmt::format("predict: {} and {} would both be written to {}; predict them one by one, "
                        "each with its --out",
                        first->second, inputs[i], path));
    }
}

std::vector<std::string> prediction_stems(const std::vector<std::string>& pictures,
                                          const std::vector<TaskSpec>& tasks,
                                          const std::string& folder) {
  namespace fs = std::filesystem;
  std::vector<std::string> stems;
  std::vector<std::vector<std::string>> maps;
  for (const std::string& picture : pictures) {
    stems.push_back((fs::path(folder) / fs::path(picture).stem()).string());
    maps.emplace_back();
    for (const TaskSpec& task : tasks) {
      if (task.image_label()) continue;  // it is printed
      for (const char* ending : {".png", ".npy"})
        maps.back().push_back(stems.back() + "-" + task.name + ending);
    }
  }
  check_outputs(pictures, maps);
  return stems;
}

std::vector<Picture> predict(AnyContext context, Model& model, const RunFile& run,
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
  std::vector<Picture> out;
  for (size_t k = 0; k < predictions.size(); ++k) {
    const bool one = run.tasks[k].image_label();
    out.push_back(
        predicted_label(run.tasks[k], run.semantics,
                        to_host(context, cast(predictions[k], model.store().dtype()).value()),
                        geometry_of(model, k, images.shape()), 0, one ? 1 : photograph.height,
                        one ? 1 : photograph.width));
  }
  return out;
}

}  // namespace weft
