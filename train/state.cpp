// TrainState to JSON and back.
#include "train/state.h"

#include <nlohmann/json.hpp>

#include "engine/error.h"

namespace weft {

const char* name_of(Phase phase) {
  constexpr const char* names[] = {"warmup", "weights", "policy", "retrain", "infer"};
  return names[static_cast<int>(phase)];
}

const char* name_of(Stage stage) {
  constexpr const char* names[] = {"warmup", "search", "retrain", "done"};
  return names[static_cast<int>(stage)];
}

std::string to_json(const TrainState& state) {
  nlohmann::json json = {{"stage", name_of(state.stage)},  {"step", state.step},
                         {"total_step", state.total_step}, {"drawn", state.drawn.select},
                         {"drawn_how", state.drawn_how},   {"best_step", state.best_step}};
  if (state.best_step >= 0) json["best_score"] = state.best_score;  // JSON knows no infinity
  if (state.search_step >= 0) {
    json["search_score"] = state.search_score;
    json["search_step"] = state.search_step;
    json["search_logits"] = state.search_logits;
  }
  return json.dump();
}

TrainState state_from_json(const std::string& text, const std::string& source) {
  TrainState state;
  try {
    const auto json = nlohmann::json::parse(text);
    const auto stage = json.at("stage").get<std::string>();
    bool known = false;
    for (Stage s : {Stage::warmup, Stage::search, Stage::retrain, Stage::done})
      if (stage == name_of(s)) {
        state.stage = s;
        known = true;
      }
    if (!known) throw DataError(fmt::format("{}: unknown stage '{}'", source, stage));
    state.step = json.at("step").get<int64_t>();
    state.total_step = json.at("total_step").get<int64_t>();
    state.drawn.select = json.at("drawn").get<std::vector<std::vector<int>>>();
    state.drawn_how = json.at("drawn_how").get<std::string>();
    state.best_step = json.at("best_step").get<int64_t>();
    if (state.best_step >= 0) state.best_score = json.at("best_score").get<double>();
    if (json.contains("search_step")) {
      state.search_score = json.at("search_score").get<double>();
      state.search_step = json.at("search_step").get<int64_t>();
      state.search_logits = json.at("search_logits").get<std::vector<std::vector<double>>>();
    }
  } catch (const nlohmann::json::exception& e) {
    throw DataError(fmt::format("{}: the trainer's state cannot be read: {}", source, e.what()));
  }
  return state;
}

}  // namespace weft
