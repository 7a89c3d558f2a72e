// network_ops: what a run's network is made of, as probes: the Deeplab ResNet's layers and ASPP
// heads at the run's batch, size and widths, and the ops between them.
#include "models/heads.h"
#include "ops/add_relu.h"
#include "ops/batch_norm.h"
#include "ops/conv2d.h"
#include "ops/cosine_loss.h"
#include "ops/cross_entropy.h"
#include "ops/dropout.h"
#include "ops/gate.h"
#include "ops/gumbel_softmax.h"
#include "ops/l1_loss.h"
#include "ops/linear.h"
#include "ops/max_pool.h"
#include "ops/pointwise.h"
#include "ops/reduce.h"
#include "ops/resize.h"
#include "ops/softmax.h"
#include "train/compare/compare.h"

namespace weft {
namespace {

OpProbe conv(const std::string& name, int64_t n, int64_t h, int64_t w, int64_t in, int64_t out,
             int64_t kernel, const Conv2dOptions& options) {
  const Shape x{n, h, w, in}, weight{out, kernel, kernel, in};
  return {.name = name,
          .inputs = {x, weight, {out}},
          .op = [options](const std::vector<Var>& v) { return conv2d(v[0], v[1], v[2], options); },
          .macs = static_cast<double>(conv2d_useful_macs({x, weight, options})),
          .terms = kernel * kernel * in};
}

template <class F>
OpProbe plain(const std::string& name, std::vector<Shape> inputs, F f, int64_t terms = 1,
              bool full = false) {
  return {.name = name, .inputs = std::move(inputs), .op = f, .terms = terms, .full = full};
}

/// Ids 0 .. classes - 1, and every seventh ignored.
Tensor class_ids(const Tape& tape, const Shape& shape, int64_t classes) {
  std::vector<double> ids;
  for (int64_t i = 0; i < shape.numel(); ++i)
    ids.push_back(i % 7 == 6 ? -1 : static_cast<double>(i * 5 % classes));
  return to_device(tape.context(), Tensor::from(shape, ids, DType::i32));
}

/// A target for a dense loss: a fixed pattern in the prediction's type.
Tensor pattern(const Tape& tape, const Var& like) {
  std::vector<double> values;
  for (int64_t i = 0; i < like.value().numel(); ++i)
    values.push_back(0.25 + static_cast<double>(i % 11) / 7);
  return to_device(tape.context(), Tensor::from(like.shape(), values, like.dtype()));
}

}  // namespace

std::vector<OpProbe> network_ops(const RunFile& run, int64_t height, int64_t width) {
  const TrunkName trunk = run.model.trunk;
  if (trunk == TrunkName::vgg16 || trunk == TrunkName::mlp || is_vdcnn(trunk)) return {};
  const int64_t n = run.data.batch, classes = 13;
  const auto channels = [&](int64_t full) {
    return std::max<int64_t>(
        4, static_cast<int64_t>(std::llround(static_cast<double>(full) * run.model.width)));
  };
  const auto half = [](int64_t size) { return (size + 1) / 2; };
  const int64_t h1 = half(height), w1 = half(width), h2 = half(h1), w2 = half(w1);
  const int64_t h3 = half(h2), w3 = half(w2);
  const int64_t c1 = channels(64), c2 = channels(128), c3 = channels(256), c4 = channels(512);
  const int64_t d = run.model.head_width;
  std::vector<OpProbe> ops = {
      conv("conv2d stem 7x7 / 2", n, height, width, run.model.in_channels, c1, 7,
           {.stride = 2, .padding = 3}),
      conv("conv2d layer1 3x3", n, h2, w2, c1, c1, 3, {.padding = 1}),
      conv("conv2d layer2 3x3 / 2", n, h2, w2, c1, c2, 3, {.stride = 2, .padding = 1}),
      conv("conv2d layer2 1x1 / 2", n, h2, w2, c1, c2, 1, {.stride = 2}),
      conv("conv2d layer3 3x3 d2", n, h3, w3, c2, c3, 3, {.padding = 2, .dilation = 2}),
      conv("conv2d layer4 3x3 d4", n, h3, w3, c3, c4, 3, {.padding = 4, .dilation = 4})};
  for (const int64_t dilation : {6, 24})
    ops.push_back(conv(fmt::format("conv2d ASPP 3x3 d{}", dilation), n, h3, w3, c4, d, 3,
                       {.padding = dilation, .dilation = dilation}));
  ops.push_back(conv("conv2d ASPP 1x1", n, h3, w3, d, d, 1, {}));
  ops.push_back({.name = "linear",
                 .inputs = {{n, c4}, {classes, c4}, {classes}},
                 .op = [](const std::vector<Var>& v) { return linear(v[0], v[1], v[2]); },
                 .macs = static_cast<double>(n * c4 * classes),
                 .terms = c4});
  const Shape map1{2 * n, h2, w2, c1}, map4{n, h3, w3, c4};
  // Batch norm keeps gamma, beta and its statistics full: they are cast back before it.
  ops.push_back(
      {.name = "batch_norm, relu, 2 groups",
       .inputs = {map1},
       .op =
           [c1](const std::vector<Var>& v) {
             const DType full = stat_dtype(v[0].dtype());
             const auto filled = [&](double value) {
               return to_device(
                   v[0].tape().context(),
                   Tensor::from({c1}, std::vector<double>(static_cast<size_t>(c1), value), full));
             };
             BatchNormStats stats{filled(0), filled(1)};
             BatchNormOptions options;
             options.relu = true;
             set_running_update(options, 2, {0, 1});
             return batch_norm(v[0], v[0].tape().constant(filled(1.5)),
                               v[0].tape().constant(filled(0.1)), stats, options);
           },
       .terms = n * h2 * w2});
  ops.push_back(plain("max_pool 3x3 / 2, ceil", {{n, h1, w1, c1}}, [](const auto& v) {
    return max_pool(v[0], {.kernel = 3, .stride = 2, .padding = 1, .ceil_mode = true});
  }));
  ops.push_back(plain("relu", {map4}, [](const auto& v) { return relu(v[0]); }));
  ops.push_back(
      plain("add_relu", {map4, map4}, [](const auto& v) { return add_relu(v[0], v[1]); }));
  ops.push_back({.name = "gate, soft",
                 .inputs = {map4, map4},
                 .op =
                     [n](const std::vector<Var>& v) {
                       const Var p = v[0].tape().leaf(to_device(
                           v[0].tape().context(),
                           Tensor::from({1, 2}, {0.625, 0.375}, stat_dtype(v[0].dtype()))));
                       return gate(v[0], v[1], {{.f_group = 0, .r_group = 0, .p = p}}, n);
                     },
                 .terms = 2});
  ops.push_back(plain("relu_dropout", {{n, h3, w3, d}}, [](const auto& v) {
    return relu_dropout(v[0], 0.5, Noise{1, 2}, "heads.seg.aspp0.drop1");
  }));
  ops.push_back(plain(
      "resize, bilinear", {{n, h3, w3, classes}},
      [=](const auto& v) { return resize(v[0], height, width, Interpolation::bilinear); }, 4));
  ops.push_back(plain(
      "mean over pixels", {map4},
      [](const auto& v) {
        return mean_over(v[0], {1, 2});
      },
      h3 * w3));
  const int blocks = 8;
  ops.push_back(plain(
      "gumbel_softmax", {{blocks, 2}},
      [](const auto& v) {
        return gumbel_softmax(v[0], 0.8, false, Noise{1, 2}, "policy.seg");
      },
      2, true));
  ops.push_back(plain(
      "log_softmax", {{n * h3 * w3, classes}}, [](const auto& v) { return log_softmax(v[0]); },
      classes, true));
  ops.push_back(plain(
      "cross_entropy", {{n, h3, w3, classes}},
      [=](const auto& v) {
        return cross_entropy(v[0], class_ids(v[0].tape(), {n, h3, w3}, classes),
                             {.ignore_index = -1});
      },
      n * h3 * w3, true));
  ops.push_back(plain(
      "l1_loss", {{n, h3, w3, 1}},
      [](const auto& v) { return l1_loss(v[0], pattern(v[0].tape(), v[0])); }, n * h3 * w3, true));
  ops.push_back(plain(
      "cosine_loss", {{n, h3, w3, 3}},
      [](const auto& v) { return cosine_loss(v[0], pattern(v[0].tape(), v[0])); }, n * h3 * w3,
      true));
  return ops;
}

}  // namespace weft
