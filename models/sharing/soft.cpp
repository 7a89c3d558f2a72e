// Soft parameter sharing: K networks whose constrained layers are held together, pair by pair, by a
// distance in the loss; the other layers are free (Duong et al., ACL 2015, hold theirs by L2).
//   L = sum_k lambda_k L_k + weight sum_{i<j} w_ij sum_l d(W_il, W_jl),  W_il: weights of layer l
//   d: l2       ||W_i - W_j||_2   (1e-24 under the root: gradient 0, not infinite, where they meet)
//      squared  ||W_i - W_j||_2^2
//      trace    ||[vec W_i; vec W_j]||_*, the trace norm of the two as the rows of one matrix,
//               least where they are parallel, rank 1 (Yang & Hospedales, 2017, arXiv 1606.04038;
//               for K = 2 theirs exactly, for more their term for every pair, so that w_ij counts)
// share.layers names the constrained layers: "layer1", "layer2.0.conv1" or "*.conv2" stand for
// every convolution whose name they match or begin; none named: all of the trunk.
// share.pair_weights are w_ij in the order (0,1), (0,2) .. (1,2) ... Parameters: K trunks. The term
// also acts in a batch without a task's labels: constrained layers are common property, free ones
// stay untouched.
#include "engine/glob.h"
#include "models/sharing/task_trunks.h"
#include "models/sharing/way.h"
#include "ops/concat.h"
#include "ops/pointwise.h"
#include "ops/reduce.h"
#include "ops/reshape.h"
#include "ops/trace_norm.h"

namespace weft {
namespace {

class SoftSharing final : public Model {
 public:
  SoftSharing(AnyContext context, DType dtype, const ModelOptions& options)
      : Model(context, dtype, options), trunks_(store_, options) {
    make_heads(trunks_.first());
    choose_layers();
  }

  std::vector<Var> forward(Pass& pass, const Var& images, const PolicySample*) const override {
    std::vector<Var> x = trunks_.stem(pass, images);
    for (const TrunkStage& stage : trunks_.stages()) x = trunks_.run(pass, stage, x);
    return run_heads(pass, x);
  }

  std::optional<Var> regulariser(Tape& tape) const override {
    std::optional<Var> sum;
    if (options_.share.weight == 0) return sum;  // not even a gradient of zero
    const size_t tasks = trunks_.size();
    for (const std::vector<Parameter*>& layer : constrained_) {
      size_t pair = 0;
      for (size_t i = 0; i < tasks; ++i)
        for (size_t j = i + 1; j < tasks; ++j, ++pair) {
          const auto& weights = options_.share.pair_weights;
          const double w = weights.empty() ? 1.0 : weights[pair];
          if (w == 0) continue;
          const Var d = scale(distance(tape, *layer[i], *layer[j]), w);
          sum = sum ? add(*sum, d) : d;
        }
    }
    if (sum) sum = scale(*sum, options_.share.weight);
    return sum;
  }

  ModelCost cost(int64_t height, int64_t width, const Gates*) const override {
    const TrunkCost trunk = trunks_.first().cost(height, width);
    ModelCost cost = count(trunk, trunks_.size());
    cost.trunk = trunks_.macs(trunk);
    return cost;
  }

  const Trunk& trunk() const override { return trunks_.first(); }

 private:
  /// constrained_[layer][task]: the convolutions that some pattern names.
  void choose_layers() {
    const std::vector<std::string> names = task_names();
    const std::string first = "trunks." + names[0] + ".", end = ".weight";
    const std::vector<std::string>& patterns = options_.share.layers;
    std::vector<bool> used(patterns.size());
    std::vector<std::string> layers;
    for (const Parameter& p : store_.parameters())
      if (p.name.rfind(first, 0) == 0 && p.value.shape().rank() >= 2)
        layers.push_back(p.name.substr(first.size(), p.name.size() - first.size() - end.size()));
    for (const std::string& layer : layers) {
      bool chosen = patterns.empty();
      for (size_t i = 0; i < patterns.size(); ++i) {
        if (!matches(patterns[i], layer) && !matches(patterns[i] + ".*", layer)) continue;
        chosen = used[i] = true;
      }
      if (!chosen) continue;
      constrained_.emplace_back();
      for (const std::string& task : names)
        constrained_.back().push_back(store_.find("trunks." + task + "." + layer + end));
    }
    for (size_t i = 0; i < used.size(); ++i)
      if (!used[i])
        throw ConfigError(
            fmt::format("share.layers: '{}' names no layer of the trunk; it has {} to {}",
                        patterns[i], layers.front(), layers.back()));
  }

  Var distance(Tape& tape, Parameter& a, Parameter& b) const {
    if (options_.share.distance == Distance::trace) {
      const Shape row{1, a.value.numel()};
      const Var both = concat({reshape(tape.use(a), row), reshape(tape.use(b), row)}, 0);
      return trace_norm(both);
    }
    const Var squared = sum(square(sub(tape.use(a), tape.use(b))));
    if (options_.share.distance == Distance::squared) return squared;
    return sqrt(shift(squared, 1e-24));
  }

  TaskTrunks trunks_;
  std::vector<std::vector<Parameter*>> constrained_;
};

}  // namespace

WayOfSharing soft_way() {
  return {.make = make_way<SoftSharing>,
          .trunks = {.own = 1},
          .per_task = PerTask::all,
          .keys = {"layers", "distance", "weight", "pair_weights"}};
}

}  // namespace weft
