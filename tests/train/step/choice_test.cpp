// What runs choose by, and what of a split they see while they train: no task decides by its scale,
// every class is seen, a loss is that of the whole split however it falls into batches, and each
// single-task network keeps its own best step.
#include "train/step/choice.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <set>

#include "data/fixed_sample.h"
#include "tests/support/catch.h"
#include "tests/support/rooms_run.h"
#include "tests/support/temp_folder.h"
#include "train/loop/trainer.h"
#include "train/run_folder/checkpoint.h"
#include "train/study/run_table.h"

using namespace weft;
using weft::test::message_of;
using weft::test::TempFolder;

namespace {

RunFile two_tasks(const std::vector<std::string>& overrides = {}) {
  return test::rooms_run(
      {"model.head=aspp", "model.width=0.07", "model.head_width=8", "data.size=[33, 41]",
       "data.val_count=6", "retrain.steps=8", "eval.every=1", "checkpoint.every=1"},
      overrides);
}

TaskResult result(const char* task, const Measure& loss, const Measure& constant) {
  return {task, loss, {}, 0, "", constant};
}

/// Sorted by class: the first 80 of 100 samples are of class 0, one is of class 2.
class SortedSet : public Dataset {
 public:
  int64_t size() const override { return 100; }
  Sample load(int64_t) const override { return {}; }
  std::string key(int64_t index) const override { return fmt::to_string(index); }
  Split split(int64_t) const override { return Split::val; }
  std::optional<int64_t> class_of(int64_t index, size_t) const override {
    return index < 80 ? 0 : index < 99 ? 1 : 2;
  }
};

std::vector<int64_t> all_of(const Dataset& data) {
  std::vector<int64_t> out;
  for (int64_t i = 0; i < data.size(); ++i) out.push_back(i);
  return out;
}

/// Pictures of noise with few labels: sample i has i of them at the heads (so the first has none).
class SparseSet : public Dataset {
 public:
  int64_t size() const override { return 5; }
  Sample load(int64_t index) const override {
    const Philox noise(3, Stream::data, static_cast<uint32_t>(index), "sparse");
    Sample sample{Picture(33, 41, 3), {Picture(33, 41, 1, invalid_pixel)}};
    sample.labels.push_back(sample.labels[0]);
    for (size_t i = 0; i < sample.image.pixels.size(); ++i)
      sample.image.pixels[i] = static_cast<float>(noise.uniform(i));
    for (int p = 0; p < index; ++p) {  // a patch that one output of the head looks at
      const int bottom = 8 * (p / 2), right = 8 * (p % 2);
      for (int y = std::max(0, bottom - 2); y <= bottom; ++y)
        for (int x = std::max(0, right - 2); x <= right; ++x) {
          *sample.labels[0].at(y, x) = static_cast<float>((index + p) % 13);
          *sample.labels[1].at(y, x) = static_cast<float>(1 + p);
        }
    }
    return sample;
  }
  std::string key(int64_t index) const override { return fmt::to_string(index); }
  Split split(int64_t) const override { return Split::val; }
};

const BinaryPolicy* every_block(int64_t) { return nullptr; }

}  // namespace

TEST_CASE("score: a task with a large scale does not choose for all", "[choice]") {
  RunFile run = two_tasks();
  // In millimetres squared depth's losses are huge; seg gets much worse, depth hardly better.
  const std::vector<TaskResult> before{result("seg", 1, 2), result("depth", 500000, 1e6)};
  const std::vector<TaskResult> after{result("seg", 1.9, 2), result("depth", 499000, 1e6)};
  CHECK(score(run, before) == 0.5 + 0.5);
  CHECK(score(run, before) < score(run, after));
  run.tasks[1].weight = 1e-6;  // as who trains on such losses sets it: nor does the weight
  CHECK(score(run, before) < score(run, after));
  run.tasks[0].weight = 0;
  CHECK(score(run, before) == 0.5);
  // The unit is nothing.
  auto metres = before;
  metres[1] = result("depth", 0.5, 1);
  CHECK(score(run, metres) == score(run, before));
  // Where the constant loses nothing, or is not known, the loss itself counts; no label, nothing.
  CHECK(relative_loss(0.25, 0) == 0.25);
  CHECK(relative_loss(0.25, {}) == 0.25);
  const double worst = std::numeric_limits<double>::infinity();
  CHECK(score(two_tasks(), {result("seg", std::nan(""), 2), result("depth", 1, 2)}) == worst);
  CHECK(score(two_tasks(), {result("seg", 1, 2), result("depth", {}, {})}) == 0.5);
}

