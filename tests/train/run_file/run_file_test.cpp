// The run file: every key read and printed back, inheritance, overrides, and each complaint's text.
#include "train/run_file/run_file.h"

#include <set>

#include "engine/error.h"
#include "tests/models/ways.h"
#include "tests/support/catch.h"
#include "train/run_file/keys.h"

using namespace weft;

namespace {

const char* const small = R"(name = "small"
[data]
size = [64, 96]
[[task]]
name = "seg"
kind = "segmentation"
classes = 13
[[task]]
kind = "depth"
)";

std::string message(const std::string& text, const std::vector<std::string>& overrides = {}) {
  try {
    parse_run_text(text, "run.toml", overrides);
  } catch (const ConfigError& error) {
    return error.what();
  }
  return "";
}

}  // namespace

TEST_CASE("run file: defaults are AdaShare's official values", "[run_file]") {
  const RunFile run = parse_run_text(small, "run.toml");
  CHECK(run.tasks.size() == 2);
  CHECK(run.tasks[1].name == "depth");
  CHECK(run.tasks[0].column == "seg");
  CHECK(run.tasks[0].channels() == 13);
  CHECK(run.warmup.optimizer.kind == OptimizerKind::adam);
  CHECK(run.warmup.optimizer.betas[0] == 0.5);
  CHECK(run.warmup.optimizer.trunk_lr == 1e-3);
  CHECK(run.policy.optimizer.kind == OptimizerKind::sgd);
  CHECK(run.policy.logits.lr == 0.01);
  CHECK(run.policy.logits.weight_decay == 5e-4);
  CHECK(run.policy.temperature == 5);
  CHECK(run.policy.decay == 0.965);
  CHECK(run.retrain.steps == 20000);
}

TEST_CASE("run file: policy and retrain inherit from warmup", "[run_file]") {
  const std::string text = std::string(small) + R"([warmup]
optimizer = {lr = 0.02, trunk_lr = 0.001}
schedule = {kind = "step", every = 100}
[retrain]
optimizer = {lr = 0.03}
)";
  RunFile run = parse_run_text(text, "run.toml");
  CHECK(run.policy.optimizer.lr == 0.02);
  CHECK(run.policy.optimizer.trunk_lr == 0.001);
  CHECK(run.policy.schedule.kind == ScheduleKind::constant);
  CHECK(run.retrain.optimizer.lr == 0.03);
  CHECK(run.retrain.optimizer.trunk_lr == 0.03);
  CHECK(run.retrain.schedule == run.warmup.schedule);
  run = parse_run_text(text, "run.toml", {"warmup.optimizer.lr=0.5"});
  CHECK(run.warmup.optimizer.trunk_lr == 0.001);
  CHECK(run.policy.optimizer.lr == 0.5);
}

TEST_CASE("run file: overrides", "[run_file]") {
  const RunFile run = parse_run_text(
      small, "run.toml",
      {"policy.sharing=0.1", "task.seg.weight=2", "data.size=[32, 48]", "sharing=hard",
       "warmup.optimizer={kind=\"sgd\", lr=1}", "data.augment.flip=true", "data.root=/some/folder",
       "task.seg.map={0=0, 7=1, -1=12}", "seed=7", "model.bn.running=per-task"});
  CHECK(run.policy.sharing == 0.1);
  CHECK(run.tasks[0].weight == 2);
  CHECK(run.data.size == std::array<int, 2>{32, 48});
  CHECK(run.sharing == Sharing::hard);
  CHECK(run.warmup.optimizer.kind == OptimizerKind::sgd);
  CHECK(run.warmup.optimizer.lr == 1);
  CHECK(run.data.augment.flip);
  CHECK(run.data.root == "/some/folder");
  CHECK(run.tasks[0].map.at(-1) == 12);
  CHECK(run.seed == 7);
  CHECK(run.model.bn_running == Whose::per_task);
}

