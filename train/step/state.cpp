// TrainState to JSON and back.
#include "train/step/state.h"

#include <algorithm>
#include <iterator>
#include <nlohmann/json.hpp>

#include "engine/error.h"
#include "io/json_text.h"
#include "train/metrics/measure.h"

namespace weft {

const char* name_of(Phase phase) {
  constexpr const char* names[] = {"warmup", "weights", "policy", "retrain", "infer"};
  return names[static_cast<int>(phase)];
}

const char* name_of(Stage stage) {
  constexpr const char* names[] = {"warmup", "search", "retrain", "done"};
  return names[static_cast<int>(stage)];
}

namespace {
constexpr const char* due_names[] = {"nothing", "evaluation", "next stage"};
constexpr Stage stages[] = {Stage::warmup, Stage::search, Stage::retrain};

/// A score that was no number yet is "inf".
Patience patience_from(const JsonValue& value) {
  value.only({"step", "waited", "best"});
  Patience p{{}, value["step"].integer(-1), value["waited"].integer(0)};
  for (const JsonValue& best : value["best"].items()) {
    const bool none = best.raw() == "inf";
    p.best.push_back(none ? std::numeric_limits<double>::infinity() : best.number());
  }
  if (p.best.empty()) value.fail("'best' has no score");
  return p;
}
}  // namespace

std::string to_json(const TrainState& state) {
  nlohmann::json json = {{"stage", name_of(state.stage)},  {"step", state.step},
                         {"total_step", state.total_step}, {"drawn", state.chosen.select},
                         {"drawn_how", state.chosen_how},  {"best_step", state.best_step}};
  if (!state.chosen.weights.empty()) json["drawn_weights"] = state.chosen.weights;
  if (state.best_step >= 0) json["best_score"] = state.best_score;  // JSON knows no infinity
  for (const KeptStep& kept : state.next_best)
    json["next_best"].push_back({{"step", kept.step}, {"score", kept.score}});
  if (!state.task_best_step.empty()) {
    for (size_t k = 0; k < state.task_best_step.size(); ++k)  // JSON knows no infinity
      json["task_best_score"].push_back(state.task_best_step[k] < 0 ? 0 : state.task_best_score[k]);
    json["task_best_step"] = state.task_best_step;
  }
  if (state.search_step >= 0) {
    json["search_score"] = state.search_score;
    json["search_step"] = state.search_step;
    json["search_logits"] = state.search_logits;
  }
  if (const Patience& p = state.patience; !p.best.empty()) {
    json["patience"] = {{"step", p.step}, {"waited", p.waited}};
    for (const double best : p.best) json["patience"]["best"].push_back(to_json_value(best));
  }
  for (const Stage stage : stages)
    if (const int64_t step = state.stopped[static_cast<size_t>(stage)]; step >= 0)
      json["stopped"][name_of(stage)] = step;
  if (state.due != Due::nothing) json["due"] = due_names[static_cast<int>(state.due)];
  if (state.lines.metrics >= 0) {
    json["lines"] = {state.lines.metrics, state.lines.search};
    if (state.lines.balance >= 0) json["lines"].push_back(state.lines.balance);
  }
  if (state.skipped > 0) {
    json["skipped"] = state.skipped;
    json["skipped_in_row"] = state.skipped_in_row;
  }
  if (!state.changes.empty()) json["changes"] = state.changes;
  return json.dump();
}

TrainState state_from_json(const std::string& text, const std::string& source) {
  const std::string place = source + ": the trainer's state";
  const auto json = parse_json(text, place);
  const JsonValue value(json, place);
  value.only({"stage",
              "step",
              "total_step",
              "drawn",
              "drawn_weights",
              "drawn_how",
              "best_step",
              "best_score",
              "next_best",
              "patience",
              "stopped",
              "task_best_step",
              "task_best_score",
              "search_step",
              "search_score",
              "search_logits",
              "due",
              "lines",
              "skipped",
              "skipped_in_row",
              "changes"});
  TrainState state;
  const std::string stage = value["stage"].text();
  bool known = false;
  for (Stage s : {Stage::warmup, Stage::search, Stage::retrain, Stage::done})
    if (stage == name_of(s)) {
      state.stage = s;
      known = true;
    }
  if (!known) throw DataError(fmt::format("{}: unknown stage '{}'", place, stage));
  state.step = value["step"].integer(0);
  state.total_step = value["total_step"].integer(0);
  for (const JsonValue& row : value["drawn"].items())
    state.chosen.select.push_back(row.integers(0, std::max(all_channels, max_functions)));
  if (value.has("drawn_weights"))
    for (const JsonValue& row : value["drawn_weights"].items())
      state.chosen.weights.push_back(row.numbers(0, 1));
  state.chosen_how = value["drawn_how"].text();
  state.best_step = value["best_step"].integer(-1);
  if (state.best_step >= 0) state.best_score = value["best_score"].number();
  if (value.has("next_best"))
    for (const JsonValue& kept : value["next_best"].items())
      state.next_best.push_back(
          {kept.only({"step", "score"})["step"].integer(0), kept["score"].number()});
  if (value.has("patience")) state.patience = patience_from(value["patience"]);
  if (value.has("stopped"))
    for (const std::string& name : value["stopped"].keys()) {
      const auto* stage = std::find_if(std::begin(stages), std::end(stages),
                                       [&](Stage s) { return name == name_of(s); });
      if (stage == std::end(stages)) value.fail(fmt::format("unknown stage '{}'", name));
      state.stopped[static_cast<size_t>(*stage)] = value["stopped"][name].integer(1);
    }
  if (value.has("task_best_step")) {
    state.task_best_score = value["task_best_score"].numbers();
    for (const JsonValue& step : value["task_best_step"].items()) {
      state.task_best_step.push_back(step.integer(-1));
      const size_t k = state.task_best_step.size() - 1;
      if (state.task_best_step[k] < 0 && k < state.task_best_score.size())
        state.task_best_score[k] = std::numeric_limits<double>::infinity();
    }
  }
  if (value.has("search_step")) {
    state.search_score = value["search_score"].number();
    state.search_step = value["search_step"].integer(0);
    for (const JsonValue& row : value["search_logits"].items())
      state.search_logits.push_back(row.numbers());
  }
  if (value.has("due")) {
    const std::string due = value["due"].text();
    const auto* found = std::find(std::begin(due_names), std::end(due_names), due);
    if (found == std::end(due_names))
      throw DataError(fmt::format("{}: no step owes '{}'", place, due));
    state.due = static_cast<Due>(found - due_names);
  }
  if (value.has("lines")) {
    const std::vector<JsonValue> lines = value["lines"].items();
    if (lines.size() != 2 && lines.size() != 3)
      throw DataError(place + ": 'lines' are two or three numbers");
    state.lines = {lines[0].integer(0), lines[1].integer(0)};
    if (lines.size() == 3) state.lines.balance = lines[2].integer(0);
  }
  if (value.has("skipped")) {
    state.skipped = value["skipped"].integer(0);
    state.skipped_in_row = value["skipped_in_row"].integer(0);
  }
  if (value.has("changes")) state.changes = value["changes"].texts();
  return state;
}

int64_t stage_steps(const RunFile& run, Stage stage) {
  switch (stage) {
    case Stage::warmup:
      return run.warmup.steps;
    case Stage::search:
      return run.policy.steps;
    case Stage::retrain:
      return run.retrain.steps;
    case Stage::done:
      break;
  }
  return 0;
}

int64_t stage_steps(const RunFile& run, const TrainState& state, Stage stage) {
  const int64_t stopped = stage == Stage::done ? -1 : state.stopped[static_cast<size_t>(stage)];
  return stopped >= 0 ? stopped : stage_steps(run, stage);
}

bool searches(const RunFile& run, bool has_policy) {
  return has_policy && run.retrain.gates != RetrainGates::stochastic_depth &&
         (run.retrain.policy.empty() || run.retrain.init != RetrainInit::random);
}

bool draws_policy(const RunFile& run) { return run.retrain.policy.empty() && !weighs_blocks(run); }

bool weighs_blocks(const RunFile& run) {
  return run.retrain.gates == RetrainGates::soft ||
         run.retrain.gates == RetrainGates::stochastic_depth;
}

}  // namespace weft
