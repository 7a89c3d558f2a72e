// Balance: how a trainer weighs its K tasks, one interface for every method. What a step does:
//   needs losses: w = weights(step)                                minimise sum_i w_i L_i
//                 or, where it foresees(), w before they are known, and then learn(step)
//   needs gram:   step.grams of the gradients g_i;  w              d = sum_i w_i g_i
//   needs rows:   absorb(step, rows) for every parameter, which may replace g_i by its average;
//                 step.sums, step.grams of what is there then; w, or combine() for every parameter
// The m tasks that have labels in a batch are step.tasks, ascending; all vectors and matrices of a
// step are theirs alone, and what a method remembers of the others stands still. State is vectors
// of doubles under stable names (and rows of length P, see kept()), so that a checkpoint holds it
// whole. Noise is Philox's of (seed, step). Nothing is silent: notes say what was odd. Gradients at
// the heads belong to one task each, and are no part of this. A weighting of losses goes with any
// method on gradients: ask it first, let the backward pass begin with its w_i, and give the other
// the losses w_i L_i and what gradients there are then.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "engine/philox.h"
#include "models/balance/options.h"
#include "models/balance/rows.h"

namespace weft {

struct BalanceStep {
  Noise noise;
  int64_t epoch = 0;
  std::vector<size_t> tasks;           ///< present, ascending
  balance::Vector losses;              ///< [m]
  std::vector<balance::Matrix> grams;  ///< [m, m]: one, or one for each group
  balance::Vector sums;                ///< [m]: of absorb()'s, over all parameters in order
};

/// Weights [m] for each Gram of the step (one set where it has none), and notes for people, which
/// name the tasks. To be shown once, with the step.
struct BalanceResult {
  std::vector<balance::Vector> weights;
  std::vector<std::string> notes;
};

/// One parameter's gradients, or a span of them: see rows.h.
template <class T>
struct BalanceRows {
  std::string name;       ///< the parameter's, which keys its noise
  uint64_t first = 0;     ///< where in it the span begins
  balance::Rows<T> g;     ///< [m]
  balance::Rows<T> kept;  ///< [m] where kept(): the same tasks' rows of state
};

class Balance {
 public:
  enum class Needs : uint8_t { losses, gram, rows };
  using Groups = GramGroups;

  Balance(std::string name, BalanceOptions options)
      : options_(std::move(options)), name_(std::move(name)) {}
  virtual ~Balance() = default;

  const std::string& name() const { return name_; }
  const std::vector<std::string>& tasks() const { return options_.tasks; }
  /// In a sentence, with the values of its options.
  virtual std::string describe() const = 0;
  virtual Needs needs() const = 0;
  virtual Groups groups() const { return Groups::whole; }
  /// Whether one Gram of all that is shared is enough, so that no gradient has to be kept.
  bool needs_one_gram() const { return needs() == Needs::gram && groups() == Groups::whole; }
  /// Grams are J_1 J_2' of two batches that know nothing of each other, and not symmetric.
  virtual bool two_batches() const { return false; }
  /// Whether d comes from combine() and not from weights.
  virtual bool elementwise() const { return false; }
  /// Whether the caller has to keep a row for each task and parameter, zeros at first, which are
  /// saved with the run as an optimizer's moments are.
  virtual bool kept() const { return false; }
  /// Whether a step's weights come of what was learned before it, so that nobody has to wait for its
  /// losses: weights() then takes a step without them, and learn() one with them, behind it.
  virtual bool foresees() const { return false; }
  /// Whether the caller has to call losses_after().
  virtual bool looks_back() const { return false; }

  /// Throws NumericError, naming the task, where a loss or a Gram is not finite; Error where sizes
  /// do not fit. What it gives is finite, always.
  BalanceResult weights(const BalanceStep& step);
  /// Where foresees(): the losses of the step that had the last weights; notes for people. Throws as
  /// weights() does.
  std::vector<std::string> learn(const BalanceStep& step);

  /// Needs rows: what the step's gradients of one parameter add to step.sums, [m].
  virtual balance::Vector absorb(const BalanceStep&, const BalanceRows<float>&) { return {}; }
  virtual balance::Vector absorb(const BalanceStep&, const BalanceRows<double>&) { return {}; }
  /// Where elementwise: d's elements.
  virtual void combine(const BalanceStep&, const BalanceRows<float>&, std::span<float>) const {}
  virtual void combine(const BalanceStep&, const BalanceRows<double>&, std::span<double>) const {}
  /// Where looks_back: losses of the same batch and tasks as `step`, after the parameters moved.
  virtual void losses_after(const BalanceStep&, const balance::Vector&) {}

  /// Named vectors, of sizes that follow from the options (and the number of groups, after the
  /// first step). load_state throws DataError, naming `source`, where they are not this method's.
  using State = std::vector<std::pair<std::string, balance::Vector>>;
  State state();
  void load_state(const State& state, const std::string& source);

 protected:
  virtual std::vector<balance::Weights> compute(const BalanceStep& step) = 0;
  /// learn()'s; adds what is odd to the notes.
  virtual void absorb_losses(const BalanceStep&, std::vector<balance::Note>&) {}
  /// What the method remembers.
  virtual std::vector<std::pair<std::string, balance::Vector*>> fields() { return {}; }
  /// Whether a field may have another size than now: it grows with the groups.
  virtual bool grows() const { return false; }

  size_t count() const { return options_.tasks.size(); }
  const BalanceOptions options_;

 private:
  void check(const BalanceStep& step) const;
  std::string sentence(const balance::Note& note, const std::vector<size_t>& tasks) const;
  std::string name_;
};

/// Throws ConfigError where options do not fit.
std::unique_ptr<Balance> make_balance(BalanceMethod method, const BalanceOptions& options);

}  // namespace weft