TEST_CASE("score: compat's is the official relative score, where the run has references",
          "[choice][compat]") {
  const std::vector<std::string> compat{"semantics=compat", "name=cityscapes_2task"};
  RunFile run = two_tasks(compat);
  // Better losses, worse metrics: the official code looks at the metrics.
  TaskResult seg = result("seg", 1, 2), depth = result("depth", 1, 2);
  seg.metrics = {{"miou", 40.2, true}, {"pixel_acc", 74.7, true}};
  depth.metrics = {{"abs", 0.017, false}};
  const double equal = score(run, {seg, depth});
  CHECK(equal == Catch::Approx(-2));
  seg.loss = 0.5;
  seg.metrics[0].value = 20.1;
  CHECK(score(run, {seg, depth}) == Catch::Approx(-1.75));
  run.name = "mine";
  CHECK(score(run, {seg, depth}) == 0.25 + 0.5);
  CHECK(score(two_tasks(), {seg, depth}) == 0.25 + 0.5);
}

TEST_CASE("a fixed sample shows every class of a sorted index, the same every time", "[choice]") {
  const SortedSet data;
  TaskSpec task;
  task.kind = TaskKind::classification;
  const auto sample = [&](int64_t count, uint64_t seed) {
    return fixed_sample(data, all_of(data), {task}, count, false, seed);
  };
  for (uint64_t seed = 0; seed < 20; ++seed) {
    const auto chosen = sample(10, seed);
    CHECK(chosen.size() == 10);
    CHECK(std::is_sorted(chosen.begin(), chosen.end()));
    std::set<int64_t> classes;
    for (int64_t i : chosen) classes.insert(*data.class_of(i, 0));
    CHECK(classes.size() == 3);
    CHECK(chosen == sample(10, seed));
  }
  CHECK(sample(10, 1) != sample(10, 2));
  CHECK(sample(1, 1).size() == 3);  // it grows to hold every class
  CHECK(sample(1000, 1) == all_of(data));
}

TEST_CASE("a fixed sample takes as much of each task's own images", "[choice]") {
  class OwnImages final : public SortedSet {
    int only_task(int64_t index) const override { return index < 90 ? 0 : 1; }
  } data;
  const std::vector<TaskSpec> tasks(2);
  const auto chosen = fixed_sample(data, all_of(data), tasks, 5, true, 1);
  CHECK(std::count_if(chosen.begin(), chosen.end(), [](int64_t i) { return i < 90; }) == 5);
  CHECK(std::count_if(chosen.begin(), chosen.end(), [](int64_t i) { return i >= 90; }) == 5);
}

TEST_CASE("scenes and their rooms: the class is known without rendering", "[choice][data]") {
  RunFile run = two_tasks({"task.seg.kind=classification", "task.seg.classes=6"});
  run.tasks[1].kind = TaskKind::binary;
  const auto data = open_dataset(run);
  for (int64_t i = 0; i < data->size(); ++i) {
    const Sample sample = data->load(i);
    for (size_t k : {0, 1})
      CHECK(static_cast<float>(*data->class_of(i, k)) == sample.labels[k].pixels[0]);
  }
  CHECK_FALSE(open_dataset(*std::make_unique<RunFile>(two_tasks()))->class_of(0, 0));
}

TEST_CASE("eval.batches: neither the run's seed nor its step changes the sample", "[choice]") {
  CpuContext cpu(1);
  RunFile run = two_tasks({"sharing=hard", "eval.batches=1"});
  const auto data = open_dataset(run);
  const auto model = make_model(&cpu, run);
  const Parts parts = make_parts(*data);
  const auto loss = [&] {
    return *evaluate(&cpu, *model, run, *data, parts.val, every_block, 1)[1].loss;
  };
  const double first = loss();
  run.seed = 77;
  CHECK(loss() == first);
  std::set<double> seen;
  for (run.data.seed = 0; run.data.seed < 6; ++run.data.seed) seen.insert(loss());
  CHECK(seen.size() > 1);
  run.semantics = Semantics::compat;  // the first batch, as the official code
  const std::vector<int64_t> start(parts.val.begin(), parts.val.begin() + 2);
  CHECK(loss() == evaluate(&cpu, *model, run, *data, start, every_block)[1].loss);
}

