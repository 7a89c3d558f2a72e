// ResidualBlock: creation, calls and counting.
#include "models/residual_block.h"

#include "ops/pointwise.h"

namespace weft {

ResidualBlock::ResidualBlock(ParameterStore& store, const std::string& name,
                             const ResidualBlockOptions& o, const Init& init) {
  const auto add = [&](int64_t from, int64_t to, int64_t kernel, const Conv2dOptions& options) {
    const std::string index = std::to_string(convs_.size() + 1);
    convs_.emplace_back(store, name + ".conv" + index, from, to, kernel, options, false, init);
    norms_.emplace_back(store, name + ".bn" + index, to, o.norm);
  };
  // Named, not built in the calls: gcc 12.2's vectoriser mixes up such temporaries at -O3.
  const bool first_strides = o.bottleneck && o.stride_on_first;
  const Conv2dOptions plain, first{.stride = first_strides ? o.stride : 1};
  const Conv2dOptions spread{.padding = o.dilation, .dilation = o.dilation};
  const Conv2dOptions strided{
      .stride = first_strides ? 1 : o.stride, .padding = o.dilation, .dilation = o.dilation};
  if (o.bottleneck) {
    add(o.in, o.mid, 1, first);
    add(o.mid, o.mid, 3, strided);
    add(o.mid, o.out, 1, plain);
  } else {
    add(o.in, o.out, 3, strided);
    add(o.out, o.out, 3, spread);
  }
  if (o.project) {
    down_conv_.emplace(store, name + ".downsample.0", o.in, o.out, 1,
                       Conv2dOptions{.stride = o.stride}, false, init);
    down_norm_.emplace(store, name + ".downsample.1", o.out, o.norm);
  }
}

Var ResidualBlock::shortcut(Pass& pass, const Var& x) const {
  return down_conv_ ? (*down_norm_)(pass, (*down_conv_)(pass, x)) : x;
}

Var ResidualBlock::residual(Pass& pass, const Var& x, const Var& r) const {
  Var h = x;
  for (size_t i = 0; i < convs_.size(); ++i)
    h = norms_[i](pass, convs_[i](pass, h), /*relu=*/i + 1 < convs_.size());
  const LayerScope scope(layer_of(layer_of(convs_[0].weight().name)));
  return add_relu(h, r);
}

Grid ResidualBlock::grid(Grid in) const {
  for (const Conv& conv : convs_) in = conv.grid(in);
  return in;
}

Macs ResidualBlock::residual_macs(Shape& x) const {
  Macs macs;
  for (const Conv& conv : convs_) macs += conv_macs(conv, x);
  return macs;
}

Macs ResidualBlock::shortcut_macs(Shape x) const {
  return down_conv_ ? conv_macs(*down_conv_, x) : Macs{};
}

}  // namespace weft