TEST_CASE("run file: task.*.KEY is the key of every task, and later overrides win", "[run_file]") {
  const RunFile run = parse_run_text(small, "run.toml", {"task.*.weight=3", "task.seg.weight=2"});
  REQUIRE(run.tasks.size() > 1);
  for (const TaskSpec& task : run.tasks) CHECK(task.weight == (task.name == "seg" ? 2 : 3));
  CHECK(message(small, {"column.*.scale=2"}) == "command line: there is no [[column]]");
  CHECK(message(small, {"task.*.wieght=2"}) ==
        "command line: unknown key 'task.seg.wieght'; did you mean 'task.seg.weight'?");
}

TEST_CASE("run file: prints every key and reads its own print", "[run_file]") {
  RunFile run = parse_run_text(
      small, "run.toml",
      {"task.seg.ignore=255", "task.seg.map={3=4,255=255}", "seed=3", "task.depth.scale=0.001",
       "task.depth.invalid=0", "policy.logits.lr=1e-8", "data.root=\"a \\\"b\\\" \\t c\"",
       "task.seg.class_weights=[1,2,3,4,5,6,7,8,9,10,11,12,0.1]",
       "task.seg.names=[\"0\",\"1\",\"2\",\"3\",\"4\",\"5\",\"6\",\"7\",\"8\",\"9\",\"10\",\"11\","
       "\"12\"]"});
  const std::string text = print_run_file(run);
  const RunFile again = parse_run_text(text, "again.toml");
  CHECK(print_run_file(again) == text);
  CHECK(again.data.root == "a \"b\" \t c");
  CHECK(again.policy.logits.lr == 1e-8);
  CHECK(again.tasks[0].class_weights[12] == 0.1);
  CHECK_FALSE(again.tasks[1].ignore);
  for (const std::string& key : key_names(run)) {
    const std::string last = key.substr(key.rfind('.') + 1);
    // Lists are printed where they hold something (tables_test.cpp).
    const std::set<std::string> lists{"group",     "header",      "missing", "columns",
                                      "leave_out", "categorical", "slopes",  "train_groups"};
    const bool of_tables = key.rfind("column.", 0) == 0 || lists.count(last) > 0;
    const bool optional = of_tables || key.rfind("task.depth.", 0) == 0;
    INFO(key);
    CHECK((optional || text.find(last) != std::string::npos));
  }
}

TEST_CASE("run file: complaints name file, line and the nearest key", "[run_file]") {
  const std::string text = small;
  CHECK(message(text + "[policy]\ntemprature = 5\n") ==
        "run.toml:11: unknown key 'policy.temprature'; did you mean 'policy.temperature'?");
  CHECK(message("sede = 1\n" + text) == "run.toml:1: unknown key 'sede'; did you mean 'seed'?");
  CHECK(message("temperature = 1\n" + text) ==
        "run.toml:1: unknown key 'temperature'; did you mean 'policy.temperature'?");
  CHECK(message(text + "weigth = 2\n") ==
        "run.toml:10: unknown key 'task.depth.weigth'; did you mean 'task.depth.weight'?");
  CHECK(message(text + "[warmup]\noptimizer = {lr = \"big\"}\n") ==
        "run.toml:11: 'warmup.optimizer.lr' expects a number, got a string");
  CHECK(message(text + "[policy]\nsteps = 1.5\n") ==
        "run.toml:11: 'policy.steps' expects an integer, got a number with a decimal point");
  CHECK(message(text + "[data.augment]\ncrop = [3]\n") ==
        "run.toml:11: 'data.augment.crop' expects two integers, [height, width], got 1 values");
  CHECK(message("sharing = \"adashar\"\n" + text) ==
        "run.toml:1: 'sharing' is \"adashar\"; it is one of " +
            fmt::to_string(fmt::join(test::names_of(test::all_ways()), ", ")) +
            "; did you mean \"adashare\"?");
  CHECK_THAT(message("name = \"x\n"),
             Catch::Matchers::StartsWith("run.toml:1: Error while parsing string"));
}

