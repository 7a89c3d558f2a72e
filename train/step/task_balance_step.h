// One step of TaskBalance, from the forward pass to its end, and what came of it. On a GPU the host's
// part of it runs in the stream, while the trainer is steps ahead: each step is an object of its own,
// which that work holds.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "engine/tape.h"
#include "models/balance/balance.h"
#include "models/balance/per_task_gradients.h"
#include "train/step/balance_record.h"
#include "train/step/state.h"

namespace weft {

/// What a step tells: on a GPU it is there after the next synchronize().
struct BalanceNews {
  std::vector<std::string> notes;       ///< sentences
  std::optional<BalanceRecord> record;  ///< in every n-th step, if taken, as balance.watch says
};

/// Of the m tasks that have a label and a weight.
struct BalancedStep {
  Noise noise;
  int64_t epoch = 0;
  Phase phase = Phase::warmup;
  bool watched = false;
  std::vector<size_t> tasks;    ///< ascending
  std::vector<Var> losses;      ///< L_i; let go of with the tape
  std::vector<double> lambdas;  ///< their weights in the run file
  std::vector<Tensor> fetched;  ///< L_i on the host

  std::vector<double> values;   ///< lambda_i L_i
  std::vector<double> factors;  ///< w_i of a method of losses, or v_i of a weighting
  BalanceStep method, weighting;
  std::optional<Balance::State> before;  ///< the methods', once one is asked
  bool asked = false;                    ///< whether the weights are the methods' own
  BalanceNews news;
};

/// A copy on the host, there when the device has come this far.
Tensor on_its_way(const AnyContext& context, const Tensor& loss);
/// `numbers` in the dtype of `host`.
void write_numbers(const Tensor& host, const std::vector<double>& numbers);
/// Where the losses are on the host.
void read_losses(BalancedStep& step);
/// What a method is asked about: weighted losses, and no gradients yet.
BalanceStep question(const BalancedStep& step);

/// Norms and cosines of the tasks' gradients at each stage of the trunk, and of all.
std::vector<BalanceRecord::Stage> conflict_of(size_t m, const ParameterGrams& grams,
                                              const std::vector<Parameter*>& shared);
/// A method's weights, times the factors before them, into the record where there is one.
void note_weights(BalancedStep& step, const balance::Vector& w);
/// Squares of gradients that are numbers may be none: no record then, and this note.
inline const std::string bad_record =
    "balance.watch: the tasks' gradients are too large for their norms, or no numbers: this step "
    "has "
    "no line of balance.jsonl";
void drop_bad_record(BalanceNews& news);

/// "layer1" of "layer1.0.conv1.weight" and of "trunks.seg.layer1.0.conv1.weight".
std::string stage_of(const std::string& parameter);
/// Leaves of `group` what is among `shared`, in its order.
void keep_shared(std::vector<Parameter*>& group, const std::vector<Parameter*>& shared);

}  // namespace weft
