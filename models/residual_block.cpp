// ResidualBlock: creation, calls and counting.
#include "models/residual_block.h"

#include "ops/add_relu.h"

namespace weft {

std::vector<BlockConv> convs_of(const ResidualBlockOptions& o) {
  // Named, not built in the list: gcc 12.2's vectoriser mixes up such temporaries at -O3.
  const bool first_strides = o.bottleneck && o.stride_on_first;
  const Conv2dOptions plain, first{.stride = first_strides ? o.stride : 1};
  const Conv2dOptions spread{.padding = o.dilation, .dilation = o.dilation};
  const Conv2dOptions strided{
      .stride = first_strides ? 1 : o.stride, .padding = o.dilation, .dilation = o.dilation};
  if (!o.bottleneck) return {{o.in, o.out, 3, strided}, {o.out, o.out, 3, spread}};
  return {{o.in, o.mid, 1, first}, {o.mid, o.mid, 3, strided}, {o.mid, o.out, 1, plain}};
}

Shortcut::Shortcut(ParameterStore& store, const std::string& name, const ResidualBlockOptions& o,
                   const Init& init) {
  if (!o.project) return;
  conv_.emplace(store, name + ".downsample.0", o.in, o.out, 1, Conv2dOptions{.stride = o.stride},
                false, init);
  norm_.emplace(store, name + ".downsample.1", o.out, o.norm);
}

ResidualBlock::ResidualBlock(ParameterStore& store, const std::string& name,
                             const ResidualBlockOptions& o, const Init& init) {
  for (const auto& [in, out, kernel, options] : convs_of(o)) {
    const std::string index = std::to_string(convs_.size() + 1);
    convs_.emplace_back(store, name + ".conv" + index, in, out, kernel, options, false, init);
    norms_.emplace_back(store, name + ".bn" + index, out, o.norm);
  }
  shortcut_ = Shortcut(store, name, o, init);
}

/// F(x) before its last norm.
Var ResidualBlock::convolved(Pass& pass, const Var& x) const {
  Var y = convs_[0](pass, x);
  for (size_t i = 1; i < convs_.size(); ++i) {
    const Var h = norms_[i - 1](pass, y, /*relu=*/true);
    y = convs_[i](pass, h);
    pass.tape.recompute(h);  // to keep it beside what its norm retains is dear
  }
  return y;
}

Var ResidualBlock::residual(Pass& pass, const Var& x, const Var& r) const {
  const Var h = norms_.back()(pass, convolved(pass, x));
  const LayerScope scope(layer_of(layer_of(convs_[0].weight().name)));
  return add_relu(h, r);
}

std::optional<Var> ResidualBlock::gated(Pass& pass, const Var& x, const Var& r,
                                        const std::vector<GroupGate>& gates) const {
  if (!norms_.back().ends(pass)) return std::nullopt;
  return norms_.back().end(pass, convolved(pass, x), r, gates);
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

}  // namespace weft
