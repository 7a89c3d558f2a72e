// Run files on texts: printed and read again, and what they cannot mean.
#include "train/run_file/texts.h"

#include <tuple>

#include "tests/support/catch.h"
#include "tests/support/text_set.h"

using namespace weft;
using weft::test::message_of;
using weft::test::TempFolder;

TEST_CASE("text: a printed run file reads as it was, with files of each task's own, too",
          "[run_file][text]") {
  const TempFolder folder;
  for (const bool shared : {true, false}) {
    const std::string text = print_run_file(test::text_run(folder, shared));
    CHECK(print_run_file(parse_run_text(text, "texts.toml")) == text);
  }
}

TEST_CASE("text: what a run file cannot mean is refused", "[run_file][text]") {
  const TempFolder folder;
  const auto refused = [&](bool shared, const std::vector<std::string>& more) {
    return message_of<ConfigError>([&] { test::text_run(folder, shared, more); });
  };
  const std::tuple<bool, const char*, const char*> cases[] = {
      {true, "data.length=0", "'data.length' is missing"},
      {true, "data.alphabet=aba", "'a' is there twice"},
      {true, "model.trunk=resnet18", "trunks of texts are \"vdcnn9\""},
      {true, "model.head=aspp", "\"aspp\", which labels pixels"},
      {true, "model.k_max=3", "of 12 characters (data.length) 2 places are left"},
      {true, "model.in_channels=3", "a character is one number"},
      {true, "data.normalize=imagenet", "'data.normalize' is for pictures"},
      {true, "data.augment={flip=true}", "'data.augment' is for pictures"},
      {true, "data.augment.hide=1", "'data.augment.hide' is 1; a share of the characters"},
      {true, "data.size=[8,8]", "'data.size' is for pictures"},
      {true, "task.mark.kind=depth", "the tasks of texts are classification"},
      {true, "data.test_index=x.csv", "'data.test_index' is where the test rows are"},
      {true, "task.mark.index=x.csv", "is there for some tasks and not for others"},
      {true, "task.mark.test_index=x.csv", "belongs to task.index, which is not given"},
      {true, "task.mark.header=[\"a\"]", "'task.mark.header' belongs to task.index"},
      {true, "task.mark.columns=[\"a\"]", "'task.mark.columns' belongs to task.index"},
      {false, "data.index=x.csv", "'data.index' is of texts that tasks share"},
      {false, "data.task_column=x", "'data.task_column' is of texts that tasks share"},
      {false, "data.inputs=shared", "each task has a file of its own"}};
  for (const auto& [shared, setting, message] : cases) {
    INFO(setting);
    CHECK_THAT(refused(shared, {setting}), contains_text(message));
  }
  const auto every = [&](const std::string& word, const std::string& more) {
    std::vector<std::string> settings{more};
    for (const char* task : {"sort", "mark"})
      settings.push_back(fmt::format("task.{}.{}", task, word));
    return settings;
  };
  CHECK_THAT(refused(false, every("columns=[\"text\"]", "data.columns=[\"words\"]")),
             contains_text("'data.columns' means nothing: every task has its own"));
  CHECK_THAT(refused(false, every("header=[\"a\", \"text\"]", "data.header=[\"b\"]")),
             contains_text("'data.header' means nothing: every task has its own"));
  CHECK_NOTHROW(
      test::text_run(folder, false, {"data.columns=[\"words\"]", "task.sort.columns=[\"text\"]"}));
  const auto elsewhere = [&](const std::string& line) {
    return message_of<ConfigError>([&] {
      parse_run_text("[[task]]\nname = \"a\"\nkind = \"depth\"\n[warmup]\nsteps = 1\n", "x.toml",
                     {line});
    });
  };
  CHECK_THAT(elsewhere("model.trunk=vdcnn9"), contains_text("reads characters, not scenes data"));
  CHECK_THAT(elsewhere("model.head=k_max"), contains_text("the head of texts"));
  CHECK_THAT(elsewhere("data.length=9"), contains_text("means nothing for scenes data"));
  CHECK_THAT(elsewhere("data.alphabet=ab"), contains_text("means nothing for scenes data"));
  for (const char* table : {"test_index=u.csv", "header=[\"a\"]", "comment=#", "missing=[\"?\"]",
                            "columns=[\"a\"]", "leave_out=[\"a\"]", "categorical=[\"a\"]"})
    CHECK_THAT(elsewhere(std::string("data.") + table),
               contains_text("means nothing for scenes data"));
  CHECK_THAT(elsewhere("data.escapes=true"), contains_text("means nothing for scenes data"));
  CHECK_THAT(elsewhere("data.augment.hide=0.1"), contains_text("means nothing for scenes data"));
  for (const char* own : {"index=t.csv", "header=[\"a\"]", "columns=[\"a\"]"})
    CHECK_THAT(elsewhere(std::string("task.a.") + own),
               contains_text("means nothing for scenes data"));
}
