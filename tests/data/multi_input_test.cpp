// Tasks that bring their own images, as DomainNet's domains do: what a batch holds, how long an
// epoch is, evaluation of each task on its own samples, and a run through every phase in every way
// of sharing that has such inputs, with the trainer's promises kept.
#include <array>
#include <cmath>
#include <map>
#include <set>

#include "tests/support/catch.h"
#include "tests/support/domain_set.h"
#include "tests/support/run_bits.h"
#include "train/loop/predict.h"
#include "train/run_folder/checkpoint.h"

using namespace weft;
using namespace weft::test;

namespace {

/// Mean of a task's own loss where only its samples are evaluated.
double loss_alone(const RunFile& run, const Dataset& data, Model& model,
                  const std::vector<int64_t>& indices, int task) {
  std::vector<int64_t> own;
  for (int64_t i : indices)
    if (data.only_task(i) == task) own.push_back(i);
  CpuContext cpu(2);
  const auto results =
      evaluate(&cpu, model, run, data, own, [](int64_t) -> const BinaryPolicy* { return nullptr; });
  for (size_t k = 0; k < results.size(); ++k)
    CHECK(results[k].loss.has_value() == (static_cast<int>(k) == task));
  return *results[static_cast<size_t>(task)].loss;
}

}  // namespace

TEST_CASE("own images: a batch is stacked in task order, an epoch ends with the smallest task",
          "[data][multi_input]") {
  TempFolder folder;
  write_domains(folder);
  RunFile run = domain_run(folder);
  CHECK(run.data.inputs == Whose::per_task);
  CHECK(domain_run(folder, {"data.inputs=shared"}).data.inputs == Whose::shared);
  const auto data = open_dataset(run);
  const Parts parts = make_parts(*data);
  int count[3] = {}, held_out[3] = {};
  for (int64_t i : parts.train) ++count[data->only_task(i)];
  for (int64_t i : parts.val) ++held_out[data->only_task(i)];
  for (int k = 0; k < 3; ++k) {
    CHECK(held_out[k] == (k == 2 ? 2 : 1));  // a tenth of each domain
    CHECK(count[k] == domains[k].train - held_out[k]);
  }
  Loader loader(*data, parts.train, train_loader_options(run, *data, "train", 0));
  CHECK(loader.batches_per_epoch() == 4);  // clipart: 8 images, 2 a batch
  std::set<std::string> seen;
  std::vector<Batch> batches;
  for (int b = 0; b < 6; ++b) {
    batches.push_back(loader.next());
    const Batch& batch = batches.back();
    CHECK(batch.images.shape() == Shape{6, 40, 40, 3});
    CHECK(batch.epoch == b / 4);
    for (size_t k = 0; k < 3; ++k) {
      CHECK(batch.targets[k].shape() == Shape{2, 1, 1, 1});
      for (size_t i = 0; i < 2; ++i) {
        const std::string& key = batch.keys[2 * k + i];
        CHECK(key.rfind(domains[k].name, 0) == 0);
        if (b < 4) CHECK(seen.insert(key).second);
        // The class is the parity of the picture's number.
        const int number = std::stoi(key.substr(key.rfind("train") + 5));
        CHECK(batch.targets[k].data<float>()[i] == static_cast<float>(number % 2));
      }
    }
  }
  // A pure function of the cursor, however many workers there are.
  RunFile other = run;
  other.data.workers = 3;
  Loader later(*data, parts.train, train_loader_options(other, *data, "train", 3));
  for (size_t b = 3; b < 6; ++b) {
    const Batch batch = later.next();
    CHECK(batch.keys == batches[b].keys);
    CHECK(same_bits(batch.images, batches[b].images));
  }
}

