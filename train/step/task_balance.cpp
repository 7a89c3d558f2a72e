// TaskBalance: one step's course, and what is remembered; rows are in task_balance_rows.cpp.
#include "train/step/task_balance.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "engine/device.h"
#include "engine/glob.h"
#include "engine/ranks.h"
#include "models/sharing/way.h"
#include "ops/pointwise.h"
#include "train/run_file/balance.h"
#include "train/step/over_ranks.h"
#include "train/step/task_balance_step.h"

namespace weft {
namespace {

/// Their sum, and what the way of sharing adds.
Var total_of(const std::vector<std::optional<Var>>& losses, const StepOutputs& out) {
  std::optional<Var> sum = out.regulariser;
  for (const auto& loss : losses)
    if (loss) sum = sum ? *loss + *sum : *loss;
  return *sum;
}

bool may_be_shared(Part part) { return part != Part::head && part != Part::policy; }

/// Squares of gradients that are numbers may be none.
bool all_finite_in(const BalanceRecord& record) {
  return balance::finite(record.weights) &&
         std::all_of(record.stages.begin(), record.stages.end(), [](const auto& stage) {
           return balance::finite(stage.norms) && balance::finite(stage.cosines);
         });
}

}  // namespace

TaskBalance::TaskBalance(const RunFile& run, const AnyContext& context)
    : run_(run), context_(context), method_(make_method(run)), weighting_(make_weighting(run)) {}

bool TaskBalance::wanted(const RunFile& run) { return balances(run) || run.balance.watch > 0; }

bool TaskBalance::watches(const StepInputs& in) const {
  return run_.balance.watch > 0 && (in.step + 1) % run_.balance.watch == 0;
}

bool TaskBalance::acts(const StepInputs& in) const {
  const bool weights = in.phase != Phase::policy && in.phase != Phase::infer;
  return weights && (balances(run_) || watches(in));
}

bool TaskBalance::weighs_losses() const {
  return weighting_ != nullptr || (balances(run_) && !of_gradients());
}

bool TaskBalance::looks_back() const {
  return asked_ && (method_->looks_back() || (weighting_ && weighting_->looks_back()));
}

void TaskBalance::forget() {
  asked_ = false;
  record_.reset();
  gradients_.reset();
  kept_new_.clear();
  now_ = {};
}

void TaskBalance::see(const StepInputs& in, const StepOutputs& out, int64_t epoch) {
  forget();
  now_ = {{in.seed, in.step}, epoch, in.phase, watches(in), {}, {}, {}, {}, {}};
  for (size_t k = 0; k < out.losses.size(); ++k) {
    if (!out.losses[k] || run_.tasks[k].weight == 0) continue;
    now_.tasks.push_back(k);
    now_.losses.push_back(*out.losses[k]);
    now_.lambdas.push_back(run_.tasks[k].weight);
  }
  factors_.assign(now_.tasks.size(), 1.0);
  if (weighs_losses() && !weights_.defined() && !now_.losses.empty())
    weights_ = Tensor::empty({static_cast<int64_t>(run_.tasks.size())}, now_.losses[0].dtype(),
                             memory_of(context_));
}

void TaskBalance::fetch() {
  for (const Var& loss : now_.losses) now_.fetched.push_back(fetch_later(context_, loss.value()));
}

/// Behind a wait for the device.
void TaskBalance::read_losses() {
  now_.values.clear();
  for (size_t i = 0; i < now_.fetched.size(); ++i)
    now_.values.push_back(now_.lambdas[i] * now_.fetched[i].item());
}

void TaskBalance::weigh() {
  kept_new_ = kept_;
  before_ = state();
  if (now_.tasks.empty()) return;
  synchronize(context_);
  read_losses();
  if (balance::finite(now_.values)) {
    asked_ = true;
    BalanceStep& step = weighting_ ? weighting_step_ : method_step_;
    step = step_of(factors_);
    factors_ = ask(weighting_ ? *weighting_ : *method_, step)[0];
  }
  // As arguments of kernels, which need neither a copy nor a wait.
  for (size_t i = 0; i < now_.tasks.size(); ++i)
    std::visit(
        [&](auto* ctx) {
          ctx->fill(weights_.rows(static_cast<int64_t>(now_.tasks[i]), 1),
                    now_.lambdas[i] * factors_[i]);
        },
        context_);
}

/// What tasks share in this pass, in the order of its first use.
std::vector<Parameter*> TaskBalance::shared_of(Model& model, const StepOutputs& out) const {
  std::vector<Parameter*> all = shared_parameters(out.predictions);
  const auto& patterns = run_.balance.shared;
  if (patterns.empty() || all.empty()) return all;
  const auto named = [&](const Parameter& p) {
    return std::any_of(patterns.begin(), patterns.end(),
                       [&](const std::string& pattern) { return matches(pattern, p.name); });
  };
  std::vector<Parameter*> some;
  for (Parameter* p : all)
    if (named(*p)) some.push_back(p);
  // What is named may be frozen in this step, or off every route of it.
  const auto& own = model.store().parameters();
  if (some.empty() && std::none_of(own.begin(), own.end(), [&](const Parameter& p) {
        return may_be_shared(model.store().part_of(p)) && named(p);
      }))
    throw ConfigError(fmt::format(
        "{}: 'balance.shared' names none of the parameters that tasks share, which are {} to {}",
        run_.place("balance.shared"), all.front()->name, all.back()->name));
  return some;
}

/// One line a stage of the run: what is weighed how, and what of the network that is about.
void TaskBalance::tell(const std::vector<Parameter*>* shared) {
  if (told_ == now_.phase) return;
  told_ = now_.phase;
  std::string line = fmt::format("balance of {} steps: ", name_of(now_.phase));
  if (weighting_) line += weighting_->describe() + "; then ";
  line += method_->describe();
  if (shared == nullptr) {
    line += "; of the losses alone";
  } else if (way_of(run_.sharing).phased) {
    line += "; what tasks share changes with the run's own phases and its routes";
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

BalanceStep TaskBalance::step_of(const std::vector<double>& factors) const {
  BalanceStep step;
  step.noise = now_.noise;
  step.epoch = now_.epoch;
  step.tasks = now_.tasks;
  for (size_t i = 0; i < now_.values.size(); ++i)
    step.losses.push_back(now_.values[i] * factors[i]);
  return step;
}

std::vector<balance::Vector> TaskBalance::ask(Balance& method, const BalanceStep& step) {
  BalanceResult result = method.weights(step);
  notes_.insert(notes_.end(), result.notes.begin(), result.notes.end());
  return std::move(result.weights);
}

void TaskBalance::backward(Tape& tape, Model& model, const StepInputs& in, const StepOutputs& out,
                           int64_t epoch) {
  see(in, out, epoch);
  fetch();
  if (weighs_losses()) weigh();
  differentiate(tape, model, out);
  combine(model);
}

/// By task, of all tasks: what is differentiated for those present.
std::vector<std::optional<Var>> TaskBalance::weighed(Tape& tape) const {
  std::vector<std::optional<Var>> out(run_.tasks.size());
  for (size_t i = 0; i < now_.tasks.size(); ++i) {
    const size_t k = now_.tasks[i];
    const Var& loss = now_.losses[i];
    out[k] =
        weighs_losses()
            ? loss * tape.constant(weights_.rows(static_cast<int64_t>(k), 1).reshaped(loss.shape()))
            : scale(loss, now_.lambdas[i]);
  }
  return out;
}

void TaskBalance::differentiate(Tape& tape, Model& model, const StepOutputs& out) {
  if (!out.total) return;
  if (now_.tasks.empty()) return tape.backward(*out.total);
  if (!of_gradients()) {
    if (balances(run_)) tell(nullptr);
    const Var total = balances(run_) ? total_of(weighed(tape), out) : *out.total;
    tape.backward(total, {.stop_at = {}, .retain = now_.watched});
    if (now_.watched) watch_plain(model, out);
    return;
  }
  const std::vector<Parameter*> shared = shared_of(model, out);
  tell(&shared);
  if (shared.empty()) return tape.backward(total_of(weighed(tape), out));
  if (out.regulariser) tape.backward(*out.regulariser, {.stop_at = {}, .retain = true});
  const bool keep = run_.balance.keep_gradients || !current_ranks().alone();
  gradients_ = per_task_gradients(weighed(tape), shared, {.keep = keep});
  average_over_ranks(context_, *gradients_);
  gradients_->measure_gram();
}

/// A look on the side: the step's gradients are put away meanwhile, so that it leaves no trace.
void TaskBalance::watch_plain(Model& model, const StepOutputs& out) {
  std::vector<Tensor> own;
  for (Parameter& p : model.store().parameters()) own.push_back(std::exchange(p.grad, {}));
  record_ = BalanceRecord{now_.tasks, factors_, {}};
  std::vector<std::optional<Var>> losses(run_.tasks.size());
  for (size_t i = 0; i < now_.tasks.size(); ++i)
    losses[now_.tasks[i]] = scale(now_.losses[i], now_.lambdas[i]);
  if (const auto shared = shared_of(model, out); !shared.empty()) {
    TaskGradients gradients = per_task_gradients(losses, shared);
    average_over_ranks(context_, gradients);
    record(gradients);
  }
  size_t i = 0;
  for (Parameter& p : model.store().parameters()) p.grad = std::move(own[i++]);
}

void TaskBalance::combine(Model& model) {
  if (!weighs_losses()) {
    kept_new_ = kept_;
    before_ = state();
  }
  if (gradients_) {
    const bool finite = balance::finite(gradients_->gram());  // waits; the losses are there, too
    read_losses();
    if (now_.watched) {
      record_ = BalanceRecord{now_.tasks, factors_, {}};
      record(*gradients_);
    }
    method_step_ = step_of(factors_);
    asked_ = finite && balance::finite(now_.values);
    if (!asked_)  // the verdict on the losses and the gradients finds where
      gradients_->combine(std::vector<double>(now_.tasks.size(), 1.0));
    else if (method_->needs() == Balance::Needs::gram)
      by_gram(model);
    else
      by_rows();
    gradients_.reset();
  }
  now_.losses.clear();
}

/// Groups are all of the network that may be shared, so that their number, and with it the method's
/// state, is the same in every step: what is not shared in this one has a Gram of zeros.
std::vector<std::vector<Parameter*>> TaskBalance::groups_of(Model& model) const {
  const std::vector<Parameter*>& shared = gradients_->shared();
  if (method_->groups() == Balance::Groups::whole) return {shared};
  std::vector<Parameter*> all;
  for (Parameter& p : model.store().parameters())
    if (may_be_shared(model.store().part_of(p))) all.push_back(&p);
  std::vector<std::vector<Parameter*>> groups = layers_of(all);
  if (method_->groups() == Balance::Groups::matrix) {
    groups.clear();
    for (Parameter* p : all) groups.push_back({p});
  }
  for (auto& group : groups) keep_shared(group, shared);
  return groups;
}

/// d = sum_i w_i g_i, w of the Gram matrix, or of one for each group.
void TaskBalance::by_gram(Model& model) {
  const size_t m = method_step_.tasks.size();
  const auto groups = groups_of(model);
  for (const auto& group : groups)
    method_step_.grams.emplace_back(
        m, group.empty() ? balance::Vector(m * m, 0.0) : gradients_->gram(group));
  const std::vector<balance::Vector> w = ask(*method_, method_step_);
  if (groups.size() == 1 && method_->groups() == Balance::Groups::whole) {
    gradients_->combine(w[0]);
    return note_weights(w[0]);
  }
  for (size_t i = 0; i < groups.size(); ++i) gradients_->combine(w[i], groups[i]);
  if (record_) record_->weights.clear();
}

void TaskBalance::note_weights(const std::vector<double>& w) {
  if (!record_) return;
  for (size_t i = 0; i < w.size(); ++i) record_->weights[i] = factors_[i] * w[i];
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
    record_.reset();
  }
  if (record_ && !all_finite_in(*record_)) {
    record_.reset();
    notes_.emplace_back(
        "balance.watch: the tasks' gradients are too large for their norms, or no numbers: this "
        "step has no line of balance.jsonl");
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