TEST_CASE("run file: letters of every alphabet, wherever they stand", "[run_file]") {
  const std::string text = small;
  for (const char* letter :
       {"\u0142", "\u00e4", "\u0416", "\u03b1", "\u2c60", "\u4e2d", "\uac00"}) {
    INFO(letter);
    CHECK(message(fmt::format("# {}\n", letter) + text) == "");
    CHECK_THAT(message(fmt::format("{} = 1\n", letter) + text),
               Catch::Matchers::StartsWith("run.toml:1: "));
    CHECK_THAT(message(fmt::format("seed {} = 1\n", letter) + text),
               Catch::Matchers::StartsWith("run.toml:1: "));
    CHECK_THAT(message(fmt::format("seed = 1{}\n", letter) + text),
               Catch::Matchers::StartsWith("run.toml:1: "));
    CHECK_THAT(message(text, {fmt::format("warmup.optimizer={{lr=0.{}=2}}", letter)}),
               Catch::Matchers::StartsWith("command line: "));
  }
}

TEST_CASE("run file: complaints about overrides", "[run_file]") {
  CHECK(message(small, {"policy.temprature=1"}) ==
        "command line: unknown key 'policy.temprature'; did you mean 'policy.temperature'?");
  CHECK(message(small, {"task.sag.weight=1"}) ==
        "command line: there is no task 'sag'; did you mean 'seg'?");
  CHECK(message(small, {"policy.steps=[1]"}) ==
        "command line: 'policy.steps' expects an integer, got an array");
  CHECK(message(small, {"seed"}) ==
        "command line: 'seed' is no override; write key=value, such as policy.sharing=0.1");
  CHECK(message(small, {"polcy.steps=3"}) ==
        "command line: unknown key 'polcy'; did you mean 'policy'?");
  CHECK(message(small, {"data.size.x=3"}) ==
        "command line: unknown key 'data.size.x': 'size' is no table");
  CHECK(message(small, {".x=3"}) == "command line: '.x=3' has an empty key");
}

TEST_CASE("run file: values that do not fit together", "[run_file]") {
  const std::string text = small;
  CHECK(message("") == "run.toml: there is no [[task]]; a run learns at least one");
  CHECK(message("[[task]]\nkind = \"segmentation\"\n") ==
        "run.toml:1: 'task.segmentation.classes' is missing; segmentation needs the number of "
        "classes, 2 or more");
  CHECK(message("precision = \"tf32\"\n" + text) ==
        "run.toml:1: 'precision' is \"tf32\", which needs device = \"cuda\"; the CPU has f32, f64 "
        "and "
        "bf16");
  CHECK(message("precision = \"f32_fma\"\n" + text).find("which needs device = \"cuda\"") !=
        std::string::npos);
  CHECK(message(text, {"task.seg.map={0=13}"}) ==
        "command line: 'task.seg.map' maps 0 to 13; classes are 0 to 12");
  CHECK(message(text, {"data.batch=0"}) == "command line: 'data.batch' is 0; it is at least 1");
  CHECK(message(text, {"data.kind=csv"}) ==
        "run.toml:2: 'data.root' is missing: the folder of the csv data");
  CHECK(
      message(text, {"warmup.steps=0", "policy.steps=0", "retrain.steps=0"}) ==
      "command line: 'warmup.steps' is 0, and so are the other phases' steps: there is nothing to "
      "train");
  CHECK(message(text + "[[task]]\nname = \"seg\"\nkind = \"edges\"\n") ==
        "run.toml:10: 'task.seg' is there twice; give each its name");
  CHECK(message(text, {"task.depth.classes=3"}) ==
        "command line: 'task.depth.classes' means nothing for depth");
  for (const char* bad : {"-1", "1e39", "nan", "inf"}) {  // 1e39 is infinite in f32
    INFO(bad);
    CHECK(message(text, {std::string("task.depth.weight=") + bad}) != "");
    CHECK(message(text,
                  {fmt::format("task.seg.class_weights=[1,1,1,1,1,1,1,1,1,1,1,1,{}]", bad)}) != "");
  }
  CHECK(message(text, {"task.depth.weight=1e39"}) ==
        "command line: 'task.depth.weight' is 1e+39; it is at least 0 and finite (in f32)");
  CHECK(message(text, {"policy.decay=1.5"}) ==
        "command line: 'policy.decay' is 1.5; it is in (0, 1]");
  CHECK(message(text, {"policy.data_share=1"}) ==
        "command line: 'policy.data_share' is 1; it is more than 0 and less than 1");
  CHECK_THAT(message(text, {"policy.model=instance-specific"}),
             contains_text("weft learns one policy for each task"));
}

