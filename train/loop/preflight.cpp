// Each phase with the parts that it draws from; see preflight.h.
#include "train/loop/preflight.h"

#include <algorithm>

#include "engine/device.h"
#include "engine/error.h"
#include "models/sharing/way.h"
#include "train/run_folder/run_folder.h"
#include "train/step/build.h"
#include "train/step/choose_policy.h"
#include "train/step/evaluate.h"
#include "train/step/over_ranks.h"

namespace weft {
namespace {

/// A part of the data as a phase needs it.
struct Use {
  const char* phase;
  const char* part;
  const std::vector<int64_t>* samples;
  const char* remedy;
  bool chooses = false;  ///< steps or policies, and trains nothing
};

bool learns_policy(const RunFile& run) { return way_of(run.sharing).policy; }

bool validation_chooses(const RunFile& run) {
  return learns_policy(run) && draws_policy(run) && run.policy.choose == Choose::validation &&
         run.policy.draws > 1;
}

[[noreturn]] void refuse(const RunFile& run, const std::string& key, const std::string& message) {
  throw ConfigError(fmt::format("{}: '{}' {}", run.place(key), key, message));
}

/// What the phases train on.
std::vector<Use> training_uses(const RunFile& run, const Parts& parts) {
  const char* more = "give it more labelled samples, or leave the task out";
  const bool search = searches(run, learns_policy(run));
  std::vector<Use> uses;
  if (search && run.warmup.steps > 0) uses.push_back({"warmup", "train", &parts.train, more});
  if (search && run.policy.steps > 0) {
    uses.push_back({"policy", "weights", &parts.weights,
                    "lower policy.data_share, give it more labelled samples, or leave the task "
                    "out"});
    uses.push_back({"policy", "policy", &parts.policy,
                    "raise policy.data_share, give it more labelled samples, or leave the task "
                    "out"});
  }
  if (run.retrain.steps > 0) uses.push_back({"retrain", "train", &parts.train, more});
  return uses;
}

/// What chooses the best step or the policy of re-training; the test split reports and chooses nothing.
std::vector<Use> choosing_uses(const RunFile& run, const Parts& parts) {
  const char* remedy =
      "see to it by the data's split or data.ratio, give it more labelled samples, or leave the "
      "task out";
  std::vector<Use> uses;
  if (run.eval.split != EvalSplit::test)
    uses.push_back(
        {"eval", name_of(run.eval.split), &part_of(parts, run.eval.split), remedy, true});
  if (validation_chooses(run)) uses.push_back({"policy.choose", "val", &parts.val, remedy, true});
  return uses;
}

int64_t labelled_samples(const Dataset& data, const std::vector<int64_t>& samples, size_t task) {
  return std::count_if(samples.begin(), samples.end(),
                       [&](int64_t index) { return data.labelled(index, task); });
}

void check_labels(const RunFile& run, const Dataset& data, const Parts& parts, const Use& use) {
  for (size_t k = 0; k < run.tasks.size(); ++k) {
    if (labelled_samples(data, *use.samples, k) > 0) continue;
    if (use.chooses && !run.tasks[k].chooses) continue;
    throw DataError(fmt::format(
        "task '{}': none of the {} samples of the {} part has a label of it, which the phase '{}' "
        "needs ({} of {} training samples have one); {}",
        run.tasks[k].name, use.samples->size(), use.part, use.phase,
        labelled_samples(data, parts.train, k), parts.train.size(), use.remedy));
  }
}

/// What a way of sharing starts from.
void check_start(const RunFile& run) {
  if (way_of(run.sharing).pretrained && run.model.init.empty())
    refuse(
        run, "model.init",
        fmt::format("is not given, and sharing = \"{}\" tunes a trunk that has learned: name the "
                    "folder of a run with the same model.trunk, such as runs/out/NAME-1, or "
                    "torchvision's weights",
                    name_of(run.sharing)));
}

void check_patience(const RunFile& run, const Parts& parts) {
  if (run.eval.patience > 0 && part_of(parts, run.eval.split).empty())
    refuse(run, "eval.patience",
           fmt::format("is {}, but there are no {} samples: nothing says when a phase is at its "
                       "best; see to it by the data's split or data.ratio, or leave it out",
                       run.eval.patience, name_of(run.eval.split)));
}

void check_steps(const RunFile& run) {
  const std::string gates = name_of(run.retrain.gates);
  if (learns_policy(run)) {
    if (weighs_blocks(run) && !run.retrain.policy.empty())
      refuse(
          run, "retrain.policy",
          fmt::format("says which blocks run, but under retrain.gates = \"{}\" all do; leave one "
                      "of the two out",
                      gates));
    if (run.retrain.gates == RetrainGates::stochastic_depth) {
      if (run.retrain.init == RetrainInit::search)
        refuse(run, "retrain.init",
               fmt::format("is \"search\", but under retrain.gates = \"{}\" there is none; use "
                           "\"random\"",
                           gates));
      if (run.retrain.steps == 0)
        refuse(
            run, "retrain.steps",
            fmt::format("is 0, and under retrain.gates = \"{}\" nothing else is trained", gates));
    }
    if (!searches(run, true) && run.retrain.steps == 0)
      refuse(run, "retrain.steps",
             "is 0, and under a policy that is given (retrain.policy) nothing else is trained");
    if (run.retrain.init == RetrainInit::search && run.warmup.steps + run.policy.steps == 0)
      refuse(run, "retrain.init",
             "is \"search\", but warmup.steps and policy.steps are 0: there is no search to go on "
             "from; use \"random\"");
    return;
  }
  if (run.retrain.steps == 0)
    refuse(run, "retrain.steps",
           fmt::format("is 0, and sharing = \"{}\" trains in this phase alone; [warmup] and "
                       "[policy] are of ways that search a policy",
                       name_of(run.sharing)));
  if (run.retrain.gates != RetrainGates::chosen)
    refuse(
        run, "retrain.gates",
        fmt::format("is \"{}\", which means nothing for sharing = \"{}\", which has no such policy",
                    gates, name_of(run.sharing)));
  if (!run.retrain.policy.empty())
    refuse(run, "retrain.policy",
           fmt::format("means nothing for sharing = \"{}\", which has no such policy",
                       name_of(run.sharing)));
}

}  // namespace

void check_plan(const RunFile& run, const Dataset& data, const Parts& parts) {
  check_start(run);
  check_steps(run);
  check_patience(run, parts);
  if (parts.train.empty()) throw DataError("data: the training part is empty");
  for (const Use& use : training_uses(run, parts)) {
    if (use.samples->empty())
      throw DataError(fmt::format(
          "data: the {} part is empty, which the phase '{}' trains on ({} training samples in "
          "all): two samples or more can be divided, or set policy.steps = 0",
          use.part, use.phase, parts.train.size()));
    check_labels(run, data, parts, use);
  }
  if (part_of(parts, run.eval.split).empty() && run.places.count("eval.split") > 0)
    refuse(run, "eval.split",
           fmt::format("is \"{}\", and the data have no such samples; choose another split",
                       name_of(run.eval.split)));
  if (validation_chooses(run) && parts.val.empty())
    refuse(run, "policy.choose",
           "is \"validation\", and the data have no validation samples; add some, or use "
           "\"likely\" or \"draw\"");
  for (const Use& use : choosing_uses(run, parts))
    if (!use.samples->empty()) check_labels(run, data, parts, use);
}

std::unique_ptr<Model> planned_model(AnyContext context, const RunFile& run, const Dataset& data,
                                     const Parts& parts) {
  check_plan(run, data, parts);
  // A host's memory is shared by its ranks; a card is one rank's.
  const int sharers = is_asynchronous(context) ? 1 : ranks_on_this_host();
  check_memory(run, data, parts, memory_bytes(context) / sharers);
  auto model = make_model(context, run);
  check_ranks(run, data, parts, *model);
  return model;
}

void check_search(const RunFile& run, Model& model, const SearchClock& clock) {
  Policy* policy = model.policy();
  if (policy == nullptr) return;
  if (!run.retrain.policy.empty())
    read_policy(run.retrain.policy, model.task_names(), block_names(model.trunk()), policy->most(),
                policy->least());
  if (!searches(run, true) || run.policy.steps == 0) return;
  if (clock.policy_cursor(run.policy.steps) == 0)
    refuse(run, "policy.steps",
           fmt::format("is {}: the search ends before its first step for the logits, which comes "
                       "after {} steps for the weights (policy.weight_steps; 0: once over the "
                       "part), so no policy would be learned; raise the one or lower the other",
                       run.policy.steps, clock.weight_steps));
  if (run.policy.from != PolicyFrom::best || !run.retrain.policy.empty()) return;
  if (run.eval.split == EvalSplit::test)
    refuse(run, "policy.from",
           "is \"best\", but eval.split = \"test\" only reports: nothing says which step is best");
  const int64_t first = first_best_epoch(run, policy->blocks() - policy->skip_layer());
  const int64_t last = clock.epoch(run.policy.steps);
  if (last < first)
    refuse(run, "policy.from",
           fmt::format("is \"best\", of the steps since all blocks are learned: from policy epoch "
                       "{} on, and the search has {} (policy.steps = {}, {} steps an epoch); use "
                       "\"last\", more steps or a lower policy.curriculum_speed",
                       first, last, run.policy.steps, clock.weight_steps + clock.logit_steps));
}

std::vector<std::string> plan_notes(const RunFile& run, const Dataset& data, const Parts& parts,
                                    Model& model, const SearchClock& clock) {
  std::vector<std::string> notes;
  std::string told;
  for (const Use& use : training_uses(run, parts)) {
    const EpochPlan plan =
        plan_epoch(data, *use.samples, train_loader_options(run, data, use.part, 0));
    if (plan.batch == run.data.batch || told == use.part) continue;
    told = use.part;
    notes.push_back(
        fmt::format("data.batch is {}, but the {} part has {} samples{}: its batches have {}",
                    run.data.batch, use.part, use.samples->size(),
                    run.data.inputs == Whose::per_task ? " (not as many each)" : "", plan.batch));
  }
  if (part_of(parts, run.eval.split).empty())
    notes.push_back(fmt::format("there are no {} samples: nothing is evaluated while training",
                                name_of(run.eval.split)));
  const int64_t apart = run.share.full_steps + run.share.policy_steps;
  if (way_of(run.sharing).phased && run.retrain.steps <= apart)
    notes.push_back(
        fmt::format("share.full_steps and share.policy_steps are {} of the {} steps: weights and "
                    "policy never learn together, and no step is chosen on validation data",
                    apart, run.retrain.steps));
  if (model.policy() == nullptr || !searches(run, true)) return notes;
  const Policy& policy = *model.policy();
  const int learned = policy.blocks() - policy.skip_layer();
  if (run.policy.steps == 0) {
    notes.push_back("policy.steps is 0: policies are drawn from logits that learn nothing");
    return notes;
  }
  const int64_t last = clock.epoch(run.policy.steps - 1);
  const int turns = policy.active(last, run.policy.curriculum_speed);
  if (turns < learned)
    notes.push_back(fmt::format(
        "the search's {} policy epochs unlock {} of {} blocks: the {} {} never get a turn, and "
        "their gates are drawn unlearned; lower policy.curriculum_speed ({}) or raise "
        "policy.steps",
        last + 1, turns, learned, policy.uses(policy.skip_layer(), turns) ? "last" : "first",
        learned - turns, run.policy.curriculum_speed));
  return notes;
}

}  // namespace weft
