// The policies: K logit tables [n, 2] (column 0 = select, 1 = skip) of the last n = L - skip_layer
// blocks, learned by Gumbel-softmax (docs/method.md section 3). All tasks execute the blocks before
// those, which have no part in regularisers (L and l count rows there). The curriculum uses the
// last rows alone, or the first (curriculum_from); the other blocks are executed meanwhile.
// A binary policy is sampled: select[k][l] ~ Bernoulli(softmax(logits_k[l])[0]).
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "models/binary_policy.h"
#include "models/policy_options.h"

namespace weft {

/// What a step's forward pass needs of the policy: gates for the planner, values for the ops.
struct PolicySample {
  Gates gates;
  std::vector<Var> p = {};                ///< per task [n, 2]; by levels (channel_policy.h) [n, 4]
  std::vector<Var> log_probability = {};  ///< per task, of its draw, where draws alone lead back
};

class Policy {
 public:
  Policy(ParameterStore& store, const std::vector<std::string>& tasks, int blocks,
         const PolicyOptions& options, uint64_t seed, int choices = 2);
  virtual ~Policy() = default;

  int tasks() const { return static_cast<int>(logits_.size()); }
  int blocks() const { return blocks_; }
  int skip_layer() const { return options_.skip_layer; }
  /// What select[task][block] can be: 0 and 1, or levels; where it is a function block, from 1 on.
  virtual int least() const { return 0; }
  int most() const { return least() + choices_ - 1; }
  int choices() const { return choices_; }
  /// Which column of the logits a hard gate stands for.
  virtual int column_of(const Gate& gate) const { return gate.kind == Gate::Kind::skip ? 1 : 0; }
  const std::vector<Parameter*>& logits() const { return logits_; }

  /// Blocks that use the policy in policy epoch `epoch`: min(epoch / speed + 1, L - skip_layer);
  /// all of them where speed is 0.
  int active(int64_t epoch, int speed) const;
  /// Whether block l is one of the `active`.
  bool uses(int l, int active) const;

  /// One Gumbel sample per task, shared by the batch. Hard samples of a step that does not train
  /// the logits are constants, so what they skip need not run (`run_skipped`: it does, as in the
  /// official code); where logits are trained, dL/dp needs f of both.
  virtual PolicySample sample(Pass& pass, double temperature, bool hard, int active,
                              bool run_skipped = false) const;
  /// What stands for task k's loss where only the probability of its draw leads back to its logits.
  virtual std::optional<Var> surrogate(const PolicySample&, size_t /*k*/,
                                       const Var& /*loss*/) const {
    return std::nullopt;
  }
  /// To be called after a step for the logits, with each task's loss (fetched, or to be), or none.
  virtual void stepped(const std::vector<Tensor>& /*losses*/) { logits_changed(); }

  /// Gives task k the logits that a host tensor [n, choices] holds. What the host knows of them is never
  /// older than they are.
  void set_logits(size_t k, const Tensor& host);
  /// Task k's logits [n, choices] on the host.
  const Tensor& host_logits(size_t k) const;
  /// To be called after an optimizer or a file has set the logits: forgets what the host knows of them.
  virtual void logits_changed() { mirror_.clear(); }

  /// softmax(logits_k[l])[0] for every task and block; 1 without a decision.
  virtual std::vector<std::vector<double>> probabilities() const;
  /// Binary gates sampled block by block; with `active`, the curriculum's padding is applied.
  virtual BinaryPolicy sample_binary(uint64_t seed, uint32_t index, int active) const;
  /// select where p >= 0.5.
  virtual BinaryPolicy most_likely() const;

  /// Sum over tasks of the mean over the active blocks of -log p_skip (log_skip), of 2 (l + 1) / L
  /// times that (log_skip_depth, the official code's without its sharing loss), or the sum of log
  /// p_select over tasks and active blocks (log_select, the paper's).
  virtual Var sparsity_loss(Tape& tape, SparsityForm form, int active) const;
  /// Sum over pairs i < j and all rows of w_l |u_i - u_j|. Sound: u = p_select and
  /// w_l = (L - l) / L; compat: u = the raw select logit and w_l = (l + 1) / L (official code).
  /// Where tasks are compared by several numbers a row, half the sum of these.
  Var sharing_loss(Tape& tape, bool compat, bool depth_weights) const;

  /// In how much of their routed places two tasks take the same function block: expected, mean over
  /// pairs. None where gates are of no function blocks, or of one task.
  virtual std::optional<double> together() const { return std::nullopt; }

 protected:
  /// What the sharing loss compares of task k: u [n, 1], or [n, c].
  virtual Var compared(Tape& tape, size_t k, bool compat) const;
  Var constant(Tape& tape, const Shape& shape, const std::vector<double>& values) const;
  int learned() const { return blocks_ - options_.skip_layer; }
  /// The first row of the `active`.
  int first_row(int active) const {
    return options_.curriculum_from == CurriculumFrom::last ? learned() - active : 0;
  }

 private:
  AnyContext context_;
  // Empty, or a copy of every task's logits, taken once a change. On the CPU as well, where none is
  // needed: so a change that is not told shows on every machine, and not on a GPU alone.
  mutable std::vector<Tensor> mirror_;
  std::vector<std::string> names_;
  std::vector<Parameter*> logits_;
  int blocks_, choices_;
  PolicyOptions options_;
};

}  // namespace weft