TEST_CASE("evaluation: the loss of sparse labels is that of the split, whatever the batches",
          "[choice][metrics]") {
  CpuContext cpu(1);
  const SparseSet data;
  for (const char* weights : {"[]", "[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13]"}) {
    RunFile run = two_tasks(
        {"sharing=hard", "data.batch=5", std::string("task.seg.class_weights=") + weights});
    const auto model = make_model(&cpu, run);
    const auto results = [&] {
      return evaluate(&cpu, *model, run, data, all_of(data), every_block);
    };
    const auto together = results();
    for (int64_t batch : {1, 2, 3, 4}) {
      run.data.batch = batch;
      const auto apart = results();
      for (size_t k : {0, 1}) {
        INFO(batch << " " << k);
        CHECK(*apart[k].loss == Catch::Approx(*together[k].loss).epsilon(1e-5));
        CHECK(*apart[k].constant == Catch::Approx(*together[k].constant));
      }
    }
    // The constant: depths 1, 1 2, 1 2 3, 1 2 3 4; their median is 2, and 8 / 10 the mean distance.
    CHECK(*together[1].constant == Catch::Approx(0.8));
  }
}

TEST_CASE("a model no better than a constant prediction is said to be so", "[choice][report]") {
  CHECK(worse_than_constant({result("a", 1, 2), result("b", 1, {})}).empty());
  CHECK(worse_than_constant({result("a", 0.1, 0)}).empty());  // one value: nothing to learn
  CHECK_THAT(worse_than_constant({result("a", 1, 2), result("b", 3, 2), result("c", 2, 2)}),
             contains_text("b 3.0000 (constant 2.0000), c 2.0000"));
  RunSummary run;
  run.name = "mine";
  run.tasks = {"a", "b"};
  run.results = {result("a", 1, 2), result("b", 3, 2)};
  const std::string text = table({run});
  CHECK_THAT(text, contains_text("3.00†"));
  CHECK(text.find("1.00†") == text.npos);
  CHECK_THAT(text, contains_text("†mine: no better than a constant prediction: b 3.0000"));
  CHECK(table({run}, TableStyle::csv).find("†") == std::string::npos);
  CHECK_THAT(table({run}, TableStyle::latex), contains_text("3.00$^\\dagger$"));
}

TEST_CASE("table: unlike runs keep their columns, and a missing test split is a dash", "[report]") {
  RunSummary one, two, none;
  one.name = "one";
  one.sharing = Sharing::single;
  one.tasks = {"a", "b"};
  // fw_iou is for `weft eval` and the CSV alone, which has all digits.
  one.results = {{"a", 1, {{"miou", 50, true}, {"fw_iou", 43.21987654321, true}}, 0, {}},
                 {"b", 2, {{"mae", 3, false}, {"r2", 0.5, true}}, 0, {}}};
  two = one;
  two.name = "two";
  two.trunk_parameters = 1234567;
  two.head_parameters = 4321;
  two.trunk_parameters_of_one = 1.23456;
  two.trunk_gflop = 0.0123456;
  two.heads_gflop = 0.0006543;
  two.seconds = {{"retrain", 12.3456}};
  two.tasks = {"b", "c"};
  two.results = {{"b", 4, {{"accuracy", 70, true}}, 0, {}}, {"c", 5, {}, 0, {}}};
  none = one;
  none.name = "none";
  none.results.clear();
  const std::string csv = table({one, two, none}, TableStyle::csv);
  const std::string header =
      "run,a loss,a miou ^,a fw_iou ^,b loss,b mae v,b r2 ^,b accuracy ^,c loss,Delta_T %,";
  CHECK_THAT(csv, contains_text(header));
  CHECK_THAT(csv, contains_text("\none,1,50,43.21987654321,2,3,0.5,-,-,0,"));
  CHECK_THAT(csv, contains_text("\ntwo,-,-,-,4,-,-,70,5,-,"
                                "1.234567,1.23456,0.004321,0.0123456,0.0006543,12.3456\n"));
  CHECK_THAT(csv, contains_text("\nnone,-,-,-,-,-,-,-,-,-,"));
  for (TableStyle style : {TableStyle::text, TableStyle::markdown, TableStyle::latex})
    CHECK(table({none, two, one}, style).find("fw_iou") == std::string::npos);
  // What conflicts is shown where some run was watched.
  CHECK(csv.find("cosine") == std::string::npos);
  two.cosine = -0.125;
  const std::string watched = table({one, two}, TableStyle::csv);
  CHECK_THAT(watched, contains_text(",c loss,mean cosine,Delta_T %,"));
  CHECK_THAT(watched, contains_text("\ntwo,-,-,-,4,-,-,70,5,-0.125,-,"));
  CHECK_THAT(watched, contains_text("\none,1,50,43.21987654321,2,3,0.5,-,-,-,0,"));
}

