// TrainState to JSON and back.
#include "train/step/state.h"

#include <algorithm>
#include <iterator>
#include <nlohmann/json.hpp>

#include "engine/error.h"
#include "io/json_text.h"

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
}  // namespace

std::string to_json(const TrainState& state) {
  nlohmann::json json = {{"stage", name_of(state.stage)},  {"step", state.step},
                         {"total_step", state.total_step}, {"drawn", state.chosen.select},
                         {"drawn_how", state.chosen_how},  {"best_step", state.best_step}};
  if (!state.chosen.weights.empty()) json["drawn_weights"] = state.chosen.weights;
  if (state.best_step >= 0) json["best_score"] = state.best_score;  // JSON knows no infinity
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
  value.only({"stage", "step", "total_step", "drawn", "drawn_weights", "drawn_how", "best_step",
              "best_score", "task_best_step", "task_best_score", "search_step", "search_score",
              "search_logits", "due", "lines", "skipped", "skipped_in_row", "changes"});
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
