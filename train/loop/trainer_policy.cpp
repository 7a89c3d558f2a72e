// Between search and re-training: the search's record, its best logits, and the policy that is
// drawn from them or given.
#include "train/loop/trainer.h"
#include "train/step/choice.h"
#include "train/step/choose_policy.h"

namespace weft {

void Trainer::write_search_line() {
  if (!folder_) return;
  const int64_t epoch = clock().epoch(state_.step) - 1;
  folder_->write(SearchLine{epoch, state_.total_step, SearchClock::temperature(run_.policy, epoch),
                            model_->policy()->active(epoch, run_.policy.curriculum_speed),
                            model_->policy()->probabilities()},
                 model_->task_names());
}

void Trainer::keep_best_policy(double now) {
  const Policy& policy = *model_->policy();
  const int learned = policy.blocks() - policy.skip_layer();
  const bool counts = clock_.epoch(state_.step) >= first_best_epoch(run_, learned);
  if (run_.policy.from != "best" || !counts || !(now < state_.search_score)) return;
  state_.search_score = now;
  state_.search_step = state_.total_step;
  state_.search_logits.clear();
  for (size_t k = 0; k < run_.tasks.size(); ++k)
    state_.search_logits.push_back(policy.host_logits(k).to_vector());
}

/// policy.from = "best": the logits go back to where validation liked them most.
void Trainer::recall_best_policy() {
  if (state_.search_logits.empty()) return;
  say(fmt::format("policy: the logits of step {}, the search's best (validation score {:.4f})",
                  state_.search_step, state_.search_score));
  Policy& policy = *model_->policy();
  for (size_t k = 0; k < state_.search_logits.size(); ++k)
    policy.set_logits(k, Tensor::from({policy.blocks() - policy.skip_layer(), 2},
                                      state_.search_logits[k], model_->store().dtype()));
}

void Trainer::draw_policy() {
  const auto tasks = model_->task_names(), blocks = block_names(model_->trunk());
  if (!run_.retrain.policy.empty()) {
    state_.drawn = read_policy(run_.retrain.policy, tasks, blocks);
    state_.drawn_how = "from " + run_.retrain.policy;
  } else {
    recall_best_policy();
    const auto loss_of = [&](const DrawnPolicy& policy) {
      return score(run_, evaluate(
                             context_, *model_, run_, data_, parts_.val,
                             [&](int64_t) { return &policy; }, run_.eval.batches));
    };
    const Drawing drawing = choose_policy(
        *model_->policy(), tasks, blocks, run_.policy, static_cast<uint64_t>(run_.seed),
        parts_.val.empty() ? PolicyScore{} : PolicyScore(loss_of), run_.semantics);
    for (const std::string& line : drawing.refused) say("policy: refused: " + line);
    state_.drawn = drawing.policy;
    state_.drawn_how = drawing.how;
  }
  say("policy: " + state_.drawn_how);
  if (const auto reason = degenerate(state_.drawn, tasks, blocks))
    say("policy: taken as it is, though " + *reason);
  if (folder_) write_drawn();
}

void Trainer::write_drawn() {
  folder_->write_drawn(policy_json(state_.drawn, model_->task_names(), block_names(model_->trunk()),
                                   model_->policy()->probabilities(),
                                   static_cast<uint64_t>(run_.seed)));
}

}  // namespace weft
