// Per-task gradients: g_i = dL_i/d(shared) of K losses on one tape, at what they must cost. What one
// task alone reaches (its head, a stream of its own) is differentiated once and its parameters'
// gradients land in Parameter::grad, as backward's do; the rest once for each task that reaches it,
// side by side (engine/joint_backward.h). Then, with weights of your own or by a method,
//   auto g = per_task_gradients(losses, shared);   G = g.gram(), G_ij = <g_i, g_j> in f64
//   g.combine(weights);                            p.grad += sum_i weights_i g_i,p
// Retains K gradients of every shared parameter; with keep = false only their Grams and the nodes
// between losses and shared parameters, and combine() goes back through those once more.
#pragma once

#include <memory>
#include <optional>
#include <unordered_map>
#include <vector>

#include "engine/joint_backward.h"

namespace weft {

struct PerTaskOptions {
  bool keep = true;  ///< the gradients themselves: K x P numbers; else a Gram a parameter
};

class TaskGradients {
 public:
  /// Which of the losses given were there, counting up: task tasks()[i] has row i.
  const std::vector<size_t>& tasks() const { return tasks_; }
  /// The parameters that the rows are of, in the order of their first use in the forward pass.
  const std::vector<Parameter*>& shared() const { return shared_; }

  /// Queues the Grams' kernels where a GPU computes, so that gram() only waits and reads.
  void measure_gram() const;
  /// G [K, K], row by row, of all shared parameters; on a GPU this waits for the device.
  std::vector<double> gram() const;
  /// Of some of them, a layer or a matrix. Throws Error for a parameter that is not shared.
  std::vector<double> gram(const std::vector<Parameter*>& group) const;

  /// g_i,p for every row i; undefined where its loss does not reach p (a gradient of 0). Needs keep.
  const std::vector<Tensor>& rows(const Parameter& p) const;
  /// Other rows for p, all defined, where the context computes: what Grams that are asked for
  /// afterwards, and combine(), are of. Needs keep.
  void set_rows(const Parameter& p, std::vector<Tensor> rows);

  /// p.grad += sum_i weights[i] g_i,p for every shared parameter, one weight a row. With
  /// keep = false once, as the tape is freed.
  void combine(const std::vector<double>& weights);
  /// The same for some of them, as by layer with weights of its own. Needs keep.
  void combine(const std::vector<double>& weights, const std::vector<Parameter*>& group);

 private:
  friend TaskGradients per_task_gradients(const std::vector<std::optional<Var>>&,
                                          const std::optional<std::vector<Parameter*>>&,
                                          PerTaskOptions);
  TaskGradients(AnyContext context, std::vector<size_t> tasks, bool keep)
      : context_(context), tasks_(std::move(tasks)), keep_(keep) {}
  size_t place_of(const Parameter& p) const;
  void check_weights(const std::vector<double>& weights) const;
  /// Grams of the parameters at places first, first + 1, ..
  void measure(size_t first, const std::vector<std::vector<Tensor>>& rows) const;
  void read_grams() const;

  AnyContext context_;
  std::vector<size_t> tasks_;
  bool keep_;
  std::vector<Parameter*> shared_;
  std::unordered_map<const Parameter*, size_t> places_;  // in the order in which they were reached
  std::vector<std::vector<Tensor>> rows_;                // by place; empty without keep
  Tensor grams_;                          // [places, K, K] f64, where it was computed
  mutable bool measured_ = false;         // whether they are in grams_
  mutable std::vector<double> read_;      // the same on the host, once asked for
  std::unique_ptr<JointBackward> again_;  // without keep, until combine()
};

/// By layer, in their order: parameters whose names are one up to the last dot.
std::vector<std::vector<Parameter*>> layers_of(const std::vector<Parameter*>& parameters);

/// The parameters that more than one of these was computed from, in the order of their first use:
/// what tasks share, by their predictions, whichever of them have labels in a batch.
std::vector<Parameter*> shared_parameters(const std::vector<Var>& predictions);

/// losses[k]: of one element, all on one tape; nullopt: the batch has no label of task k, and no row.
/// Shared are the parameters that more than one of them reaches; or those of a list that some loss
/// reaches, even if it is one alone, and all others get the losses' plain sum in Parameter::grad.
/// Throws Error where no loss is there, and as Tape::backward.
TaskGradients per_task_gradients(
    const std::vector<std::optional<Var>>& losses,
    const std::optional<std::vector<Parameter*>>& shared = std::nullopt,
    PerTaskOptions options = {});

}  // namespace weft