TEST_CASE("run file: [share] belongs to the way of sharing", "[run_file][ways]") {
  const RunFile run =
      parse_run_text(small, "run.toml",
                     {"sharing=soft", "share.layers=[\"layer1\", \"*.conv2\"]",
                      "share.distance=trace", "share.weight=0.5", "share.pair_weights=[2]"});
  CHECK(run.share.layers == std::vector<std::string>{"layer1", "*.conv2"});
  const std::string text = print_run_file(run);
  CHECK(text.find("[share]\nlayers = [\"layer1\", \"*.conv2\"]\ndistance = \"trace\"\n"
                  "weight = 0.5\npair_weights = [2.0]\n") != std::string::npos);
  CHECK(text.find("lr_factor") == std::string::npos);
  CHECK(print_run_file(parse_run_text(text, "again.toml")) == text);
  CHECK(print_run_file(parse_run_text(small, "run.toml")).find("[share]") == std::string::npos);

  CHECK(message(small, {"sharing=nddr", "share.distance=l2"}) ==
        "command line: 'share.distance' means nothing for sharing = \"nddr\"; it belongs to soft");
  CHECK(message(std::string(small) + "[share]\nlr_factor = 10\n") ==
        "run.toml:11: 'share.lr_factor' means nothing for sharing = \"adashare\"; it belongs to "
        "cross_stitch, sluice, nddr");
  CHECK(message(small, {"sharing=soft", "share.distanse=l2"}) ==
        "command line: unknown key 'share.distanse'; did you mean 'share.distance'?");
  CHECK(message(small, {"sharing=soft", "share.pair_weights=[1, 2]"}) ==
        "command line: 'share.pair_weights' has 2 values for 1 pairs of tasks: (0,1), (0,2) .. "
        "(1,2) ..");
  CHECK(message(small, {"sharing=sluice", "share.subspaces=0"}) ==
        "command line: 'share.subspaces' is 0; it is at least 1");
}

