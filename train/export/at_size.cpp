// at_size: a formula a kind.
#include "train/export/at_size.h"

#include <algorithm>

#include "engine/error.h"

namespace weft {
namespace {

bool one_pixel(const Shape& s) { return s[0] * s[1] == 1; }

/// Nodes whose map is one pixel whatever the picture's size: a mean, and what follows from it.
std::vector<bool> always_one_pixel(const ExportedNetwork& network) {
  std::vector<bool> is(network.nodes.size());
  for (size_t i = 1; i < is.size(); ++i) {
    const ExportedNode& n = network.nodes[i];
    is[i] = n.kind == NodeKind::mean || n.kind == NodeKind::top_k ||
            std::all_of(n.inputs.begin(), n.inputs.end(),
                        [&](int input) { return is[static_cast<size_t>(input)]; });
  }
  return is;
}

class Sizer {
 public:
  explicit Sizer(const std::vector<ExportedNode>& nodes) : nodes_(nodes) {}

  Shape shape_of(const ExportedNode& node) {
    node_ = &node;
    const Shape x = input(0);
    for (const Tensor& w : node.weights)
      if (w.dtype() != DType::f32) fail("weights are not f32");
    switch (node.kind) {
      case NodeKind::conv:
        return conv(x);
      case NodeKind::linear:
        want(weight(0).rank() == 2 && weight(0)[1] == x[2], "its weight does not fit");
        want_channels(1, weight(0)[0]);
        return {x[0], x[1], weight(0)[0]};
      case NodeKind::affine:
        want_channels(0, x[2]);
        want_channels(1, x[2]);
        return x;
      case NodeKind::weighted_sum:
        want_channels(0, static_cast<int64_t>(node.inputs.size()));
        return same();
      case NodeKind::max_pool: {
        const PoolOptions& o = node.pool;
        want(2 * o.padding <= o.kernel, "padding of more than half its kernel");
        const Shape y{pooled_extent(x[0], o), pooled_extent(x[1], o), x[2]};
        want(y[0] > 0 && y[1] > 0, "the picture is too small for its window");
        return y;
      }
      case NodeKind::mean:
        return {1, 1, x[2]};
      case NodeKind::concat: {
        int64_t channels = 0;
        for (size_t i = 0; i < node.inputs.size(); ++i) {
          want(input(i)[0] == x[0] && input(i)[1] == x[1], "its inputs' sizes differ");
          channels += input(i)[2];
        }
        return {x[0], x[1], channels};
      }
      case NodeKind::slice:
        want(node.begin + node.shape[2] <= x[2], "it takes channels that its input lacks");
        return {x[0], x[1], node.shape[2]};
      case NodeKind::embedding:
        want(x[0] == 1 && x[2] == 1, "ids are one a place of a line");
        want(weight(0).rank() == 2 && weight(0).numel() > 0, "its weight is not [V, E]");
        return {1, x[1], weight(0)[1]};
      case NodeKind::top_k:
        want(x[0] == 1, "it is of a line, and its input is a map");
        want(node.k <= x[1], "there are fewer places than it takes");
        return {1, 1, node.k * x[2]};
      default:
        return same();
    }
  }

 private:
  [[noreturn]] void fail(const std::string& why) const {
    throw DataError(fmt::format("exported network: {} ({}), input {}: {}", node_->name,
                                name_of(node_->kind), input(0), why));
  }
  void want(bool holds, const char* why) const {
    if (!holds) fail(why);
  }
  const Shape& input(size_t i) const { return nodes_[static_cast<size_t>(node_->inputs[i])].shape; }
  const Shape& weight(size_t i) const { return node_->weights[i].shape(); }
  /// Weight i, where it is there, is [n].
  void want_channels(size_t i, int64_t n) const {
    if (i < node_->weights.size())
      want(weight(i).rank() == 1 && weight(i)[0] == n, "a weight has another number of channels");
  }
  Shape same() const {
    for (size_t i = 1; i < node_->inputs.size(); ++i)
      want(input(i) == input(0), "its inputs' shapes differ");
    return input(0);
  }
  Shape conv(const Shape& x) const {
    const Conv2dOptions& o = node_->conv;
    want(weight(0).rank() == 4 && weight(0).numel() > 0, "its weight is not [K, R, S, C]");
    const Shape& w = weight(0);
    want(w[0] % o.groups == 0 && x[2] % o.groups == 0 && w[3] == x[2] / o.groups,
         "its weight does not fit");
    want_channels(1, w[0]);
    const auto extent = [](int64_t in, int64_t kernel, int64_t stride, int64_t padding,
                           int64_t dilation) {
      const int64_t room = in + 2 * padding - dilation * (kernel - 1) - 1;
      return room < 0 ? 0 : room / stride + 1;
    };
    const Shape y{extent(x[0], w[1], o.stride.h, o.padding.h, o.dilation.h),
                  extent(x[1], w[2], o.stride.w, o.padding.w, o.dilation.w), w[0]};
    want(y[0] > 0 && y[1] > 0, "the picture is too small for its kernel");
    return y;
  }

  const std::vector<ExportedNode>& nodes_;
  const ExportedNode* node_ = nullptr;
};

}  // namespace

std::string one_pixel_layer(const ExportedNetwork& network) {
  const std::vector<bool> always = always_one_pixel(network);
  for (size_t i = 0; i < always.size(); ++i)
    if (const ExportedNode& n = network.nodes[i]; one_pixel(n.shape) && !always[i]) return n.name;
  return "";
}

ExportedNetwork at_size(const ExportedNetwork& network, int64_t height, int64_t width) {
  ExportedNetwork out = network;
  out.nodes.at(0).shape = {height, width, network.nodes[0].shape[2]};
  Sizer sizer(out.nodes);
  for (size_t i = 1; i < out.nodes.size(); ++i) {
    const Shape shape = sizer.shape_of(out.nodes[i]);
    out.nodes[i].shape = shape;
  }
  return out;
}

}  // namespace weft