TEST_CASE("own images: evaluation takes every sample of every task once", "[data][multi_input]") {
  TempFolder folder;
  write_domains(folder);
  RunFile run = domain_run(folder);
  const auto data = open_dataset(run);
  const Parts parts = make_parts(*data);
  Loader loader(*data, parts.test, eval_loader_options(run, *data));
  CHECK(loader.batches_per_epoch() == 3);  // clipart: 5 images
  std::array<int64_t, 3> rows{};
  for (int b = 0; b < 3; ++b) {
    const Batch batch = loader.next();
    for (size_t k = 0; k < 3; ++k) rows[k] += batch.targets[k].shape()[0];
    if (b < 2) continue;
    CHECK(batch.images.shape()[0] == 3);  // real and sketch have run out
    CHECK(batch.keys == std::vector<std::string>{"clipart/test4.png"});
    for (int64_t i = 0; i < 40 * 40 * 3; ++i) {
      CHECK(batch.images.data<float>()[i] == 0);
    }
  }
  CHECK(rows == std::array<int64_t, 3>{3, 5, 4});
  for (const char* sharing : {"single", "hard", "soft", "adashare"}) {
    RunFile one = domain_run(folder, {std::string("sharing=") + sharing});
    CpuContext cpu(2);
    const auto model = make_model(&cpu, one);
    const auto together = evaluate(&cpu, *model, one, *data, parts.test,
                                   [](int64_t) -> const BinaryPolicy* { return nullptr; });
    for (int k = 0; k < 3; ++k)
      CHECK(together[static_cast<size_t>(k)].loss ==
            Catch::Approx(loss_alone(one, *data, *model, parts.test, k)).epsilon(1e-6));
  }
}

TEST_CASE("own images: every way of sharing trains through its phases", "[train][multi_input]") {
  TempFolder folder;
  write_domains(folder);
  for (const std::string bn : {"shared", "per-task"})
    for (const std::string sharing : {"single", "hard", "soft", "adashare"}) {
      if (sanitized && bn == "shared" && sharing != "adashare") continue;
      RunFile run = domain_run(folder, {"sharing=" + sharing, "model.bn={running=\"" + bn +
                                                                  "\", affine=\"" + bn + "\"}"});
      CpuContext cpu(2);
      const auto data = open_dataset(run);
      Trainer trainer(run, *data, &cpu);
      const std::string path = folder.file("run-" + sharing + bn);
      trainer.start(path);
      trainer.run();
      const auto lines = read_metrics(path + "/metrics.jsonl");
      int tested = 0;
      for (const MetricsLine& line : lines) {
        CHECK((line.loss && std::isfinite(*line.loss)));
        tested += line.split == "test";
      }
      CHECK(tested == 3);
      const auto labels =
          predict(&cpu, trainer.model(), run,
                  trainer.state().chosen.select.empty() ? nullptr : &trainer.state().chosen,
                  data->load(0).image);
      CHECK(labels.size() == 3);
    }
}

TEST_CASE("own images: the same bits on any number of threads",
          "[train][determinism][multi_input]") {
  TempFolder folder;
  write_domains(folder);
  RunFile run = domain_run(folder);
  const auto one = train(run, 1, 12);
  if (!sanitized) CHECK(same(one, train(run, 2, 12)));  // fewer threads meet less
  CHECK(same(one, train(run, 7, 12)));
}

TEST_CASE("own images: killed and resumed ends with the bits of an unbroken run",
          "[train][resume][multi_input]") {
  TempFolder folder;
  write_domains(folder);
  RunFile run = domain_run(folder);
  CpuContext cpu(2);
  const auto data = open_dataset(run);
  check_killed_and_resumed(run, *data, &cpu, &cpu, {2, 4, 6, 10});
}

TEST_CASE("own images: a task's batch norm learns from its own images alone",
          "[train][multi_input]") {
  // Without labels and images of its own changing, a task's statistics stay as they are when the
  // other task's images change.
  TempFolder folder;
  write_domains(folder);
  RunFile run = domain_run(folder, {"sharing=hard"});
  CpuContext cpu(2);
  const auto data = open_dataset(run);
  Loader loader(*data, make_parts(*data).train, train_loader_options(run, *data, "train", 0));
  const Batch batch = loader.next();
  const auto stats_after = [&](float change) {
    const auto model = make_model(&cpu, run);
    set_trainable(*model, Phase::retrain);
    Batch changed = batch;
    changed.images = Tensor::empty(batch.images.shape(), DType::f32);
    cpu.copy(changed.images, batch.images);
    const int64_t third = changed.images.numel() / 3;
    for (int64_t i = third; i < 2 * third; ++i) changed.images.data<float>()[i] += change;
    Tape tape(&cpu);
    StepInputs in;
    in.phase = Phase::retrain;
    in.images = tape.constant(changed.images);
    in.targets = changed.targets;
    const StepOutputs out = compute_step(tape, *model, run, in);
    std::map<std::string, std::vector<double>> stats;
    for (const NamedStats& s : model->store().stats())
      stats[s.name] = s.stats.running_mean.to_vector();
    return stats;
  };
  const auto before = stats_after(0), after = stats_after(1);
  for (const auto& [name, mean] : before) {
    const bool own = name.size() > 7 && name.substr(name.size() - 7) == "clipart";
    INFO(name);
    CHECK((mean == after.at(name)) == !own);
  }
}

