// What every method has in common: checks before and after, notes in words, state by name.
#include "models/balance/balance.h"

#include <algorithm>
#include <cmath>

#include "engine/error.h"

namespace weft {
void Balance::check(const BalanceStep& step) const {
  const size_t m = step.tasks.size();
  for (size_t i = 0; i < m; ++i)
    if (step.tasks[i] >= count() || (i > 0 && step.tasks[i] <= step.tasks[i - 1]))
      throw Error(fmt::format("balance: tasks present have to be ascending and below {}", count()));
  if (step.losses.size() != m && !(foresees() && step.losses.empty()))
    throw Error(fmt::format("balance: {} losses for {} tasks", step.losses.size(), m));
  for (size_t i = 0; i < step.losses.size(); ++i)
    if (!std::isfinite(step.losses[i]))
      throw NumericError(
          fmt::format("balance: the loss of '{}' is not finite", options_.tasks[step.tasks[i]]));
  if (needs() == Needs::gram && step.grams.empty())
    throw Error(fmt::format("balance: '{}' needs a Gram matrix", name_));
  if (groups() == Groups::whole && step.grams.size() > 1)
    throw Error(
        fmt::format("balance: '{}' takes one Gram matrix, not {}", name_, step.grams.size()));
  for (const balance::Matrix& gram : step.grams) {
    if (gram.n != m || gram.values.size() != m * m)
      throw Error(fmt::format("balance: a Gram matrix of {} rows for {} tasks", gram.n, m));
    for (size_t i = 0; i < m; ++i)
      for (size_t j = 0; j < m; ++j)
        if (!std::isfinite(gram(i, j)))
          throw NumericError(
              fmt::format("balance: the product of the gradients of '{}' and '{}' is "
                          "not finite",
                          options_.tasks[step.tasks[i]], options_.tasks[step.tasks[j]]));
  }
}

std::string Balance::sentence(const balance::Note& note, const std::vector<size_t>& tasks) const {
  std::string names;
  for (const size_t i : note.tasks) names += (names.empty() ? "" : ", ") + options_.tasks[tasks[i]];
  return fmt::format("{}: {}{}", name_, names.empty() ? "" : names + ": ", note.text);
}

BalanceResult Balance::weights(const BalanceStep& step) {
  BalanceResult out;
  if (step.tasks.empty()) {
    out.weights.resize(std::max<size_t>(step.grams.size(), 1));
    return out;
  }
  check(step);
  std::vector<balance::Weights> all = compute(step);
  for (size_t g = 0; g < all.size(); ++g) {
    balance::Weights& found = all[g];
    const balance::Vector& w = found.w;
    if (!balance::finite(w)) {
      found.w = balance::mean_weights(w.size());
      found.notes.push_back({"the weights overflow: equal ones instead", {}});
    } else if (std::all_of(w.begin(), w.end(), [](double x) { return x == 0; })) {
      found.notes.push_back({"all weights are 0: nothing moves", {}});
    } else if (g < step.grams.size() && !two_batches()) {
      const balance::Vector size = balance::norms(step.grams[g]);
      double longest = 0;
      for (size_t i = 0; i < w.size(); ++i) longest += std::abs(w[i]) * size[i];
      if (balance::quadratic(step.grams[g], w) <= 1e-24 * longest * longest)
        found.notes.push_back({"the weighted gradients cancel: nothing moves", {}});
    }
    for (const balance::Note& note : found.notes) {
      const std::string text = sentence(note, step.tasks);
      if (std::find(out.notes.begin(), out.notes.end(), text) == out.notes.end())
        out.notes.push_back(text);
    }
    out.weights.push_back(std::move(found.w));
  }
  return out;
}

std::vector<std::string> Balance::learn(const BalanceStep& step) {
  if (step.losses.size() != step.tasks.size())
    throw Error(fmt::format("balance: {} losses of {} tasks to learn from", step.losses.size(),
                            step.tasks.size()));
  check(step);
  std::vector<balance::Note> notes;
  absorb_losses(step, notes);
  std::vector<std::string> out;
  for (const balance::Note& note : notes) out.push_back(sentence(note, step.tasks));
  return out;
}

Balance::State Balance::state() {
  State out;
  for (const auto& [name, values] : fields()) out.emplace_back(name, *values);
  return out;
}

void Balance::load_state(const State& state, const std::string& source) {
  const auto own = fields();
  const auto fail = [&](const std::string& what) {
    throw DataError(fmt::format("{}: the state of balance = '{}' {}", source, name_, what));
  };
  if (state.size() != own.size())
    fail(fmt::format("has {} parts, not {}", own.size(), state.size()));
  for (size_t i = 0; i < own.size(); ++i) {
    const auto& [name, values] = state[i];
    if (name != own[i].first) fail(fmt::format("has '{}' where '{}' is", own[i].first, name));
    if (values.size() != own[i].second->size() && !grows())
      fail(fmt::format("has {} numbers in '{}', not {}", own[i].second->size(), name,
                       values.size()));
    if (!balance::finite(values))
      fail(fmt::format("has only numbers in '{}', not NaN or infinity", name));
  }
  for (size_t i = 0; i < own.size(); ++i) *own[i].second = state[i].second;
}

}  // namespace weft