TEST_CASE("run file: every number has limits, and the message names them", "[run_file][limits]") {
  const std::string at = "command line: ";
  CHECK(message(small, {"model.width=1e300"}) == at + "'model.width' is 1e+300; it is at most 64");
  CHECK(message(small, {"data.size=[2000000000,2000000000]"}) ==
        at + "'data.size' is 2000000000; it is at most 32768");
  CHECK(message(small, {"data.size=[32768,32768]"}) ==
        at + "'data.size' is [32768, 32768]: more than 2^27 pixels");
  CHECK(message(small, {"data.augment={scale=[1.0,64.0]}", "data.size=[2048,2048]"}) ==
        at + "'data.augment.scale' enlarges pictures of 2048 x 2048 to more than 2^27 pixels");
  CHECK(message(small, {"task.seg.classes=2000000000"}) ==
        at + "'task.seg.classes' is 2000000000; it is at most 16777216");
  CHECK(message(small, {"warmup.steps=9223372036854775807"}) ==
        at + "'warmup.steps' is 9223372036854775807; it is at most 1000000000");
  CHECK(message(small, {"warmup.optimizer.lr=1e-50"}) ==
        at + "'warmup.optimizer.lr' is 1e-50; it is at least 1e-30");  // 0 in f32
  CHECK(message(small, {"warmup.schedule={kind=\"step\", every=1, factor=2.0}"}) ==
        at + "'warmup.schedule.factor' is 2; 4000 times, it takes the rate to inf");
  CHECK_THAT(message(small, {"policy.floor=0", "policy.weight_steps=1", "policy.logit_steps=1"}),
             contains_text("'policy.floor' is 0, and the temperature falls to"));
  // Counts that are multiplied with others or become 32 bits somewhere behind the run file.
  for (const char* key : {"data.batch",
                          "data.workers",
                          "data.count",
                          "data.val_count",
                          "data.test_count",
                          "model.hidden",
                          "model.blocks",
                          "model.head_width",
                          "model.in_channels",
                          "policy.steps",
                          "retrain.steps",
                          "policy.weight_steps",
                          "policy.logit_steps",
                          "policy.curriculum_speed",
                          "policy.draws",
                          "policy.skip_layer",
                          "eval.every",
                          "eval.batches",
                          "checkpoint.every",
                          "retrain.schedule.warmup",
                          "warmup.schedule.every",
                          "data.augment.crop"}) {
    INFO(key);
    CHECK_THAT(message(small, {std::string(key) + "=2147483647"}), contains_text("it is at most"));
  }
  // Factors: what is no number, and what is none in f32.
  for (const char* key :
       {"warmup.optimizer.lr", "policy.logits.lr", "retrain.optimizer.trunk_lr",
        "warmup.optimizer.eps", "warmup.optimizer.weight_decay", "policy.logits.clip_norm",
        "retrain.clip_norm", "policy.sparsity", "policy.sharing", "policy.temperature",
        "policy.init_neg_logits", "task.seg.scale", "task.depth.weight", "model.dropout",
        "policy.data_share", "data.float_max", "warmup.schedule.power"}) {
    for (const char* value : {"nan", "inf", "-inf", "1e39"}) {
      INFO(key << "=" << value);
      CHECK_THAT(message(small, {fmt::format("{}={}", key, value)}), contains_text(key));
    }
  }
  for (const char* key : {"brightness", "contrast", "saturation"})
    for (const char* value : {"nan", "-0.1", "1.5"})
      CHECK_THAT(message(small, {fmt::format("data.augment.{}={}", key, value)}),
                 contains_text(key));
  CHECK_THAT(message(small, {"data.ratio=[nan,0.1]"}), contains_text("must be finite"));
  CHECK(message(small, {"data.seed=-1"}) == at + "'data.seed' is -1; it is at least 0");
  // What is large and meant is taken.
  CHECK(message(small, {"data.batch=100000", "warmup.steps=1000000000", "model.width=8",
                        "task.depth.invalid=-3.4e38", "data.seed=9223372036854775807"}) == "");
}

TEST_CASE("run file: a file that cannot be read", "[run_file]") {
  CHECK_THROWS_WITH(parse_run_file("/nowhere/x.toml"),
                    "cannot read run file '/nowhere/x.toml': No such file or directory");
  CHECK_THROWS_WITH(parse_run_file("/"), "cannot read run file '/': a folder");
}

TEST_CASE("precision: f32 is by multiply-adds on a CPU, by what reaches their error on a GPU",
          "[run_file]") {
  CHECK(matrix_math(Precision::f32, DeviceKind::cpu) == MatrixMath::f32);
  CHECK(matrix_math(Precision::f32, DeviceKind::cuda) == MatrixMath::f32x6);
  CHECK(matrix_math(Precision::f32_fma, DeviceKind::cuda) == MatrixMath::f32);
  CHECK(matrix_math(Precision::tf32, DeviceKind::cuda) == MatrixMath::tf32);
  CHECK(matrix_math(Precision::bf16, DeviceKind::cuda) == MatrixMath::f32);
  CHECK(matrix_math(Precision::bf16, DeviceKind::cpu) == MatrixMath::bf16);
}
