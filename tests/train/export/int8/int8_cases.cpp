// Calibrated cases, and small networks by hand.
#include "tests/train/export/int8/int8_cases.h"

#include <cmath>

#include "train/export/int8/calibrate.h"

namespace weft::test {

Int8Network int8_case(const ExportCase& c) {
  RandomModel& random = random_model(c);
  Calibration calibration(random.exported());
  calibration.observe(random.context(), random_inputs(c, 16));
  return quantised(random.exported(), calibration.ranges());
}

double rms_difference(const std::vector<double>& wanted, const std::vector<double>& found) {
  double off = 0, all = 0;
  for (size_t i = 0; i < wanted.size(); ++i) {
    off += (wanted[i] - found.at(i)) * (wanted[i] - found[i]);
    all += wanted[i] * wanted[i];
  }
  return std::sqrt(off / all);
}

Chain::Chain(const Shape& input) {
  network_.nodes.resize(1);
  network_.nodes[0].name = "input";
  network_.nodes[0].shape = input;
}

Chain& Chain::then(NodeKind kind, const std::vector<Tensor>& weights, int64_t channels) {
  ExportedNode node;
  node.kind = kind;
  node.name = fmt::format("node {}", network_.nodes.size());
  node.inputs = {static_cast<int>(network_.nodes.size()) - 1};
  node.shape = network_.nodes.back().shape;
  if (channels > 0) node.shape = {node.shape[0], node.shape[1], channels};
  if (kind == NodeKind::mean) node.shape = {1, 1, node.shape[2]};
  node.weights = weights;
  network_.nodes.push_back(node);
  return *this;
}

ExportedNetwork Chain::network() const {
  ExportedNetwork out = network_;
  out.outputs = {{"y", static_cast<int>(out.nodes.size()) - 1}};
  return out;
}

}  // namespace weft::test
