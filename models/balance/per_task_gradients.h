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

/// G [K, K] of every shared parameter, row by row, on the host.
class ParameterGrams {
 public:
  /// Their sum over some of them: all, a layer, a matrix. Throws Error for one that is not shared.
  std::vector<double> sum(const std::vector<Parameter*>& group) const;

 private:
  friend class TaskGradients;
  using Places = std::unordered_map<const Parameter*, size_t>;  // in the order of their gradients
  ParameterGrams(std::shared_ptr<const Places> places, Tensor values, size_t size)
      : places_(std::move(places)), values_(std::move(values)), size_(size) {}

  std::shared_ptr<const Places> places_;
  Tensor values_;  // [places, K, K] f64
  size_t size_;    // K K
};

class TaskGradients {
 public:
  /// Which of the losses given were there, counting up: task tasks()[i] has row i.
  const std::vector<size_t>& tasks() const { return tasks_; }
  /// The parameters that the rows are of, in the order of their first use in the forward pass.
  const std::vector<Parameter*>& shared() const { return shared_; }

  /// G [K, K], row by row, of all shared parameters; on a GPU this waits for the device.
  std::vector<double> gram() const { return gram(shared_); }
  /// Of some of them, a layer or a matrix. Throws Error for a parameter that is not shared.
  std::vector<double> gram(const std::vector<Parameter*>& group) const;
  /// All of them on their way, without a wait: to be read by call_in_order() (engine/device.h) or
  /// behind synchronize(), and to be kept until then.
  ParameterGrams grams_later() const;

  /// g_i,p for every row i; undefined where its loss does not reach p (a gradient of 0). Needs keep.
  const std::vector<Tensor>& rows(const Parameter& p) const;
  /// Other rows for p, all defined, where the context computes: what Grams that are asked for
  /// afterwards, and combine(), are of. Needs keep.
  void set_rows(const Parameter& p, std::vector<Tensor> rows);

  /// p.grad += sum_i weights[i] g_i,p for every shared parameter, one weight a row. With
  /// keep = false once, as the tape is freed.
  void combine(const std::vector<double>& weights);
  /// The same for some of them, as by layer with weights of its own; without keep, of all.
  void combine(const std::vector<double>& weights, const std::vector<Parameter*>& group);
  /// weights: f64 [groups, K] where the context computes, a row for each group of some of them (an
  /// empty one is passed over), as by layer; without keep one group, of all. Waits for nothing.
  void combine(const Tensor& weights, const std::vector<std::vector<Parameter*>>& groups);

 private:
  friend TaskGradients per_task_gradients(const std::vector<std::optional<Var>>&,
                                          const std::optional<std::vector<Parameter*>>&,
                                          PerTaskOptions);
  TaskGradients(AnyContext context, std::vector<size_t> tasks, bool keep)
      : context_(context), tasks_(std::move(tasks)), keep_(keep) {}
  size_t place_of(const Parameter& p) const;
  void check_weights(size_t count) const;
  void pass_again(const Tensor& weights, const std::vector<std::vector<Parameter*>>& groups);
  /// Grams of the parameters at places first, first + 1, ..
  void measure(size_t first, const std::vector<std::vector<Tensor>>& rows) const;

  AnyContext context_;
  std::vector<size_t> tasks_;
  bool keep_;
  std::vector<Parameter*> shared_;
  std::shared_ptr<ParameterGrams::Places> places_ = std::make_shared<ParameterGrams::Places>();
  std::vector<std::vector<Tensor>> rows_;       // by place; empty without keep
  Tensor grams_;                                // [places, K, K] f64, where it was computed
  mutable bool measured_ = false;               // whether they are in grams_
  mutable std::optional<ParameterGrams> read_;  // on the host, once asked for
  std::unique_ptr<JointBackward> again_;        // without keep, until combine()
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
