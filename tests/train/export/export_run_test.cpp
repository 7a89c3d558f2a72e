// export_run: what the notes beside a network say of its outputs.
#include "train/export/export_run.h"

#include "tests/support/catch.h"
#include "tests/support/rooms_run.h"
#include "tests/support/temp_folder.h"
#include "tests/support/text_set.h"
#include "train/export/run_network.h"
#include "train/step/build.h"

using namespace weft;

TEST_CASE("export: notes call classes as predict does, words of the label's map among them",
          "[export]") {
  RunFile run = test::rooms_run({"sharing=hard"});
  run.tasks[0].words = {{"wall", 2}, {"sofa", 11}};
  CpuContext cpu(1);
  const auto model = make_model(&cpu, run);
  LearnedFromData learned;
  learned.height = learned.width = 33;
  const auto note = [&] {
    for (const std::string& line : export_run(&cpu, *model, run, nullptr, learned, {}).notes)
      if (line.rfind("output seg:", 0) == 0) return line;
    return std::string();
  };
  CHECK_THAT(note(), contains_text("which class it is: 2 wall, 11 sofa"));
  learned.tasks = {{"seg", {"void", "bed"}}, {"depth", {}}};
  CHECK_THAT(note(), contains_text("which class it is: 0 void, 1 bed, 2 wall, 11 sofa"));
  run.tasks[0].kind = TaskKind::binary;
  learned.tasks = {};
  run.tasks[0].words = {{"no", 0}, {"yes", 1}};
  CHECK_THAT(note(), contains_text("above 0 it is yes, else no; the chance"));
  run.tasks[0].words = {};
  CHECK_THAT(note(), contains_text("above 0 it is 1, else 0; the chance"));
}

TEST_CASE("export: a network of texts says what its numbers are, and a reader of it gets them all",
          "[export][text]") {
  const test::TempFolder folder;
  CpuContext cpu(1);
  for (const char* alphabet : {"efguvxy", ""}) {
    const RunFile run = test::text_run(
        folder, /*shared=*/false, {"sharing=hard", fmt::format("data.alphabet=\"{}\"", alphabet)});
    const auto model = make_model(&cpu, run);
    LearnedFromData learned;
    for (const TaskSpec& task : run.tasks) learned.tasks.push_back({task.name, {}});
    const RunExport made = export_run(&cpu, *model, run, nullptr, learned, {});
    CHECK(made.network.nodes[0].shape == Shape{1, 12, 1});
    CHECK(reads_ids(made.network));
    const std::string notes = fmt::format("{}", fmt::join(made.notes, "\n"));
    CHECK_THAT(notes, contains_text("input: a text as 12 numbers"));
    CHECK_THAT(notes, contains_text(*alphabet ? "\n  \"efguvxy\"\n" : "1 + the byte"));
    CHECK_THAT(notes, contains_text("The text: text, without spaces around a cell."));
    const ExportedUsage usage = usage_from_json(to_json(made.usage), "x");
    CHECK(usage.table());
    CHECK(usage.data.kind == DataKind::text);
    CHECK(usage.data.alphabet == alphabet);
    CHECK(usage.data.length == 12);
    CHECK(usage.data.columns == run.data.columns);
    CHECK_FALSE(usage.data.escapes);
    RunExportOptions sized;
    sized.height = sized.width = 3;
    CHECK_THAT(test::message_of<ConfigError>(
                   [&] { export_run(&cpu, *model, run, nullptr, learned, sized); }),
               contains_text("a text's length is the run's data.length"));
  }
}

TEST_CASE("export: a network of texts with escapes is read with them", "[export][text]") {
  const test::TempFolder folder;
  CpuContext cpu(1);
  const RunFile run =
      test::text_run(folder, /*shared=*/true, {"sharing=hard", "data.escapes=true"});
  const auto model = make_model(&cpu, run);
  LearnedFromData learned;
  for (const TaskSpec& task : run.tasks) learned.tasks.push_back({task.name, {}});
  std::string text = to_json(export_run(&cpu, *model, run, nullptr, learned, {}).usage);
  CHECK(usage_from_json(text, "x").data.escapes);
  const size_t at = text.find("\"escapes\":true");
  REQUIRE(at != std::string::npos);
  text.replace(at + 10, 4, "3");
  CHECK_THAT(test::message_of<DataError>([&] { usage_from_json(text, "x"); }),
             contains_text("escapes") && contains_text("neither true nor false"));
}

TEST_CASE("export: a text that claims columns of numbers is refused", "[export][text]") {
  ExportedUsage usage;
  usage.inside = true;
  usage.data.kind = DataKind::text;
  usage.data.length = 12;
  CHECK(usage_from_json(to_json(usage), "x").inside);
  usage.learned.columns.resize(3);
  for (LearnedColumn& column : usage.learned.columns) column.name = "a";
  CHECK_THAT(test::message_of<DataError>([&] { usage_from_json(to_json(usage), "x"); }),
             contains_text("it has columns of numbers, and a text has none"));
}

TEST_CASE("export: texts are read with the task's own columns, and tasks that differ go one by one",
          "[export][text]") {
  const test::TempFolder folder;
  CpuContext cpu(1);
  RunFile run = test::text_run(folder, /*shared=*/false, {"sharing=hard"});
  const auto model = make_model(&cpu, run);
  LearnedFromData learned;
  for (const TaskSpec& task : run.tasks) learned.tasks.push_back({task.name, {}});
  run.tasks[1].columns = {"title", "text"};
  run.tasks[1].header = {"mark", "title", "text"};
  RunExportOptions options;
  const auto made = [&] { return export_run(&cpu, *model, run, nullptr, learned, options); };
  CHECK_THAT(test::message_of<ConfigError>([&] { to_json(made().usage); }),
             contains_text("sort \"text\", mark \"title\", \"text\"; a file has one way"));
  options.tasks = {"mark"};
  const ExportedUsage usage = usage_from_json(to_json(made().usage), "x");
  CHECK(usage.data.columns == run.tasks[1].columns);
  CHECK(usage.data.header == run.tasks[1].header);
}

TEST_CASE("export: under compat's semantics a run's network strides as the official code's does",
          "[export]") {
  CpuContext cpu(1);
  LearnedFromData learned;
  learned.height = learned.width = 33;
  const auto strides = [&](const char* semantics) {
    const RunFile run = test::rooms_run(
        {"sharing=hard", "model.trunk=resnet50", fmt::format("semantics={}", semantics)});
    const auto model = make_model(&cpu, run);
    const RunExport made = export_run(&cpu, *model, run, nullptr, learned, {});
    CHECK(made.usage.semantics == run.semantics);
    std::string out;
    for (const ExportedNode& node : made.network.nodes)
      for (const char* conv : {"conv1", "conv2"})
        if (node.name == fmt::format("layer2.0.{}", conv))
          out += fmt::format("{} {} ", conv, node.conv.stride.h);
    return out;
  };
  CHECK(strides("sound") == "conv1 1 conv2 2 ");
  CHECK(strides("compat") == "conv1 2 conv2 1 ");
}
