// A multi-task model is a way of sharing: trunk(s), one head a task, and how they are wired. One
// file in this folder per way (way.h); make_model picks it by ModelOptions::sharing.
// forward: images [N, H, W, C] -> one output a task, [N, h, w, out] (image labels: [N, 1, 1, out]).
// Where every task brings its own images (DomainNet), they are [K * N, H, W, C] in task order.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "models/execute.h"
#include "models/heads.h"
#include "models/policy.h"
#include "models/sharing/same_statistics.h"
#include "models/sharing/share_options.h"
#include "models/trunks.h"

namespace weft {

struct TaskShape {
  std::string name;
  int64_t channels = 1;
  bool image_label = false;
};

struct ModelOptions {
  Sharing sharing = Sharing::adashare;
  TrunkOptions trunk;
  HeadOptions head;
  PolicyOptions policy;
  ShareOptions share;
  std::vector<TaskShape> tasks;
  bool separate_inputs = false;  ///< every task brings its own images
  bool own_statistics = false;   ///< a shared trunk's batch norm: running statistics a task,
  bool own_norm = false;         ///< and weight and bias a task
  bool fixed_norm = false;       ///< the trunk's batch norm: weight and bias are not trained
  uint64_t seed = 0;
};

/// Parameters and MACs an image: trunks, what joins them, and heads. In `sharing` a learned weight
/// times a feature is one MAC, whether in a convolution or in a weighted sum.
struct ModelCost {
  int64_t trunk_parameters = 0;
  int64_t one_trunk_parameters = 0;  ///< of a single trunk
  int64_t sharing_parameters = 0;
  int64_t head_parameters = 0;
  Macs trunk;
  Macs sharing;
  Macs heads;

  /// All but the heads: what a way of sharing costs.
  int64_t body_parameters() const { return trunk_parameters + sharing_parameters; }
  Macs body() const {
    Macs sum = trunk;
    return sum += sharing;
  }
};

class Model {
 public:
  Model(AnyContext context, DType dtype, const ModelOptions& options)
      : store_(context, dtype), options_(options) {}
  virtual ~Model() = default;

  ParameterStore& store() { return store_; }
  const ParameterStore& store() const { return store_; }
  const std::vector<TaskShape>& tasks() const { return options_.tasks; }
  std::vector<std::string> task_names() const;
  bool separate_inputs() const { return options_.separate_inputs; }
  /// Parameters that no phase trains.
  virtual bool fixed(const Parameter& p) const;
  /// For the ways with one trunk for all: what the tasks have in common under their gates; null:
  /// every block runs for every task. In evaluation tasks part where their statistics do.
  Plan shared_plan(const Gates* gates, bool training) const;

  /// `sample`: the gates of this pass where the model has a policy; null: every block runs for
  /// every task. Models without a policy ignore it.
  virtual std::vector<Var> forward(Pass&, const Var& images, const PolicySample* sample) const = 0;
  /// What the way of sharing adds to the loss wherever weights are trained.
  virtual std::optional<Var> regulariser(Tape&) const { return std::nullopt; }
  /// Cost for one image; `gates` as in forward.
  virtual ModelCost cost(int64_t height, int64_t width, const Gates* gates) const = 0;
  /// Null where the way of sharing learns none.
  virtual Policy* policy() { return nullptr; }
  /// Which pixels of its images task k's dense outputs look at.
  const Grid& grid(size_t k) const { return grids_[k]; }
  /// A trunk of the model, for block names and shapes.
  virtual const Trunk& trunk() const = 0;

 protected:
  /// One a task, on `trunk`'s last map.
  void make_heads(const Trunk& trunk);
  /// y_k = head_k(features(k)), task by task.
  std::vector<Var> run_heads(Pass& pass, const std::function<Var(size_t k)>& features) const;
  std::vector<Var> run_heads(Pass& pass, const std::vector<Var>& features) const;
  /// What every way counts alike: parameters, of which `trunks` trunks, and the heads.
  ModelCost count(const TrunkCost& trunk, size_t trunks = 1) const;

  // For the ways with one trunk for all.
  /// The trunk's options, with what batch norm keeps for each task.
  TrunkOptions shared_trunk() const;
  Features run_shared(Pass& pass, const Trunk& trunk, const Var& images,
                      const PolicySample* sample) const;

  ParameterStore store_;
  ModelOptions options_;

 private:
  /// Whether tasks share no value in a shared trunk: their images differ, or batch norm's weights.
  bool apart() const { return options_.separate_inputs || options_.own_norm; }
  const SameStatistics& statistics_now() const;

  std::vector<std::unique_ptr<Head>> heads_;
  std::vector<Grid> grids_;  ///< of every task's outputs
  /// As of the store's statistics with this number; a training pass forgets it.
  mutable std::optional<std::pair<int64_t, SameStatistics>> same_;
};

/// Throws ConfigError where a way of sharing cannot do what the options ask.
std::unique_ptr<Model> make_model(AnyContext context, DType dtype, const ModelOptions& options);

}  // namespace weft
