// Multi-head attention. Heads are moved in front of the batch, [N, T, E] -> [H, N, T, D], so that
// all of them are one batched product, and one softmax.
#include "models/attention.h"

#include <cmath>

#include "ops/cast.h"
#include "ops/concat.h"
#include "ops/linear.h"
#include "ops/matmul.h"
#include "ops/pointwise.h"
#include "ops/reshape.h"
#include "ops/slice.h"
#include "ops/softmax.h"

namespace weft {
namespace {

/// [N, T, E] -> [H, N, T, E / H]
Var split_heads(const Var& x, int64_t heads) {
  const Shape& s = x.shape();
  const int64_t d = s[2] / heads;
  std::vector<Var> parts;
  for (int64_t h = 0; h < heads; ++h) parts.push_back(slice(x, 2, h * d, d));
  return reshape(concat(parts, 0), {heads, s[0], s[1], d});
}

/// And back.
Var join_heads(const Var& x) {
  const Shape& s = x.shape();
  std::vector<Var> parts;
  for (int64_t h = 0; h < s[0]; ++h)
    parts.push_back(reshape(slice(x, 0, h, 1), {s[1], s[2], s[3]}));
  return concat(parts, 2);
}

void check(const AttentionInputs& in, const Var& in_weight, int64_t heads, SourceLoc loc) {
  const Shape &q = in.query.shape(), &k = in.key.shape(), &v = in.value.shape();
  if (q.rank() != 3 || k.rank() != 3 || q[0] != k[0] || q[2] != k[2] || k != v)
    shape_error("attention", loc,
                "needs query [N, T, E], key and value [N, S, E]: query {}, key {}, value {}", q, k,
                v);
  if (heads < 1 || q[2] % heads != 0)
    shape_error("attention", loc, "{} heads do not divide the width {} of query {}", heads, q[2],
                q);
  if (in_weight.shape() != Shape{3 * q[2], q[2]})
    shape_error("attention", loc, "the inputs' weight must be [{}, {}] for query {}, and is {}",
                3 * q[2], q[2], q, in_weight.shape());
}

}  // namespace

Var scaled_dot_product_attention(const Var& q, const Var& k, const Var& v, const Var* mask) {
  const double factor = 1 / std::sqrt(static_cast<double>(q.shape().back()));
  Var scores = cast(matmul(scale(q, factor), k, Transpose::b), stat_dtype(q.dtype()));
  if (mask != nullptr) scores = add(scores, *mask);
  return matmul(cast(softmax(scores), v.dtype()), v);
}

Tensor causal_mask(int64_t t, DType dtype) {
  std::vector<double> values;
  for (int64_t i = 0; i < t; ++i)
    for (int64_t j = 0; j < t; ++j) values.push_back(j <= i ? 0.0 : -1e30);
  return Tensor::from({t, t}, values, dtype);
}

Var multi_head_attention(const AttentionInputs& in, const Var& in_weight, const Var& in_bias,
                         const Var& out_weight, const Var& out_bias, int64_t heads, SourceLoc loc) {
  check(in, in_weight, heads, loc);
  const int64_t e = in.query.shape()[2];
  const auto projected = [&](const Var& x, int64_t part) {
    return split_heads(
        linear(x, slice(in_weight, 0, part * e, e, loc), slice(in_bias, 0, part * e, e, loc), loc),
        heads);
  };
  const Var y = scaled_dot_product_attention(projected(in.query, 0), projected(in.key, 1),
                                             projected(in.value, 2), in.mask);
  return linear(join_heads(y), out_weight, out_bias, loc);
}

MultiHeadAttention::MultiHeadAttention(ParameterStore& store, const std::string& name,
                                       int64_t width, int64_t heads, uint64_t seed)
    : in_weight_(&store.add(name + ".in_proj_weight", {3 * width, width})),
      in_bias_(&store.add(name + ".in_proj_bias", {3 * width})),
      out_weight_(&store.add(name + ".out_proj.weight", {width, width})),
      out_bias_(&store.add(name + ".out_proj.bias", {width})),
      heads_(heads) {
  if (heads < 1 || width < 1 || width % heads != 0)
    throw ConfigError(fmt::format("{}: {} heads do not divide its width {}", name, heads, width));
  for (Parameter* weight : {in_weight_, out_weight_})
    init::uniform_fan_in(store.context(), *weight, seed, width);
  for (Parameter* bias : {in_bias_, out_bias_}) init::constant(store.context(), *bias, 0);
}

Var MultiHeadAttention::operator()(Pass& pass, const AttentionInputs& in) const {
  const LayerScope scope(layer_of(in_weight_->name));
  const auto use = [&](Parameter* p) { return cast(pass.use(*p), in.query.dtype()); };
  return multi_head_attention(in, use(in_weight_), use(in_bias_), use(out_weight_), use(out_bias_),
                              heads_);
}

}  // namespace weft