TEST_CASE("a trunk from a file starts every task's batch norm", "[train][multi_input]") {
  TempFolder folder;
  write_domains(folder);
  CpuContext cpu(1);
  const std::string file = folder.file("torchvision.safetensors");
  RunFile shared = domain_run(
      folder, {"model.bn={running=\"shared\", affine=\"shared\"}", "sharing=hard", "seed=9"});
  auto source = make_model(&cpu, shared);
  for (Parameter& p : source->store().parameters())
    if (p.value.shape().rank() == 1) cpu.fill(p.value, 0.25);
  for (NamedStats& s : source->store().stats()) cpu.fill(s.stats.running_var, 3);
  write_safetensors(file, file_tensors(source->store()), {});
  RunFile own = domain_run(folder, {"model.init=" + file, "retrain.steps=1"});
  const auto data = open_dataset(own);
  Trainer trainer(own, *data, &cpu);
  const auto is_from_file = [&] {
    ParameterStore& store = trainer.model().store();
    for (const char* task : {"real", "clipart", "sketch"})
      for (const std::string norm : {"bn1", "layer2.0.bn2", "layer2.0.downsample.1"})
        CHECK(store.find(fmt::format("{}.{}.weight", norm, task))->value.to_vector()[0] == 0.25);
    CHECK(same_bits(store.find("layer3.1.conv2.weight")->value,
                    source->store().find("layer3.1.conv2.weight")->value));
    for (const NamedStats& s : store.stats()) CHECK(s.stats.running_var.to_vector()[0] == 3);
  };
  is_from_file();
  // Re-training starts from the file again, not from noise.
  while (trainer.state().stage != Stage::retrain) trainer.step();
  is_from_file();
}

TEST_CASE("csv: a column names the task that an image is for", "[data][multi_input]") {
  TempFolder folder;
  std::string rows = "image,what,age,for\n";
  for (int i = 0; i < 8; ++i) {
    write_png(folder.file(fmt::format("{}.png", i)),
              Picture(4, 4, 3, 0.1F * static_cast<float>(i)));
    rows += fmt::format("{}.png,{},{},{}\n", i, i % 2, i, i < 3 ? "what" : i < 7 ? "age" : "");
  }
  write_file(folder.file("index.csv"), rows);
  const auto read = [&](const std::vector<std::string>& more) {
    std::vector<std::string> overrides{"data.root=" + folder.path(), "data.task_column=for"};
    overrides.insert(overrides.end(), more.begin(), more.end());
    return parse_run_text(R"(
[data]
kind = "csv"
batch = 2
[[task]]
name = "what"
kind = "classification"
classes = 2
[[task]]
name = "age"
kind = "regression"
[warmup]
steps = 1
)",
                          "own.toml", overrides);
  };
  RunFile run = read({});
  CHECK(run.data.inputs == Whose::per_task);
  const auto data = open_dataset(run);
  CHECK((data->only_task(0) == 0 && data->only_task(3) == 1 && data->only_task(7) == -1));
  CHECK((!data->load(0).labels[0].empty() && data->load(0).labels[1].empty()));
  std::vector<int64_t> all{0, 1, 2, 3, 4, 5, 6, 7};
  const EpochPlan plan = plan_epoch(*data, all, train_loader_options(run, *data, "train", 0));
  CHECK(plan.streams == std::vector<std::vector<int64_t>>{{0, 1, 2, 7}, {3, 4, 5, 6, 7}});
  CHECK((plan.batch == 2 && plan.batches == 2));
  CHECK_THAT(message_of<DataError>([&] {
               plan_epoch(*data, {0, 1}, train_loader_options(run, *data, "train", 0));
             }),
             contains_text("the 'train' part of the data set has no images of task 'age'"));
  write_file(folder.file("index.csv"), rows + "7.png,1,3,size\n");
  CHECK_THAT(
      message_of<DataError>([&] { open_dataset(run); }),
      contains_text("index.csv:10: column 'for' says 'size', which is neither the name nor the"));
}

TEST_CASE("own images and own norms: what is refused says why", "[run_file][multi_input]") {
  TempFolder folder;
  CHECK_THAT(message_of<ConfigError>([&] { domain_run(folder, {"model.bn.running=shared"}); }),
             contains_text("'model.bn.affine'") && contains_text("needs bn.running"));
  CHECK_THAT(message_of<ConfigError>([&] { domain_run(folder, {"data.task_column=x"}); }),
             contains_text("'data.task_column' means nothing for domainnet data"));
}
