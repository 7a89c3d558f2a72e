// Trainer: one step at a time, and what happens between stages.
#include "train/loop/trainer.h"

#include <cmath>
#include <utility>

#include "data/fingerprint.h"
#include "train/loop/preflight.h"
#include "train/run_folder/checkpoint.h"
#include "train/run_folder/kept.h"
#include "train/run_folder/pretrained.h"
#include "train/step/choose_policy.h"
#include "train/step/compat.h"
#include "train/step/schedule.h"

namespace weft {
namespace {

/// On a GPU, steps whose losses are fetched together: the host waits once, not once a step.
constexpr size_t most_pending = 16;

constexpr const char* part_names[] = {"train", "weights", "retrain", ""};

Phase phase_of(Stage stage) {
  return stage == Stage::warmup    ? Phase::warmup
         : stage == Stage::retrain ? Phase::retrain
                                   : Phase::infer;
}

/// What a forward pass counts on the host: batches that running statistics have seen.
class Counters {
 public:
  explicit Counters(ParameterStore& store) : store_(store) {
    for (const NamedStats& s : store_.stats()) counts_.push_back(s.stats.num_batches_tracked);
  }
  void restore() const {
    size_t i = 0;
    for (NamedStats& s : store_.stats()) s.stats.num_batches_tracked = counts_[i++];
  }

