// Sluice networks (Ruder et al., AAAI 2019, arXiv 1705.08142): cross-stitch between S subspaces of
// channels, and a learned mixture of all stages before the head.
//   x~_(k,s) = sum_{j,t} a_(k,s),(j,t) x_(j,t),  x_(j,t): the t-th of S equal parts of task j's C
//   y_k      = sum_m b_km P_km(x~_k of stage m),  P of the last stage the identity, else conv1x1
//   L       += orthogonality sum_k sum_stages sum_{s<t} ||G_s G_t^T||_F^2
// G_s [C / S, R R C']: the filters that write subspace s, of the convolution that ends the stage,
// so that the subspaces learn different things. At first (share.init) imbalanced: own subspace 0.95
// (S = 1: 0.9), the rest spread over the others; b 0.9 for the last stage, the rest likewise; or
// balanced: all equal. a and b learn at lr times share.lr_factor, P at lr. Where a stage's map is
// larger than the last, P strides. Parameters: K trunks; a stage, K^2 S^2; a task, M stages' b and
// the P: "sharing.stitch.stage2.seg.1", "sharing.stitch.layers.seg", "sharing.project.stage2.seg".
#include "models/sharing/stitch.h"
#include "models/sharing/task_trunks.h"
#include "models/sharing/way.h"
#include "ops/concat.h"
#include "ops/matmul.h"
#include "ops/pointwise.h"
#include "ops/reduce.h"
#include "ops/reshape.h"
#include "ops/slice.h"

namespace weft {
namespace {

class Sluice final : public Model {
 public:
  Sluice(AnyContext context, DType dtype, const ModelOptions& options)
      : Model(context, dtype, options),
        trunks_(store_, options),
        subspaces_(static_cast<size_t>(options.share.subspaces)) {
    const auto& stages = trunks_.stages();
    for (size_t s = 0; s < stages.size(); ++s) add_stage(s);
    for (const TaskShape& task : options.tasks)
      layers_.emplace_back(store_, "layers." + task.name,
                           initial(stages.size(), stages.size() - 1, 0.9));
    make_heads(trunks_.first());
  }

  std::vector<Var> forward(Pass& pass, const Var& images, const PolicySample*) const override {
    const size_t tasks = options_.tasks.size(), stages = trunks_.stages().size();
    std::vector<Var> x = trunks_.stem(pass, images);
    std::vector<std::vector<Var>> seen(tasks);  // by task: every stage's map at the last's size
    for (size_t m = 0; m < stages; ++m) {
      x = mix(pass, m, trunks_.run(pass, trunks_.stages()[m], x));
      for (size_t k = 0; k < tasks; ++k)
        seen[k].push_back(m + 1 < stages ? projections_[m * tasks + k](pass, x[k]) : x[k]);
    }
    return run_heads(pass, [&](size_t k) { return layers_[k](pass, seen[k]); });
  }

  std::optional<Var> regulariser(Tape& tape) const override {
    std::optional<Var> penalty;
    if (options_.share.orthogonality == 0) return penalty;  // not even a gradient of zero
    for (Parameter* filters : filters_) {
      const Shape& shape = filters->value.shape();
      const int64_t part = shape[0] / static_cast<int64_t>(subspaces_);
      const Var rows = reshape(tape.use(*filters), {shape[0], shape.inner(1)});
      std::vector<Var> g;
      for (size_t s = 0; s < subspaces_; ++s)
        g.push_back(slice(rows, 0, static_cast<int64_t>(s) * part, part));
      for (size_t s = 0; s < subspaces_; ++s)
        for (size_t t = s + 1; t < subspaces_; ++t) {
          const Var overlap = sum(square(matmul(g[s], g[t], Transpose::b)));
          penalty = penalty ? add(*penalty, overlap) : overlap;
        }
    }
    if (penalty) penalty = scale(*penalty, options_.share.orthogonality);
    return penalty;
  }

