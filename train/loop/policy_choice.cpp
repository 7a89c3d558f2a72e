// From logits to the policy of re-training.
#include "train/loop/policy_choice.h"

#include "models/collapse.h"
#include "models/sharing/way.h"
#include "train/loop/summarise.h"
#include "train/step/choice.h"
#include "train/step/choose_policy.h"

namespace weft {
namespace {

void recall_best_logits(const TrainState& state, Model& model, const Say& say) {
  if (state.search_logits.empty()) return;
  say(fmt::format("policy: the logits of step {}, the search's best (validation score {:.4f})",
                  state.search_step, state.search_score));
  Policy& policy = *model.policy();
  for (size_t k = 0; k < state.search_logits.size(); ++k)
    policy.set_logits(k, Tensor::from(policy.logits()[k]->value.shape(), state.search_logits[k],
                                      model.store().dtype()));
}

constexpr uint32_t most_shuffles = 1000;

/// The chosen policy with each task's blocks at random: another one where there is any, and sound
/// where it was; compat asks nothing of that.
BinaryPolicy at_random(const BinaryPolicy& chosen, const RunFile& run, Model& model) {
  const auto tasks = model.task_names(), blocks = block_names(model.trunk());
  const bool any = run.semantics == Semantics::compat || degenerate(chosen, tasks, blocks);
  BinaryPolicy policy;
  for (uint32_t index = 0; index < most_shuffles; ++index) {
    policy = shuffled(chosen, tasks, model.policy()->skip_layer(), static_cast<uint64_t>(run.seed),
                      index);
    if (policy != chosen && (any || !degenerate(policy, tasks, blocks))) break;
  }
  return policy;
}

}  // namespace

SearchLine search_line(const RunFile& run, const TrainState& state, const SearchClock& clock,
                       const Policy& policy) {
  const int64_t epoch = clock.epoch(state.step) - 1;
  return {epoch,
          state.total_step,
          SearchClock::temperature(run.policy, epoch),
          policy.active(epoch, run.policy.curriculum_speed),
          policy.probabilities(),
          policy.together()};
}

void note_best_logits(TrainState& state, const RunFile& run, const SearchClock& clock,
                      const Policy& policy, double score) {
  const int learned = policy.blocks() - policy.skip_layer();
  const bool counts = clock.epoch(state.step) >= first_best_epoch(run, learned);
  if (run.policy.from != PolicyFrom::best || !counts || !(score < state.search_score)) return;
  state.search_score = score;
  state.search_step = state.total_step;
  state.search_logits.clear();
  for (size_t k = 0; k < run.tasks.size(); ++k)
    state.search_logits.push_back(policy.host_logits(k).to_vector());
}

void decide_policy(TrainState& state, const AnyContext& context, const RunFile& run,
                   const Dataset& data, const Parts& parts, Model& model, const Say& say) {
  const auto tasks = model.task_names(), blocks = block_names(model.trunk());
  if (run.retrain.gates == RetrainGates::stochastic_depth) {
    state.chosen =
        stochastic_depth(tasks.size(), model.trunk().blocks(), model.policy()->skip_layer());
    state.chosen_how = "every step its own, by stochastic depth; evaluation weighs all blocks";
  } else if (run.retrain.gates == RetrainGates::soft) {
    recall_best_logits(state, model, say);
    state.chosen = weighed(model.policy()->probabilities());
    state.chosen_how = "every block, weighed by p(select) as learned";
  } else if (!run.retrain.policy.empty()) {
    state.chosen = read_policy(run.retrain.policy, tasks, blocks, model.policy()->most(),
                               model.policy()->least());
    state.chosen_how = "from " + run.retrain.policy;
  } else {
    recall_best_logits(state, model, say);
    const auto loss_of = [&](const BinaryPolicy& policy) {
      return score(run, evaluate(
                            context, model, run, data, parts.val, [&](int64_t) { return &policy; },
                            run.eval.batches));
    };
    const PolicyChoice choice =
        choose_policy(*model.policy(), tasks, blocks, run.policy, static_cast<uint64_t>(run.seed),
                      parts.val.empty() ? PolicyScore{} : PolicyScore(loss_of), run.semantics);
    for (const std::string& line : choice.refused) say("policy: refused: " + line);
    state.chosen = choice.policy;
    state.chosen_how = choice.how;
  }
  if (run.retrain.gates == RetrainGates::random) {
    const BinaryPolicy random = at_random(state.chosen, run, model);
    state.chosen_how += random == state.chosen ? "; no other policy executes as many blocks"
                                               : "; then each task as many blocks at random";
    state.chosen = random;
  }
  say("policy: " + state.chosen_how);
  if (way_of(run.sharing).functions)
    if (const auto same = same_gates(state.chosen, model.policy()->skip_layer()))
      say("policy: " + collapse_text(*same));
  if (const auto reason = degenerate(state.chosen, tasks, blocks))
    say("policy: taken as it is, though " + *reason);
}

std::string decided_json(const TrainState& state, const RunFile& run, Model& model) {
  return policy_json(state.chosen, model.task_names(), block_names(model.trunk()),
                     shown_probability(run, state, model), static_cast<uint64_t>(run.seed));
}

}  // namespace weft
