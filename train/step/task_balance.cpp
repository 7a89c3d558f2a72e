// TaskBalance: one step's course, and what is remembered; rows are in task_balance_rows.cpp.
#include "train/step/task_balance.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "engine/device.h"
#include "engine/glob.h"
#include "ops/pointwise.h"
#include "train/run_file/balance.h"
#include "train/step/task_balance_step.h"

namespace weft {
namespace {

/// sum_i factors[i] lambda_i L_i + what the way of sharing adds.
Var weighted_sum(const PresentTasks& now, const StepOutputs& out,
                 const std::vector<double>& factors) {
  std::optional<Var> sum;
  for (size_t i = 0; i < now.tasks.size(); ++i) {
    const Var term = scale(now.losses[i], now.lambdas[i] * factors[i]);
    sum = sum ? *sum + term : term;
  }
  return out.regulariser ? *sum + *out.regulariser : *sum;
}

}  // namespace

TaskBalance::TaskBalance(const RunFile& run, const AnyContext& context)
    : run_(run), context_(context), method_(make_method(run)), weighting_(make_weighting(run)) {}

bool TaskBalance::wanted(const RunFile& run) { return balances(run) || run.balance.watch > 0; }

bool TaskBalance::watched(const StepInputs& in) const {
  return run_.balance.watch > 0 && (in.step + 1) % run_.balance.watch == 0;
}

bool TaskBalance::acts(const StepInputs& in) const {
  const bool weights = in.phase != Phase::policy && in.phase != Phase::infer;
  return weights && (balances(run_) || watched(in));
}

bool TaskBalance::looks_back() const {
  return asked_ && (method_->looks_back() || (weighting_ && weighting_->looks_back()));
}

/// The tasks with a label and a weight, and their losses on the host.
PresentTasks TaskBalance::present(const StepInputs& in, const StepOutputs& out,
                                  int64_t epoch) const {
  PresentTasks now{{in.seed, in.step}, epoch, in.phase, watched(in), {}, {}, {}, {}};
  std::vector<Tensor> values;
  for (size_t k = 0; k < out.losses.size(); ++k) {
    if (!out.losses[k] || run_.tasks[k].weight == 0) continue;
    now.tasks.push_back(k);
    now.losses.push_back(*out.losses[k]);
    now.lambdas.push_back(run_.tasks[k].weight);
    values.push_back(fetch_later(context_, out.losses[k]->value()));
  }
  synchronize(context_);
  for (size_t i = 0; i < values.size(); ++i)
    now.values.push_back(now.lambdas[i] * values[i].item());
  return now;
}

/// What tasks share in this pass, in the order of its first use.
std::vector<Parameter*> TaskBalance::shared_of(const StepOutputs& out) const {
  std::vector<Parameter*> all = shared_parameters(out.predictions);
  const auto& patterns = run_.balance.shared;
  if (patterns.empty() || all.empty()) return all;
  std::vector<Parameter*> some;
  for (Parameter* p : all)
    if (std::any_of(patterns.begin(), patterns.end(),
                    [&](const std::string& pattern) { return matches(pattern, p->name); }))
      some.push_back(p);
  if (some.empty())
    throw ConfigError(fmt::format(
        "{}: 'balance.shared' names none of the parameters that tasks share, which are {} to {}",
        run_.place("balance.shared"), all.front()->name, all.back()->name));
  return some;
}

/// One line a stage of the run: what is weighed how, and what of the network that is about.
void TaskBalance::tell(const PresentTasks& now, const std::vector<Parameter*>* shared) {
  if (told_ == now.phase) return;
  told_ = now.phase;
  std::string line = fmt::format("balance of {} steps: ", name_of(now.phase));
  if (weighting_) line += weighting_->describe() + "; then ";
  line += method_->describe();
  if (shared == nullptr) {
    line += "; of the losses alone";
  } else if (shared->empty()) {
    line += "; tasks share no parameter here, so there is nothing to weigh";
  } else {
    int64_t numbers = 0;
    std::vector<std::string> stages;
    for (const Parameter* p : *shared) {
      numbers += p->value.numel();
      const std::string stage = stage_of(p->name);
      if (std::find(stages.begin(), stages.end(), stage) == stages.end()) stages.push_back(stage);
    }
    line += fmt::format("; tasks share {} parameters ({} numbers) of {}", shared->size(), numbers,
                        fmt::join(stages, ", "));
  }
  notes_.push_back(line);
}

BalanceStep TaskBalance::step_of(const PresentTasks& now,
                                 const std::vector<double>& factors) const {
  BalanceStep step;
  step.noise = now.noise;
  step.epoch = now.epoch;
  step.tasks = now.tasks;
  for (size_t i = 0; i < now.values.size(); ++i) step.losses.push_back(now.values[i] * factors[i]);
  return step;
}

std::vector<balance::Vector> TaskBalance::ask(Balance& method, const BalanceStep& step) {
  BalanceResult result = method.weights(step);
  notes_.insert(notes_.end(), result.notes.begin(), result.notes.end());
  return std::move(result.weights);
}

void TaskBalance::backward(Tape& tape, Model& model, const StepInputs& in, const StepOutputs& out,
                           int64_t epoch) {
  asked_ = false;
  record_.reset();
  kept_new_ = kept_;
  before_ = state();
  if (!out.total) return;
  const PresentTasks now = present(in, out, epoch);
  if (now.tasks.empty() || !balance::finite(now.values)) return tape.backward(*out.total);
  const bool of_gradients = method_->needs() != Balance::Needs::losses;
  if (of_gradients) return this->of_gradients(tape, model, out, now);
  const std::vector<double> ones(now.tasks.size(), 1.0);
  method_step_ = step_of(now, ones);
  std::vector<double> w = ones;
  if (balances(run_)) {
    asked_ = true;
    tell(now, nullptr);
    w = ask(*method_, method_step_)[0];
  }
  const Var total = balances(run_) ? weighted_sum(now, out, w) : *out.total;
  tape.backward(total, {.stop_at = {}, .retain = now.watched});
  if (!now.watched) return;
  // A look on the side: the step's gradients are put away meanwhile, so that it leaves no trace.
  std::vector<Tensor> own;
  for (Parameter& p : model.store().parameters()) own.push_back(std::exchange(p.grad, {}));
  record_ = BalanceRecord{now.tasks, w, {}};
  if (const auto shared = shared_of(out); !shared.empty())
    record(per_task_gradients(now.scaled(ones, run_.tasks.size()), shared));
  size_t i = 0;
  for (Parameter& p : model.store().parameters()) p.grad = std::move(own[i++]);
}

void TaskBalance::of_gradients(Tape& tape, Model& model, const StepOutputs& out,
                               const PresentTasks& now) {
  const std::vector<Parameter*> shared = shared_of(out);
  tell(now, &shared);
  std::vector<double> v(now.tasks.size(), 1.0);
  asked_ = true;
  if (weighting_) {
    weighting_step_ = step_of(now, v);
    v = ask(*weighting_, weighting_step_)[0];
  }
  if (now.watched) record_ = BalanceRecord{now.tasks, v, {}};
  method_step_ = step_of(now, v);
  if (shared.empty()) {
    asked_ = weighting_ != nullptr;
    return tape.backward(weighted_sum(now, out, v));
  }
  if (out.regulariser) tape.backward(*out.regulariser, {.stop_at = {}, .retain = true});
  TaskGradients g = per_task_gradients(now.scaled(v, run_.tasks.size()), shared,
                                       {.keep = run_.balance.keep_gradients});
  if (now.watched) record(g);
  if (method_->needs() == Balance::Needs::gram)
    by_gram(g, model, v);
  else
    by_rows(g, v);
}

/// d = sum_i w_i g_i, w of the Gram matrix, or of one for each group.
void TaskBalance::by_gram(TaskGradients& g, Model& model, const std::vector<double>& v) {
  const size_t m = method_step_.tasks.size();
  const auto gram_of = [&](const std::vector<Parameter*>& group) {
    return balance::Matrix(m, group.empty() ? balance::Vector(m * m, 0.0) : g.gram(group));
  };
  // Groups are all of the network that may be shared, so that their number, and with it the
  // method's state, is the same in every step: what is not shared in this one has a Gram of zeros.
  std::vector<std::vector<Parameter*>> groups;
  if (method_->groups() == Balance::Groups::whole) {
    groups = {g.shared()};
  } else {
    std::vector<Parameter*> all;
    for (Parameter& p : model.store().parameters())
      if (const Part part = model.store().part_of(p); part != Part::head && part != Part::policy)
        all.push_back(&p);
    groups = layers_of(all);
    if (method_->groups() == Balance::Groups::matrix) {
      groups.clear();
      for (Parameter* p : all) groups.push_back({p});
    }
    for (auto& group : groups) keep_shared(group, g.shared());
  }
  for (const auto& group : groups) method_step_.grams.push_back(gram_of(group));
  for (const balance::Matrix& gram : method_step_.grams)
    if (!balance::finite(gram.values)) {  // the verdict on the gradients finds where
      asked_ = false;
      return g.combine(std::vector<double>(m, 1.0));
    }
  const std::vector<balance::Vector> w = ask(*method_, method_step_);
  if (groups.size() == 1 && method_->groups() == Balance::Groups::whole) {
    g.combine(w[0]);
    return note_weights(v, w[0]);
  }
  for (size_t i = 0; i < groups.size(); ++i) g.combine(w[i], groups[i]);
  if (record_) record_->weights.clear();
}

void TaskBalance::note_weights(const std::vector<double>& v, const std::vector<double>& w) {
  if (!record_) return;
  for (size_t i = 0; i < w.size(); ++i) record_->weights[i] = v[i] * w[i];
}

void TaskBalance::record(const TaskGradients& g) {
  const size_t m = g.tasks().size();
  const auto add = [&](const std::string& name, const std::vector<Parameter*>& group) {
    const balance::Matrix gram(m, g.gram(group));
    BalanceRecord::Stage stage{name, balance::norms(gram), balance::Vector(m * m, 0.0)};
    for (size_t i = 0; i < m; ++i)
      for (size_t j = 0; j < m; ++j)
        if (const double size = stage.norms[i] * stage.norms[j]; size > 0)
          stage.cosines[i * m + j] = gram(i, j) / size;
    record_->stages.push_back(std::move(stage));
  };
  std::vector<std::string> names;
  std::map<std::string, std::vector<Parameter*>> members;
  for (Parameter* p : g.shared()) {
    const std::string name = stage_of(p->name);
    if (members[name].empty()) names.push_back(name);
    members[name].push_back(p);
  }
  for (const std::string& name : names) add(name, members[name]);
  add("all", g.shared());
}

void TaskBalance::losses_after(const std::vector<std::optional<double>>& losses) {
  const auto tell_method = [&](Balance& method, const BalanceStep& step) {
    if (!method.looks_back()) return;
    balance::Vector after;
    for (const size_t k : step.tasks)
      after.push_back(losses[k] ? run_.tasks[k].weight * *losses[k] : std::nan(""));
    if (balance::finite(after))
      method.losses_after(step, after);
    else
      notes_.push_back(method.name() + ": a loss after the step is no number: nothing is learned");
  };
  tell_method(*method_, method_step_);
  if (weighting_) tell_method(*weighting_, weighting_step_);
}

void TaskBalance::finish(bool taken) {
  if (taken) {
    kept_ = std::move(kept_new_);
  } else {
    load_state(before_, "the step before");
    asked_ = false;
  }
  kept_new_.clear();
}

Balance::State TaskBalance::state() const {
  Balance::State all;
  const auto add = [&](Balance& method, const std::string& prefix) {
    for (auto& [name, values] : method.state()) all.emplace_back(prefix + name, std::move(values));
  };
  add(*method_, "method.");
  if (weighting_) add(*weighting_, "weighting.");
  return all;
}

void TaskBalance::load_state(const Balance::State& state, const std::string& source) {
  const auto give = [&](Balance& method, const std::string& prefix) {
    Balance::State own;
    for (const auto& [name, values] : state)
      if (name.rfind(prefix, 0) == 0) own.emplace_back(name.substr(prefix.size()), values);
    method.load_state(own, source);
  };
  give(*method_, "method.");
  if (weighting_) give(*weighting_, "weighting.");
}

}  // namespace weft
