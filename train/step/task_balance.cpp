// TaskBalance: one step's course, and what is remembered; weights of losses are in
// task_balance_losses.cpp, rows in task_balance_rows.cpp.
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

}  // namespace

TaskBalance::TaskBalance(const RunFile& run, const AnyContext& context)
    : run_(run), context_(context), method_(make_method(run)), weighting_(make_weighting(run)) {}

TaskBalance::~TaskBalance() {
  // A rank that has lost another breaks off in its first wait; only then the stream comes to an end.
  for (int tries = 0; tries < 2; ++tries) {
    try {
      synchronize(context_);
      return;
    } catch (...) {  // whoever needs the numbers hears of it
    }
  }
}

bool TaskBalance::wanted(const RunFile& run) { return balances(run) || run.balance.watch > 0; }

bool TaskBalance::watches(const StepInputs& in) const {
  return run_.balance.watch > 0 && (in.step + 1) % run_.balance.watch == 0;
}

bool TaskBalance::acts(const StepInputs& in) const {
  const bool weights = in.phase != Phase::policy && in.phase != Phase::infer;
  return weights && (balances(run_) || watches(in));
}

void TaskBalance::begin() {
  forget();
  if (foresees()) fork_beside(context_);
}

void TaskBalance::forget() {
  step_ = std::make_shared<BalancedStep>();
  gradients_.reset();
  kept_new_.clear();
}

