// SGD with momentum and Adam, as PyTorch's: weight decay is coupled (added to the gradient).
//   SGD   g += wd p;  b = g (first step), then mu b + g;  p -= lr b
//   Adam  g += wd p;  m = b1 m + (1 - b1) g;  v = b2 v + (1 - b2) g^2;
//         p -= lr / (1 - b1^t) m / (sqrt(v / (1 - b2^t)) + eps)
// A parameter without a gradient is left alone entirely: value, moments, decay and its own t. Where
// ops round a parameter to bf16 (ops/master_weight.h), the update writes the rounded copy as well.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "engine/backend.h"
#include "engine/parameter.h"

namespace weft {

/// Parameters that share a learning rate.
struct ParameterGroup {
  std::vector<Parameter*> parameters;
  double lr = 1e-3;
};

enum class Algorithm : uint8_t { sgd, adam };

struct OptimizerOptions {
  Algorithm algorithm = Algorithm::adam;
  double momentum = 0.9;                          ///< sgd
  double beta1 = 0.9, beta2 = 0.999, eps = 1e-8;  ///< adam
  double weight_decay = 0;
};

class Optimizer {
 public:
  /// What is kept for one parameter; made at its first gradient.
  struct State {
    int64_t step = 0;
    std::vector<Tensor> moments;  ///< in moment_names()'s order, of the parameter's shape
  };

  Optimizer(AnyContext context, std::vector<ParameterGroup> groups, const OptimizerOptions& options)
      : context_(context), groups_(std::move(groups)), options_(options) {}

  /// One update at lr * factor for every parameter that has a gradient. With a verdict
  /// (train/step/finite.h) that is bad, nothing is written.
  void step(double factor = 1, const Tensor& verdict = {});

  const std::vector<ParameterGroup>& groups() const { return groups_; }
  std::vector<Parameter*> parameters() const;
  /// PyTorch's names: exp_avg and exp_avg_sq, or momentum_buffer.
  std::vector<std::string> moment_names() const;
  const State* state_of(const Parameter& p) const;
  void set_state(const Parameter& p, State state) { states_[&p] = std::move(state); }

 private:
  AnyContext context_;
  std::vector<ParameterGroup> groups_;
  OptimizerOptions options_;
  std::map<const Parameter*, State> states_;
};

/// Scales all gradients by max_norm / (norm + 1e-6) where that is below 1 (as PyTorch); returns the
/// common L2 norm before it. The sum runs in parameter order over fixed trees.
double clip_grad_norm(AnyContext context, const std::vector<Parameter*>& parameters,
                      double max_norm);

namespace kernels {

/// What an update needs of one parameter; a GPU updates all of them in one launch.
template <class T>
struct UpdateTerm {
  T* value;
  const T* grad;
  T *first, *second;  ///< the moments; sgd has the first alone
  bf16_t* rounded;    ///< the value's copy in bf16; null: none is kept, as ever on a CPU
  int64_t n;
  double lr;
  int64_t step;  ///< how many updates this one makes, counted from 1
};

template <class T>
void sgd_update(CpuContext&, const std::vector<UpdateTerm<T>>&, const OptimizerOptions&,
                const int32_t* verdict);
template <class T>
void sgd_update(CudaContext&, const std::vector<UpdateTerm<T>>&, const OptimizerOptions&,
                const int32_t* verdict);
template <class T>
void adam_update(CpuContext&, const std::vector<UpdateTerm<T>>&, const OptimizerOptions&,
                 const int32_t* verdict);
template <class T>
void adam_update(CudaContext&, const std::vector<UpdateTerm<T>>&, const OptimizerOptions&,
                 const int32_t* verdict);
/// Over all xs; waits for a GPU, once.
template <class T>
double sum_of_squares(CpuContext&, const std::vector<View<const T>>& xs);
template <class T>
double sum_of_squares(CudaContext&, const std::vector<View<const T>>& xs);

}  // namespace kernels
}  // namespace weft
