// No task's name changes what is computed: what a parameter is (trunk, norm, head ..) is said where
// it is made. Tasks that are called like parts of a network train to the same bits as others.
#include "tests/models/ways.h"
#include "tests/support/catch.h"
#include "tests/support/learned_trunk.h"
#include "tests/support/run_bits.h"
#include "tests/support/temp_folder.h"
#include "train/loop/trainer.h"

using namespace weft;
using weft::test::bits_of;
using weft::test::message_of;
using weft::test::same;

namespace {

RunFile run_of(const std::string& first, const std::string& second, const std::string& sharing,
               bool fixed) {
  return parse_run_text(fmt::format(R"(
name = "names"
sharing = "{}"
[model]
width = 0.0625
head = "linear"
bn.fixed = {}
[data]
size = [33, 33]
batch = 2
count = 8
val_count = 2
test_count = 2
workers = 0
[[task]]
name = "{}"
kind = "segmentation"
classes = 13
[[task]]
name = "{}"
kind = "depth"
[warmup]
steps = 3
[retrain]
steps = 3
)",
                                    sharing, fixed, first, second),
                        "names.toml");
}

/// Trains 2 steps from the weights of `from`: initial values hang on names, as they may.
std::vector<Tensor> trained(RunFile run, Model* from) {
  CpuContext cpu(1);
  const test::TempFolder folder;
  test::give_start(run, folder);
  const auto data = open_dataset(run);
  Trainer trainer(run, *data, &cpu);
  if (way_of(run.sharing).functions &&
      way_of(run.sharing).policy) {  // whose warm-up is routed by words of the tasks' names
    const auto blocks = static_cast<size_t>(trainer.model().trunk().blocks());
    trainer.jump(Stage::retrain, 0);
    trainer.set_policy({{std::vector<int>(blocks, 1), std::vector<int>(blocks, 2)}});
  }
  if (from != nullptr) {
    auto& ours = trainer.model().store().parameters();
    const auto& theirs = from->store().parameters();
    REQUIRE(ours.size() == theirs.size());
    for (size_t i = 0; i < ours.size(); ++i)
      if (trainer.model().store().part_of(ours[i]) != Part::policy)
        cpu.copy(ours[i].value, theirs[i].value);
  }
  for (int i = 0; i < 2; ++i) trainer.step();
  return bits_of(trainer);
}

}  // namespace

TEST_CASE("tasks called like parts of a network train to the bits of any others",
          "[models][sharing][names]") {
  const std::vector<std::pair<std::string, std::string>> names{
      {"subnet", "downsample"}, {"policy", "heads"}, {"bn1", "trunks"}, {"stem", "conv1"}};
  size_t pair = 0;
  for (const std::string& sharing : test::names_of(test::all_ways())) {
    CpuContext cpu(1);
    const auto start = make_model(&cpu, run_of("one", "two", sharing, true));
    const auto plain = trained(run_of("one", "two", sharing, true), start.get());
    for (int i = 0; i < 2; ++i) {
      const auto& [first, second] = names[pair++ % names.size()];
      INFO(sharing << ": " << first << ", " << second);
      CHECK(same(trained(run_of(first, second, sharing, true), start.get()), plain));
    }
    // That the batch norms stay is no accident of the names either.
    CHECK_FALSE(same(trained(run_of("one", "two", sharing, false), start.get()), plain));
  }
}

TEST_CASE("every parameter's part is said where it is made", "[models][sharing][names]") {
  CpuContext cpu(1);
  for (const std::string& sharing : test::names_of(test::all_ways())) {
    const auto model = make_model(&cpu, run_of("policy", "heads", sharing, false));
    for (const Parameter& p : model->store().parameters()) {
      INFO(sharing << ": " << p.name);
      const auto begins = [&](const char* with) { return p.name.rfind(with, 0) == 0; };
      CHECK(model->store().part_of(p) == (begins("heads.")            ? Part::head
                                          : begins("policy.")         ? Part::policy
                                          : begins("sharing.stitch.") ? Part::stitch
                                          : begins("sharing.")        ? Part::sharing
                                                                      : Part::trunk));
    }
  }
}

TEST_CASE("a task is not called like a part of the loss", "[train][names]") {
  for (const char* name : {"total", "sparsity", "sharing", "regulariser"})
    CHECK_THAT(message_of<ConfigError>([&] { run_of(name, "two", "hard", false); }),
               contains_text(std::string("is \"") + name + "\", which names a part of the loss"));
  for (const char* name : {"a.b", "a/b", "../a", "", "a b", "a\tb"})
    CHECK_THAT(message_of<ConfigError>([&] { run_of(name, "two", "hard", false); }),
               contains_text("names.toml"));
  CHECK_THAT(message_of<ConfigError>([&] { run_of("two", "two", "hard", false); }),
             contains_text("is there twice"));
}
