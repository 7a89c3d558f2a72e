// The five configurations of AdaShare that weft ships, in runs/, against the paper's code: not line
// by line as they are written, but by what follows from them: how long the stages are, how warm the
// last sample is, when the last block is unlocked, how fast weights learn at the end. The numbers
// were derived from the official code, each as its column says. (Sizes: models/resnet_test.)
#include <fmt/format.h>

#include <cmath>
#include <string>

#include "tests/support/catch.h"
#include "tests/support/source_dir.h"
#include "train/step/build.h"
#include "train/step/choose_policy.h"
#include "train/step/schedule.h"

using namespace weft;

namespace {

struct Paper {
  const char* name;
  int blocks;                            // residual blocks that have gates
  int64_t warm_up, search_end, retrain;  // iterations: W, total_iters, retrain_total_iters
  int64_t part_batches[2];  // of train1 and train2, where the file asks for once over each
  int64_t policy_epochs;    // that fit into the search
  double last_temperature;  // 5 * 0.965^epochs
  int64_t all_unlocked;     // the policy epoch from which every block is learned
  double last_head_rate, last_trunk_rate;  // in the last step of re-training
  double weights[6];                       // lambda of each task
};

constexpr Paper papers[] = {
    {"nyu_v2_2task", 8, 4000, 20000, 20000, {39, 9}, 333, 3.5e-5, 21, 6.25e-5, 6.25e-5, {1, 20}},
    {"nyu_v2_3task",
     16,
     4000,
     20000,
     20000,
     {39, 9},
     333,
     3.5e-5,
     45,
     6.25e-5,
     6.25e-5,
     {1, 20, 3}},
    {"cityscapes_2task",
     16,
     4000,
     20000,
     20000,
     {148, 37},
     86,
     0.23,
     45,
     6.25e-6,
     6.25e-5,
     {1, 20}},
    {"taskonomy_5task",
     16,
     20000,
     100000,
     30000,
     {0, 0},
     160,
     0.017,
     15,
     9e-6,
     9e-6,
     {1, 3, 2, 7, 7}},
    {"domainnet_6domains",
     16,
     4000,
     20000,
     20000,
     {0, 0},
     32,
     1.60,
     15,
     1.9683e-8,
     1.9683e-10,
     {1, 1, 1, 1, 1, 1}},
};

RunFile shipped(const std::string& name, const std::vector<std::string>& overrides = {}) {
  return parse_run_file(source_dir() + "/runs/" + name + ".toml", overrides);
}

}  // namespace

TEST_CASE("the paper's runs take as long and end as the official code's", "[run_file]") {
  for (const Paper& paper : papers) {
    INFO(paper.name);
    const RunFile run = shipped(paper.name);
    CHECK(run.warmup.steps == paper.warm_up);
    CHECK(run.warmup.steps + run.policy.steps == paper.search_end);
    CHECK(run.retrain.steps == paper.retrain);
    const SearchClock clock{
        run.policy.weight_steps > 0 ? run.policy.weight_steps : paper.part_batches[0],
        run.policy.logit_steps > 0 ? run.policy.logit_steps : paper.part_batches[1]};
    CHECK((run.policy.weight_steps == 0) == (paper.part_batches[0] > 0));
    CHECK(clock.epoch(run.policy.steps) == paper.policy_epochs);
    PolicySpec without_floor = run.policy;
    without_floor.floor = 0;
    CHECK(SearchClock::temperature(without_floor, paper.policy_epochs) ==
          Catch::Approx(paper.last_temperature).epsilon(0.03));
    CHECK(run.data.batch == (run.data.kind == DataKind::domainnet ? 32 : 16));
    const auto factor =
        schedule_factor(run.retrain.schedule, run.retrain.steps - 1, run.retrain.steps);
    CHECK(run.retrain.optimizer.lr * factor == Catch::Approx(paper.last_head_rate));
    CHECK(*run.retrain.optimizer.trunk_lr * factor == Catch::Approx(paper.last_trunk_rate));
    for (size_t k = 0; k < run.tasks.size(); ++k) CHECK(run.tasks[k].weight == paper.weights[k]);
    CHECK((run.tasks.size() == 6 || paper.weights[run.tasks.size()] == 0));
    // The logits' Adam is torch's own, at 0.01, whatever the file says of weights.
    CHECK((run.policy.logits.lr == 0.01 && run.policy.logits.betas[0] == 0.9 &&
           run.policy.logits.weight_decay == 5e-4));
  }
}

TEST_CASE("the paper's runs unlock their blocks when the official code does", "[run_file]") {
  CpuContext cpu(1);
  for (const Paper& paper : papers) {
    INFO(paper.name);
    // As many blocks, of a network that fits into a test.
    const RunFile run = shipped(paper.name, {"model.width=0.07", "model.head_width=8"});
    const auto model = make_model(&cpu, run);
    REQUIRE(model->trunk().blocks() == paper.blocks);
    const int speed = run.policy.curriculum_speed;
    CHECK(model->policy()->active(paper.all_unlocked, speed) == paper.blocks);
    CHECK(model->policy()->active(paper.all_unlocked - 1, speed) == paper.blocks - 1);
    // CityScapes' policy is the search's last, the others' its best once every block is learned.
    CHECK((run.policy.from == PolicyFrom::best) == (run.data.kind != DataKind::cityscapes));
    CHECK(first_best_epoch(run, paper.blocks) == paper.blocks * speed);
  }
}