TEST_CASE("eval.best = per-task: each single-task network is kept at its own best step",
          "[choice][resume]") {
  TempFolder folder;
  CpuContext cpu(1);
  RunFile run = two_tasks({"sharing=single", "eval.best=per-task", "retrain.optimizer.lr=0.05"});
  const auto data = open_dataset(run);
  // Every step's weights, to compare with.
  std::map<int64_t, std::map<std::string, std::vector<double>>> at;
  {
    Trainer trainer(run, *data, &cpu);
    trainer.start(folder.file("whole"));
    while (trainer.step())
      for (const NamedTensor& t : file_tensors(trainer.model().store()))
        at[trainer.state().total_step][t.name] = t.value.to_vector();
  }
  const std::string best = folder.file("whole") + "/checkpoints/best.safetensors";
  const TrainState state = read_checkpoint(best).state;
  REQUIRE(state.task_best_step.size() == 2);
  REQUIRE(state.task_best_step[0] != state.task_best_step[1]);  // or there is nothing to tell
  CHECK(state.best_step == std::max(state.task_best_step[0], state.task_best_step[1]));
  const auto kept = make_model(&cpu, run);
  load_model(best, *kept);
  for (const NamedTensor& t : file_tensors(kept->store())) {
    INFO(t.name);
    const bool seg = t.name.find(".seg.") != t.name.npos;
    CHECK(t.value.to_vector() == at[state.task_best_step[seg ? 0 : 1]][t.name]);
  }
  // Each step is the one of the task's own least validation loss.
  std::map<std::string, std::pair<Measure, int64_t>> least;
  for (const MetricsLine& line : read_metrics(folder.file("whole") + "/metrics.jsonl"))
    if (line.split == "val" &&
        (least.count(line.task) == 0 || *line.loss < *least[line.task].first))
      least[line.task] = {line.loss, line.step};
  CHECK(least["seg"].second == state.task_best_step[0]);
  CHECK(least["depth"].second == state.task_best_step[1]);
  // Killed again and again, also where the best file is of later steps than the last: the same.
  run.checkpoint_every = 3;
  for (int part = 0; part < 5; ++part) {
    Trainer next(run, *data, &cpu);
    if (part == 0)
      next.start(folder.file("parts"));
    else
      next.resume(folder.file("parts"));
    for (int i = 0; i < 3 + part % 3; ++i) next.step();
  }
  CHECK(read_checkpoint(folder.file("parts") + "/checkpoints/best.safetensors").state == state);
  const auto again = make_model(&cpu, run);
  load_model(folder.file("parts") + "/checkpoints/best.safetensors", *again);
  for (const Parameter& p : kept->store().parameters())
    CHECK(p.value.to_vector() == again->store().find(p.name)->value.to_vector());
}

TEST_CASE("eval.best = per-task: where tasks share parameters it is refused, saying why",
          "[choice][run_file]") {
  for (const char* sharing : {"hard", "soft", "adashare"})
    CHECK_THAT(message_of<ConfigError>([&] {
                 two_tasks({"eval.best=per-task", std::string("sharing=") + sharing});
               }),
               contains_text("which needs sharing = \"single\"") && contains_text(sharing));
}
