// Between search and re-training: the search's best logits are those of the best validation score
// since all blocks are learned, and the policy is decided by them.
#include "train/loop/policy_choice.h"

#include "tests/support/catch.h"
#include "tests/train/loop/parts_run.h"
#include "train/step/build.h"

using namespace weft;
using weft::test::parts_run;

namespace {

/// Logits that select every block with near certainty, or (sign -1) skip it.
void lean(Model& model, double sign) {
  Policy& policy = *model.policy();
  std::vector<double> rows;
  for (int l = 0; l < policy.blocks(); ++l) rows.insert(rows.end(), {sign * 20, 0});
  for (size_t k = 0; k < 2; ++k)
    policy.set_logits(k, Tensor::from({policy.blocks(), 2}, rows, model.store().dtype()));
}

}  // namespace

TEST_CASE("policy choice: the best logits count once all blocks are learned", "[train]") {
  CpuContext cpu(1);
  RunFile run = parts_run({"policy.from=best", "policy.curriculum_speed=1"});
  const auto model = make_model(&cpu, run);
  const Policy& policy = *model->policy();
  const SearchClock clock{2, 1};
  TrainState state;
  state.stage = Stage::search;
  const auto note = [&](int64_t epoch, double score) {
    state.step = state.total_step = 3 * epoch;
    note_best_logits(state, run, clock, policy, score);
    return state.search_step;
  };
  CHECK(note(policy.blocks() - 1, 0.1) == -1);  // one block's turn has not come
  CHECK(note(policy.blocks(), 5) == 3 * policy.blocks());
  CHECK(note(policy.blocks() + 1, 6) == 3 * policy.blocks());
  lean(*model, 1);
  CHECK(note(policy.blocks() + 2, 4) == 3 * (policy.blocks() + 2));
  CHECK(state.search_logits[1] == policy.host_logits(1).to_vector());

  const RunFile last = parts_run({"policy.from=last", "policy.curriculum_speed=1"});
  TrainState other = state;
  note_best_logits(other, last, clock, policy, 0);
  CHECK(other == state);
}

TEST_CASE("policy choice: decided by the best logits, which the model then has", "[train]") {
  CpuContext cpu(1);
  RunFile run = parts_run({"policy.from=best", "policy.choose=likely"});
  const auto data = open_dataset(run);
  const Parts parts = make_parts(*data);
  const auto model = make_model(&cpu, run);
  TrainState state;
  lean(*model, 1);
  state.search_step = 8;
  state.search_score = 0.5;
  for (size_t k = 0; k < 2; ++k)
    state.search_logits.push_back(model->policy()->host_logits(k).to_vector());
  lean(*model, -1);
  std::vector<std::string> said;
  decide_policy(state, &cpu, run, *data, parts, *model,
                [&](const std::string& line) { said.push_back(line); });
  for (const std::vector<int>& row : state.chosen.select)
    CHECK(row == std::vector<int>(static_cast<size_t>(model->policy()->blocks()), 1));
  CHECK(model->policy()->host_logits(0).to_vector() == state.search_logits[0]);
  REQUIRE(said.size() == 2);
  CHECK(said[0] == "policy: the logits of step 8, the search's best (validation score 0.5000)");
  CHECK(said[1] == "policy: " + state.chosen_how);
  CHECK(decided_json(state, run, *model).find("\"select\"") != std::string::npos);
}

TEST_CASE("policy choice: a policy epoch's record is of the epoch that ended", "[train]") {
  CpuContext cpu(1);
  const RunFile run =
      parts_run({"policy.temperature=4", "policy.decay=0.5", "policy.curriculum_speed=1"});
  const auto model = make_model(&cpu, run);
  TrainState state;
  state.stage = Stage::search;
  state.step = 6;
  state.total_step = 10;
  const SearchLine line = search_line(run, state, {2, 1}, *model->policy());
  CHECK((line.epoch == 1 && line.step == 10 && line.temperature == 2 && line.active == 2));
  CHECK(line.probability == model->policy()->probabilities());
}