 private:
  ParameterStore& store_;
  std::vector<int64_t> counts_;
};

}  // namespace

Trainer::Trainer(RunFile run, const Dataset& data, AnyContext context, TrainObserver* observer,
                 Begin begin)
    : run_(std::move(run)),
      data_(data),
      context_(context),
      observer_(observer),
      parts_(make_parts(data, run_.semantics, run_.policy.data_share)),
      model_(planned_model(context, run_, data, parts_)),
      clock_(search_clock()),
      finite_(context) {
  // A set may bring class weights of its own (Taskonomy's prior factor); the run file's win.
  for (size_t k = 0; k < run_.tasks.size(); ++k)
    if (run_.tasks[k].class_weights.empty()) run_.tasks[k].class_weights = data.class_weights(k);
  if (begin == Begin::resumed) return;
  check_search(run_, *model_, clock_);
  for (const std::string& line : plan_notes(run_, data, parts_, *model_, clock_))
    say("plan: " + line);
  if (!run_.model.init.empty()) say(take_pretrained(*model_));
  enter(searches(run_, model_->policy() != nullptr) ? Stage::warmup : Stage::retrain);
}

Trainer::~Trainer() = default;

void Trainer::start(const std::string& folder) {
  // The first batch comes first, so that broken data leave no half-made folder behind.
  if (loader_ != nullptr) next_batch_ = loader_->next();
  learned_ = learn_from(run_, data_);
  folder_.emplace(RunFolder::create(folder, print_run_file(run_)));
  try {
    for (const LearnedColumn& c : learned_.columns)
      if (!c.others.empty())
        say(fmt::format("column '{}': no training row has {}, which count as no category", c.name,
                        fmt::join(c.others, ", ")));
    const bool val_is_test = !parts_.val.empty() && parts_.val == parts_.test;
    for (const std::string& line : compat_notes(run_, val_is_test)) say(line);
    if (!state_.drawn.select.empty()) write_drawn();
  } catch (...) {
    folder_->discard();
    throw;
  }
  memory_of(context_).reset_peak();
}

std::vector<Optimizer*> Trainer::optimizers() const {
  std::vector<Optimizer*> out;
  for (auto* optimizer : {weights_optimizer_.get(), logits_optimizer_.get()})
    if (optimizer != nullptr) out.push_back(optimizer);
  return out;
}

int64_t Trainer::stage_steps(Stage stage) const { return weft::stage_steps(run_, stage); }

/// model.init's trunk into `model`; says what was taken.
std::string Trainer::take_pretrained(Model& model) const {
  const Taken taken = load_pretrained(run_.model.init, model, run_.model.init_partial);
  return fmt::format("{}: {} of {} tensors of the trunk taken", run_.model.init, taken.tensors,
                     taken.of);
}

/// Begins `stage`, or the first after it that has steps to do. A stop while the policy is drawn
/// leaves everything as it was before.
void Trainer::enter(Stage stage) {
  if (stage == Stage::warmup && stage_steps(stage) == 0) stage = Stage::search;
  if (stage == Stage::search && stage_steps(stage) == 0) stage = Stage::retrain;
  if (stage == Stage::retrain && model_->policy() && state_.drawn.select.empty()) draw_policy();
  if (stage == Stage::retrain && stage_steps(stage) == 0) stage = Stage::done;
  state_.stage = stage;
  state_.step = 0;
  if (stage == Stage::retrain && model_->policy() && run_.retrain.init == "random") {
    // From scratch, but the record of what was learned stays in the checkpoint.
    auto fresh = make_model(context_, run_);
    if (!run_.model.init.empty()) take_pretrained(*fresh);
    for (size_t k = 0; k < run_.tasks.size(); ++k)
      fresh->policy()->set_logits(k, model_->policy()->host_logits(k));
    model_ = std::move(fresh);
  }
  open_loaders();
}

/// Loaders and optimizers of the current stage, positioned at the current step.
void Trainer::open_loaders() {
  loader_.reset();
  policy_loader_.reset();
  weights_optimizer_.reset();
  logits_optimizer_.reset();
  if (state_.stage == Stage::done) return;
  const std::string part = part_names[static_cast<int>(state_.stage)];
  if (state_.stage == Stage::search) {
    if (parts_.weights.empty() || parts_.policy.empty())
      throw DataError(
          "data: the training set is too small to divide into a weights part and a policy part");
    const SearchClock at = clock();
    loader_ = std::make_unique<Loader>(
        data_, parts_.weights,
        train_loader_options(run_, data_, part, at.weight_cursor(state_.step)));
    policy_loader_ = std::make_unique<Loader>(
        data_, parts_.policy,
        train_loader_options(run_, data_, "policy", at.policy_cursor(state_.step)));
    weights_optimizer_ = make_optimizer(context_, *model_, run_, Phase::weights);
    logits_optimizer_ = make_optimizer(context_, *model_, run_, Phase::policy);
    return;
  }
  loader_ = std::make_unique<Loader>(data_, parts_.train,
                                     train_loader_options(run_, data_, part, state_.step));
  weights_optimizer_ = make_optimizer(context_, *model_, run_, phase_of(state_.stage));
}

SearchClock Trainer::search_clock() const {
  if (model_->policy() == nullptr) return {1, 1};  // it never searches
  // 0 in the run file: once over the part, as the official code does.
  const auto once_over = [&](int64_t steps, const std::vector<int64_t>& part) {
    if (steps > 0 || part.empty()) return std::max<int64_t>(steps, 1);
    return plan_epoch(data_, part, train_loader_options(run_, data_, "search", 0)).batches;
  };
  return {once_over(run_.policy.weight_steps, parts_.weights),
          once_over(run_.policy.logit_steps, parts_.policy)};
}

Phase Trainer::current_phase() const {
  return state_.stage == Stage::search ? clock().phase(state_.step) : phase_of(state_.stage);
}

StepInputs Trainer::step_inputs(Phase phase) const {
  StepInputs in;
  in.phase = phase;
  in.seed = static_cast<uint64_t>(run_.seed);
  in.step = static_cast<uint32_t>(state_.total_step);
  if (state_.stage == Stage::search) {
    const int64_t epoch = clock().epoch(state_.step);
    in.temperature = SearchClock::temperature(run_.policy, epoch);
    in.active = model_->policy()->active(epoch, run_.policy.curriculum_speed);
  }
  if (!state_.drawn.select.empty()) in.drawn = &state_.drawn;
  return in;
}

bool Trainer::step() {
  finish_step();
  if (state_.stage == Stage::done) return false;
  const auto began = std::chrono::steady_clock::now();
  const Phase phase = current_phase();
  Loader& loader = phase == Phase::policy ? *policy_loader_ : *loader_;
  Optimizer& optimizer = phase == Phase::policy ? *logits_optimizer_ : *weights_optimizer_;
  const double waited_before = loader.waited_seconds();
  const Batch batch = next_batch_ ? std::move(*next_batch_) : loader.next();
  next_batch_.reset();
  measured_.waited += loader.waited_seconds() - waited_before;

  Pending pending{{state_.stage, phase, state_.step + 1, stage_steps(state_.stage), {}},
                  state_.total_step + 1,
                  batch.epoch,
                  0,
                  {}};
  pending.keys = batch.keys;
  try {
    set_trainable(*model_, phase);
    begin_judged();
    const Counters counters(model_->store());
    const StepOutputs out = differentiate(phase, batch);
    for (const auto& loss : out.losses)
      pending.losses.push_back(loss ? fetch_later(context_, loss->value()) : Tensor());
    const PhaseSpec& spec = phase_spec(run_, phase);
    if (out.total) {
      const double clip = phase == Phase::policy ? run_.policy.logits_clip_norm : spec.clip_norm;
      if (clip > 0) clip_grad_norm(context_, optimizer.parameters(), clip);
      if (probe_ != nullptr) probe_->differentiated();
    }
    if (!judge(pending, out, optimizer)) {
      counters.restore();
    } else if (out.total) {
      const bool constant = phase == Phase::policy;  // the official logits' rate never changes
      optimizer.step(constant ? 1.0 : schedule_factor(spec.schedule, state_.step, spec.steps),
                     finite_.verdict());
      if (phase == Phase::policy) model_->policy()->logits_changed();
    }
    if (probe_ != nullptr) probe_->after();
    model_->store().clear_gradients();
  } catch (const NumericError& e) {
    throw NumericError(fmt::format("{} step {} (run step {}): {}", name_of(phase), state_.step + 1,
                                   state_.total_step + 1, e.what()));
  }
  ++state_.step;
  ++state_.total_step;
  pending.seconds = seconds();
  pending_.push_back(std::move(pending));
  if (!is_asynchronous(context_) || pending_.size() == most_pending || at_evaluation() ||
      at_checkpoint())
    settle();
  measured_.seconds[static_cast<size_t>(state_.stage)] +=
      std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count();
  after_step();
  return true;
}

StepOutputs Trainer::differentiate(Phase phase, const Batch& batch) {
  StepInputs in = step_inputs(phase);
  in.targets = batch.targets;
  StepOutputs out;
  const Counters counters(model_->store());
  const auto forward_and_backward = [&] {
    // On a GPU this may be a second try (Repeated): nothing of the first is left.
    in.images = {};
    out = {};
    model_->store().clear_gradients();
    counters.restore();
    Tape tape(context_);
    tape.check_numbers(run_.debug);
    in.images = upload_images(tape, batch.images, *model_, run_);
    if (probe_ != nullptr) probe_->before(in, batch);
    out = compute_step(tape, *model_, run_, in);
    if (probe_ != nullptr) probe_->computed(in, out);
    if (out.total) tape.backward(*out.total);
  };
  if (!run_.debug && probe_ == nullptr)  // these look at values on the way
    repeated(phase, batch).run(forward_and_backward);
  else
    forward_and_backward();
  return out;
}

bool Trainer::at_evaluation() const {
  return state_.step >= stage_steps(state_.stage) || state_.total_step % run_.eval.every == 0;
}

bool Trainer::at_checkpoint() const {
  return state_.step >= stage_steps(state_.stage) || state_.total_step % run_.checkpoint_every == 0;
}

void Trainer::after_step() {
  if (state_.stage == Stage::search && clock().position(state_.step) == 0) write_search_line();
  // A stage's end is an evaluation too.
  if (at_evaluation())
    due_ = Due::evaluation;
  else if (folder_ && at_checkpoint())
    save("last");
  finish_step();
}

void Trainer::finish_step() {
  if (due_ == Due::evaluation) {
    evaluate_and_keep_best();
    const bool ends = state_.step >= stage_steps(state_.stage);
    due_ = ends ? Due::next_stage : Due::nothing;
    if (folder_ && ends)
      save(fmt::format("step-{}", state_.total_step));
    else if (folder_ && at_checkpoint())
      save("last");
  }
  if (due_ == Due::next_stage) {
    const Stage next = state_.stage == Stage::warmup   ? Stage::search
                       : state_.stage == Stage::search ? Stage::retrain
                                                       : Stage::done;
    enter(model_->policy() ? next : Stage::done);
    due_ = Due::nothing;
    if (folder_) save("last");
  }
}

std::vector<TaskResult> Trainer::evaluate_split(const std::string& split, int64_t batches) {
  const auto& indices = split == "val" ? parts_.val : split == "test" ? parts_.test : parts_.train;
  return evaluate_on(indices, batches);
}

std::vector<TaskResult> Trainer::evaluate_on(const std::vector<int64_t>& indices, int64_t batches) {
  const StepInputs now = step_inputs(Phase::infer);
  DrawnPolicy fresh;
  const auto policy = [&](int64_t b) -> const DrawnPolicy* {
    if (model_->policy() == nullptr || state_.stage == Stage::warmup) return nullptr;
    if (!state_.drawn.select.empty()) return &state_.drawn;
    // As the official code: while the policy is learned, every batch sees a draw of its own.
    const auto index = static_cast<uint32_t>(state_.total_step * 1000 + b);
    fresh = model_->policy()->draw(static_cast<uint64_t>(run_.seed), index, now.active);
    return &fresh;
  };
  return evaluate(context_, *model_, run_, data_, indices, policy, batches);
}

void Trainer::save(const std::string& name) const {
  // Only `last` is gone on from.
  const bool last = name == "last";
  const auto all = last ? optimizers() : std::vector<Optimizer*>{};
  TrainState state = state_;
  const RecordLines lines = folder_->sync();
  if (last) state.due = due_;
  if (last) state.lines = lines;
  save_checkpoint(last ? next_checkpoint(folder_->path()) : folder_->checkpoint(name), *model_,
                  {all.begin(), all.end()}, {state, print_run_file(run_), learned_});
  if (!last) return;
  rotate_checkpoints(folder_->path(), run_.checkpoint_keep);
  folder_->write(measured());
}

void Trainer::jump(Stage stage, int64_t step) {
  state_.stage = stage;
  if (stage == Stage::retrain && model_->policy() && state_.drawn.select.empty()) draw_policy();
  state_.step = step;
  open_loaders();
}

void Trainer::say(const std::string& line) {
  if (folder_) folder_->log(line);
  if (observer_ != nullptr) observer_->say(line);
}

double Trainer::seconds() const {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - began_).count();
}

}  // namespace weft
