// export_network: trace, fold, round; and a check that nothing was lost on the way.
#include <algorithm>
#include <cmath>

#include "engine/error.h"
#include "engine/philox.h"
#include "train/export/fold.h"
#include "train/export/run_network.h"
#include "train/export/trace_network.h"

namespace weft {
namespace {

/// Far above what rounding gives (tests hold 1e-5), even where an output is small by cancellation,
/// and far below what a wrong node gives.
constexpr double most_difference = 1e-3;

/// Of a single number one input may happen to give nearly 0, which is no scale.
constexpr int64_t inputs = 4;

/// Normal numbers, or of a text any ids.
Tensor noise(const ExportedNetwork& network) {
  const Shape& input = network.nodes.at(0).shape;
  const Shape shape{inputs, input[0], input[1], input[2]};
  uint64_t ids = 0;
  if (reads_ids(network))
    for (const ExportedNode& node : network.nodes)
      if (node.kind == NodeKind::embedding) ids = static_cast<uint64_t>(node.weights[0].shape()[0]);
  const Philox words(1, Stream::data, 0, "export.check");
  std::vector<double> values;
  for (int64_t i = 0; i < shape.numel(); ++i) {
    const auto at = static_cast<uint64_t>(i);
    values.push_back(ids > 0 ? static_cast<double>(words.below(at, ids)) : words.normal(at));
  }
  return Tensor::from(shape, values);
}

void check_same(const std::string& task, const Tensor& wanted, const Tensor& found) {
  const std::vector<double> y = wanted.to_vector(), z = found.to_vector();
  double scale = 0;
  for (double v : y) scale = std::max(scale, std::abs(v));
  for (size_t i = 0; i < y.size(); ++i)
    if (const double off = std::abs(y[i] - z.at(i)); !(off <= most_difference * scale))
      throw Error(
          fmt::format("export: task '{}' of the exported network is off by {:g}, its values "
                      "are up to {:g}: nothing was written",
                      task, off, scale));
}

}  // namespace

ExportedNetwork export_network(const AnyContext& context, DType dtype, const Shape& input,
                               const std::vector<std::string>& tasks, const ForwardPass& forward,
                               const std::vector<std::string>& chosen) {
  ExportedNetwork network = trace_network(context, dtype, input, tasks, forward);
  fold_affine(network);
  network = pruned(network);
  round_weights(network);
  if (!chosen.empty()) network = only_tasks(network, chosen);
  const Tensor x = noise(network);
  Tape tape(context, Tape::Mode::no_grad);
  Pass pass{tape, /*training=*/false, Noise{}};
  const std::vector<Var> wanted = forward(pass, tape.constant(x.to(dtype)));
  const std::vector<Tensor> found = run_network(context, network, x);
  for (size_t i = 0; i < found.size(); ++i) {
    const std::string& task = network.outputs[i].task;
    const auto k = std::find(tasks.begin(), tasks.end(), task) - tasks.begin();
    check_same(task, wanted.at(static_cast<size_t>(k)).value(), found[i]);
  }
  return network;
}

}  // namespace weft