void TaskBalance::see(const StepInputs& in, const StepOutputs& out, int64_t epoch) {
  forget();
  BalancedStep& step = *step_;
  step.noise = {in.seed, in.step};
  step.epoch = epoch;
  step.phase = in.phase;
  step.watched = watches(in);
  for (size_t k = 0; k < out.losses.size(); ++k) {
    if (!out.losses[k] || run_.tasks[k].weight == 0) continue;
    step.tasks.push_back(k);
    step.losses.push_back(*out.losses[k]);
    step.lambdas.push_back(run_.tasks[k].weight);
  }
  step.factors.assign(step.tasks.size(), 1.0);
  kept_new_ = kept_;
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
  if (told_ == step_->phase) return;
  told_ = step_->phase;
  std::string line = fmt::format("balance of {} steps: ", name_of(step_->phase));
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

std::vector<balance::Vector> TaskBalance::ask(BalancedStep& step, Balance& method,
                                              const BalanceStep& question) {
  BalanceResult result = method.weights(question);
  step.news.notes.insert(step.news.notes.end(), result.notes.begin(), result.notes.end());
  return std::move(result.weights);
}

void TaskBalance::backward(Tape& tape, Model& model, const StepInputs& in, const StepOutputs& out,
                           int64_t epoch) {
  see(in, out, epoch);
  if (weighs_losses()) weigh();
  differentiate(tape, model, out);
  if (gradients_ && method_->needs() == Balance::Needs::gram) by_gram(model);
  step_->losses.clear();
}

void TaskBalance::differentiate(Tape& tape, Model& model, const StepOutputs& out) {
  if (!out.total) return;
  if (step_->tasks.empty()) return tape.backward(*out.total);
  if (!of_gradients()) {
    if (balances(run_)) tell(nullptr);
    back_from(tape, balances(run_) ? total_of(weighed(tape), out) : *out.total);
    if (step_->watched) watch_plain(model, out);
    return;
  }
  const std::vector<Parameter*> shared = shared_of(model, out);
  tell(&shared);
  if (shared.empty()) return back_from(tape, total_of(weighed(tape), out));
  if (out.regulariser) tape.backward(*out.regulariser, {.stop_at = {}, .retain = true});
  if (!weighs_losses() || foresees()) fetch_losses();
  const bool keep = run_.balance.keep_gradients || !current_ranks().alone();
  gradients_ = per_task_gradients(weighed(tape), shared, {.keep = keep});
  average_over_ranks(context_, *gradients_);
}

/// A look on the side, which waits: the step's gradients are put away meanwhile, so that it leaves no
/// trace.
void TaskBalance::watch_plain(Model& model, const StepOutputs& out) {
  std::vector<Tensor> own;
  for (Parameter& p : model.store().parameters()) own.push_back(std::exchange(p.grad, {}));
  std::vector<std::optional<Var>> losses(run_.tasks.size());
  for (size_t i = 0; i < step_->tasks.size(); ++i)
    losses[step_->tasks[i]] = scale(step_->losses[i], step_->lambdas[i]);
  std::vector<BalanceRecord::Stage> stages;
  if (const auto shared = shared_of(model, out); !shared.empty()) {
    TaskGradients gradients = per_task_gradients(losses, shared);
    average_over_ranks(context_, gradients);
    const ParameterGrams grams = gradients.grams_later();
    synchronize(context_);
    stages = conflict_of(step_->tasks.size(), grams, shared);
  }
  synchronize(context_);  // the factors are there
  step_->news.record = BalanceRecord{step_->tasks, step_->factors, std::move(stages)};
  drop_bad_record(step_->news);
  size_t i = 0;
  for (Parameter& p : model.store().parameters()) p.grad = std::move(own[i++]);
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

/// What a step on gradients begins with, once the losses and Grams are on the host. False: they are no
/// numbers, and no method is asked.
bool TaskBalance::begin_gradients(BalancedStep& step, const ParameterGrams& grams,
                                  const std::vector<Parameter*>& shared) const {
  if (!weighs_losses()) step.before = own_state();
  read_losses(step);
  if (foresees()) learn(step);
  if (step.watched)
    step.news.record =
        BalanceRecord{step.tasks, step.factors, conflict_of(step.tasks.size(), grams, shared)};
  step.method = question(step);
  step.asked = balance::finite(grams.sum(shared)) && balance::finite(step.method.losses);
  return step.asked;
}

/// w of the Gram matrix, or of one for each group. All 1 where no method is asked: the verdict on the
/// losses and the gradients finds where.
std::vector<balance::Vector> TaskBalance::weights_of(
    BalancedStep& step, const ParameterGrams& grams, const std::vector<Parameter*>& shared,
    const std::vector<std::vector<Parameter*>>& groups) {
  const size_t m = step.tasks.size();
  std::vector<balance::Vector> w(groups.size(), balance::Vector(m, 1.0));
  if (begin_gradients(step, grams, shared)) {
    for (const auto& group : groups) step.method.grams.emplace_back(m, grams.sum(group));
    w = ask(step, *method_, step.method);
    if (method_->groups() == Balance::Groups::whole)
      note_weights(step, w[0]);
    else if (step.news.record)
      step.news.record->weights.clear();
  }
  return w;
}

/// d = sum_i w_i g_i, all of it queued.
void TaskBalance::by_gram(Model& model) {
  const ParameterGrams grams = gradients_->grams_later();
  const auto groups = groups_of(model);
  const Shape shape{static_cast<int64_t>(groups.size()), static_cast<int64_t>(step_->tasks.size())};
  const Tensor host = host_room(context_, shape, DType::f64);
  call_in_order(context_, [this, step = step_, grams, groups, shared = gradients_->shared(), host] {
    std::vector<double> rows;
    for (const auto& w : weights_of(*step, grams, shared, groups))
      rows.insert(rows.end(), w.begin(), w.end());
    write_numbers(host, rows);
    drop_bad_record(step->news);
  });
  const Tensor weights = Tensor::empty(shape, DType::f64, memory_of(context_));
  copy_in_order(context_, weights, host);
  gradients_->combine(weights, groups);
  gradients_.reset();
}

void TaskBalance::complete() {
  if (!gradients_) return;
  const ParameterGrams grams = gradients_->grams_later();
  synchronize(context_);
  const std::vector<Parameter*>& shared = gradients_->shared();
  if (begin_gradients(*step_, grams, shared))
    by_rows();
  else
    gradients_->combine(std::vector<double>(step_->tasks.size(), 1.0));
  drop_bad_record(step_->news);
  gradients_.reset();
}

bool TaskBalance::looks_back() const {
  return taken_ && !step_->tasks.empty() &&
         (method_->looks_back() || (weighting_ && weighting_->looks_back()));
}

void TaskBalance::losses_after(const std::vector<Tensor>& losses) {
  std::vector<Tensor> host;
  for (const size_t k : step_->tasks)
    host.push_back(losses[k].defined() ? on_its_way(context_, losses[k]) : Tensor());
  const auto tell_method = [](BalancedStep& step, Balance& method, const BalanceStep& asked,
                              const balance::Vector& after) {
    if (!method.looks_back()) return;
    if (balance::finite(after))
      method.losses_after(asked, after);
    else
      step.news.notes.push_back(method.name() +
                                ": a loss after the step is no number: nothing is learned");
  };
  call_in_order(context_, [this, step = step_, host, tell_method] {
    if (!step->asked) return;
    balance::Vector after;
    for (size_t i = 0; i < host.size(); ++i)
      after.push_back(host[i].defined() ? step->lambdas[i] * host[i].item() : std::nan(""));
    tell_method(*step, *method_, step->method, after);
    if (weighting_) tell_method(*step, *weighting_, step->weighting, after);
  });
}

void TaskBalance::finish(bool taken) {
  taken_ = taken;
  if (taken) {
    kept_ = std::move(kept_new_);
  } else {  // which the host has waited to know
    if (step_->before) load_state(*step_->before, "the step before");
    step_->news.record.reset();
    std::erase(step_->news.notes, bad_record);
  }
  kept_new_.clear();
}

Balance::State TaskBalance::state() const {
  synchronize(context_);
  return own_state();
}

Balance::State TaskBalance::own_state() const {
  Balance::State all;
  const auto add = [&](Balance& method, const std::string& prefix) {
    for (auto& [name, values] : method.state()) all.emplace_back(prefix + name, std::move(values));
  };
  add(*method_, "method.");
  if (weighting_) add(*weighting_, "weighting.");
  return all;
}

void TaskBalance::load_state(const Balance::State& state, const std::string& source) {
  synchronize(context_);
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