  ModelCost cost(int64_t height, int64_t width, const Gates*) const override {
    const TrunkCost trunk = trunks_.first().cost(height, width);
    const auto& stages = trunks_.stages();
    const size_t tasks = trunks_.size();
    const auto k = static_cast<int64_t>(tasks), s = static_cast<int64_t>(subspaces_);
    const int64_t last = trunk.out.numel();
    ModelCost cost = count(trunk, trunks_.size());
    cost.trunk = trunks_.macs(trunk);
    for (size_t m = 0; m < stages.size(); ++m) {
      const Shape map = TaskTrunks::map_after(stages[m], trunk);
      cost.sharing += Macs{map.numel(), map.numel()} * (k * k * s);
      cost.sharing += Macs{last, last} * k;
      for (size_t i = 0; m + 1 < stages.size() && i < tasks; ++i) {
        Shape x{1, map[0], map[1], map[2]};
        cost.sharing += conv_macs(projections_[m * tasks + i], x);
      }
    }
    return cost;
  }

  const Trunk& trunk() const override { return trunks_.first(); }

 private:
  std::vector<double> initial(size_t m, size_t at, double own) const {
    const bool balanced = options_.share.init == SluiceInit::balanced;
    return mostly_own(m, at, balanced ? 1.0 / static_cast<double>(m) : own);
  }

  void add_stage(size_t s) {
    const TrunkStage& stage = trunks_.stages()[s];
    const TrunkStage& last = trunks_.stages().back();
    if (stage.channels % options_.share.subspaces != 0)
      throw ConfigError(fmt::format(
          "share.subspaces: the {} channels of stage {} do not divide into {} equal parts",
          stage.channels, s + 1, subspaces_));
    const ParameterStore::Making making(store_, Part::sharing);
    const size_t tasks = options_.tasks.size();
    for (size_t k = 0; k < tasks; ++k) {
      const std::string& task = options_.tasks[k].name;
      for (size_t t = 0; t < subspaces_; ++t)
        stitches_.emplace_back(
            store_, fmt::format("stage{}.{}.{}", s + 1, task, t),
            initial(tasks * subspaces_, k * subspaces_ + t, subspaces_ == 1 ? 0.9 : 0.95));
      if (s + 1 < trunks_.stages().size())
        projections_.emplace_back(store_, fmt::format("sharing.project.stage{}.{}", s + 1, task),
                                  stage.channels, last.channels, 1,
                                  Conv2dOptions{.stride = last.stride / stage.stride}, false,
                                  Init{Init::Kind::uniform_fan_in, options_.seed});
      filters_.push_back(
          last_filters("trunks." + task + "." + trunks_.first().block_name(stage.end - 1) + "."));
    }
  }

  /// The weights of the last convolution of the block whose names begin so, its shortcut's apart.
  Parameter* last_filters(const std::string& block) {
    const std::string shortcut = "downsample.";
    Parameter* found = nullptr;
    for (Parameter& p : store_.parameters())
      if (p.name.rfind(block, 0) == 0 && p.value.shape().rank() >= 2 &&
          p.name.compare(block.size(), shortcut.size(), shortcut) != 0)
        found = &p;
    return found;
  }

  /// Every task's map after stage m, out of all subspaces of all tasks.
  std::vector<Var> mix(Pass& pass, size_t m, const std::vector<Var>& x) const {
    const auto count = static_cast<int64_t>(subspaces_);
    std::vector<Var> parts;
    for (const Var& map : x)
      for (int64_t s = 0; s < count; ++s) {
        const int64_t c = map.shape()[3] / count;
        parts.push_back(slice(map, 3, s * c, c));
      }
    std::vector<Var> out;
    for (size_t k = 0; k < x.size(); ++k) {
      std::vector<Var> mixed;
      for (size_t s = 0; s < subspaces_; ++s)
        mixed.push_back(stitches_[(m * x.size() + k) * subspaces_ + s](pass, parts));
      out.push_back(concat(mixed, 3));
    }
    return out;
  }

  TaskTrunks trunks_;
  size_t subspaces_;                 ///< S
  std::vector<Stitch> stitches_;     ///< of stage m, task k, subspace s at (m K + k) S + s
  std::vector<Conv> projections_;    ///< of stage m but the last and task k at m K + k
  std::vector<Stitch> layers_;       ///< b of task k
  std::vector<Parameter*> filters_;  ///< of the convolutions that end a stage
};

}  // namespace

WayOfSharing sluice_way() {
  return {.make = make_way<Sluice>,
          .trunks = {.own = 1},
          .keys = {"lr_factor", "subspaces", "orthogonality", "init"}};
}

}  // namespace weft
