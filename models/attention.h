// Multi-head attention (Vaswani et al., NeurIPS 2017, section 3.2), of T queries over S keys:
//   head_h = softmax(Q_h K_h^T / sqrt(D) + mask) V_h,  Q_h, K_h, V_h: columns h D .. (h + 1) D - 1
//            of Q = query W_q^T + b_q, K = key W_k^T + b_k, V = value W_v^T + b_v
//   y = [head_0, .., head_{H-1}] W_o^T + b_o
//   query, y [N, T, E]; key, value [N, S, E]; D = E / H; mask [S], [T, S], [N, T, S] or [H, N, T, S]
// W_q, W_k and W_v stand below each other in one parameter [3 E, E], as PyTorch's MultiheadAttention
// has them. The softmax is in f32 where the rest is bf16. It is made of other ops, each of which
// retains its own.
#pragma once

#include <string>

#include "models/layers.h"

namespace weft {

/// A head's part: q [.., T, D], k and v [.., S, D], mask added to [.., T, S] where it is there.
Var scaled_dot_product_attention(const Var& q, const Var& k, const Var& v,
                                 const Var* mask = nullptr);

/// Which keys a query sees: 0 at those up to its own place, -1e30 at the later ones; [T, T]. A
/// finite number, so that a row of a mask that hides all of its keys still gives a number.
Tensor causal_mask(int64_t t, DType dtype = DType::f32);

/// The definition above on values of the tape; in_weight [3 E, E], in_bias [3 E], out_weight [E, E],
/// out_bias [E]. Throws ShapeError where heads do not divide E or shapes do not fit.
struct AttentionInputs {
  Var query, key, value;
  const Var* mask = nullptr;
};
Var multi_head_attention(const AttentionInputs& in, const Var& in_weight, const Var& in_bias,
                         const Var& out_weight, const Var& out_bias, int64_t heads,
                         SourceLoc = SourceLoc::here());

class MultiHeadAttention {
 public:
  /// Parameters NAME.in_proj_weight, NAME.in_proj_bias, NAME.out_proj.weight, NAME.out_proj.bias.
  /// Weights start as U(-1/sqrt(E), 1/sqrt(E)), biases at 0.
  MultiHeadAttention(ParameterStore& store, const std::string& name, int64_t width, int64_t heads,
                     uint64_t seed);
  Var operator()(Pass& pass, const AttentionInputs& in) const;
  /// Of x over itself.
  Var operator()(Pass& pass, const Var& x, const Var* mask = nullptr) const {
    return (*this)(pass, {x, x, x, mask});
  }

 private:
  Parameter *in_weight_, *in_bias_, *out_weight_, *out_bias_;
  int64_t heads_;
};

}  // namespace weft
