// Runs on texts: every phase in each way of sharing, tasks on the same texts and on their own; the
// trainer's promises (bits on any number of threads, resume); learning; prediction and evaluation
// from the checkpoint alone.
#include <cmath>

#include "data/split.h"
#include "io/csv.h"
#include "tests/support/catch.h"
#include "tests/support/run_bits.h"
#include "tests/support/text_set.h"
#include "train/loop/predict_table.h"
#include "train/loop/sample_rows.h"
#include "train/run_folder/checkpoint.h"
#include "train/step/evaluate.h"

using namespace weft;
using namespace weft::test;

namespace {

const BinaryPolicy* chosen(const TrainState& state) {
  return state.chosen.select.empty() ? nullptr : &state.chosen;
}

}  // namespace

TEST_CASE("texts: every way of sharing trains through its phases, on the same texts and on own",
          "[train][text]") {
  TempFolder folder;
  for (const bool shared : {true, false})
    for (const char* sharing : {"single", "hard", "soft", "adashare"}) {
      INFO(sharing << (shared ? ", shared texts" : ", own texts"));
      RunFile run = text_run(folder, shared, {std::string("sharing=") + sharing});
      CHECK((run.data.inputs == Whose::shared) == shared);
      CpuContext cpu(2);
      const auto data = open_dataset(run);
      Trainer trainer(run, *data, &cpu);
      const std::string path = folder.file(fmt::format("{}-{}", sharing, shared));
      trainer.start(path);
      trainer.run();
      int tested = 0;
      for (const MetricsLine& line : read_metrics(path + "/metrics.jsonl")) {
        CHECK((line.loss && std::isfinite(*line.loss)));
        tested += line.split == "test";
      }
      CHECK(tested == 2);
      const auto log = read_file(path + "/log.txt");
      CHECK_THAT(std::string(log.begin(), log.end()), contains_text("of the places are padding"));
    }
}

TEST_CASE("texts: the same bits on any number of threads", "[train][determinism][text]") {
  TempFolder folder;
  RunFile run = text_run(folder, false);
  const auto one = train(run, 1, 12);
  if (!sanitized) CHECK(same(one, train(run, 2, 12)));  // fewer threads meet less
  CHECK(same(one, train(run, 7, 12)));
}

TEST_CASE("texts: killed and resumed ends with the bits of an unbroken run",
          "[train][resume][text]") {
  TempFolder folder;
  RunFile run = text_run(folder, false);
  CpuContext cpu(2);
  const auto data = open_dataset(run);
  check_killed_and_resumed(run, *data, &cpu, &cpu, {2, 4, 6, 11});
}

TEST_CASE("texts: a network learns letters and a mark, and predicts and evaluates from its file",
          "[train][text]") {
  TempFolder folder;
  // Long enough for the mark, which stands at the end.
  RunFile run = text_run(
      folder, true, {"sharing=hard", "retrain.steps=150", "model.dropout=0", "data.length=20"});
  write_file(folder.file("one.csv"), text_rows(300, 1));
  CpuContext cpu(2);
  const auto data = open_dataset(run);
  const std::string path = folder.file("run");
  Trainer trainer(run, *data, &cpu);
  trainer.start(path);
  trainer.run();

  const std::string file = path + "/checkpoints/last.safetensors";
  const Checkpoint saved = read_checkpoint(file);
  RunFile read = parse_run_text(saved.run_text, "run.toml");
  const auto model = make_model(&cpu, read);
  load_model(file, *model);
  const auto again = open_dataset(read, &saved.learned);
  const auto results = evaluate(&cpu, *model, read, *again, make_parts(*again).test,
                                [&](int64_t) { return chosen(saved.state); });
  for (const TaskResult& result : results) {
    INFO(result.task);
    REQUIRE(result.loss);
    CHECK(*result.loss < 0.35);  // chance: ln 2
  }
  // New texts in a file without labels; what is predicted is their words.
  write_file(folder.file("new.csv"), "id,text\n1,xyxyexgyxy\n2,\"uvuv,fuvvu!\"\n");
  const std::string out =
      predict_table(&cpu, *model, read, chosen(saved.state), saved.learned, folder.file("new.csv"));
  const Csv csv = parse_csv(out, "out");
  REQUIRE(csv.rows.size() == 4);
  const std::vector<std::string> first = {"1", "xyxyexgyxy", "sort", "a"};
  CHECK(std::vector<std::string>(csv.rows[0].begin(), csv.rows[0].begin() + 4) == first);
  CHECK(std::stod(csv.rows[0][4]) > 0.5);  // how sure it is
  CHECK(csv.rows[2][3] == "b");
  CHECK(csv.rows[2][1] == "uvuv,fuvvu!");
  write_file(folder.file("new.csv"), "id,words\n1,x\n");
  CHECK_THAT(message_of<DataError>([&] {
               predict_table(&cpu, *model, read, chosen(saved.state), saved.learned,
                             folder.file("new.csv"));
             }),
             contains_text("no column 'text'"));
}

TEST_CASE("texts: a row that belongs to one task is predicted for that task alone",
          "[train][text]") {
  TempFolder folder;
  write_file(folder.file("all.csv"),
             "text,sort,mark,for,part\nxy,a,,sort,train\nuv,b,,sort,test\nxy!,,yes,mark,train\n"
             "uv,,no,mark,test\nxyu,a,no,,train\nuvx,b,yes,,train\n");
  RunFile run = text_run(folder, true, {"sharing=hard", "data.task_column=for"});
  run.data.index = "all.csv";
  CHECK(run.data.inputs == Whose::per_task);
  CpuContext cpu(2);
  const auto data = open_dataset(run);
  const auto model = make_model(&cpu, run);
  const auto predicted = [&](const std::string& csv) {
    write_file(folder.file("new.csv"), csv);
    return parse_csv(
        predict_table(&cpu, *model, run, nullptr, data->learned(), folder.file("new.csv")), "out");
  };
  const Csv csv = predicted("text,for\nxy,mark\nuv,\nxy,sort\n");
  std::vector<std::string> tasks;
  for (const auto& row : csv.rows) tasks.push_back(row[2]);
  CHECK(tasks == std::vector<std::string>{"mark", "sort", "mark", "sort"});
  CHECK_THAT(message_of<DataError>([&] { predicted("text,for\nxy,tone\n"); }),
             contains_text("new.csv:2: column 'for' says 'tone'"));
}

TEST_CASE("texts: where the run names the columns, what a new file lacks or has too much is said",
          "[train][text]") {
  TempFolder folder;
  RunFile run = text_run(folder, true, {"sharing=hard"});
  run.data.header = {"text", "sort", "mark", "part"};
  write_file(folder.file("one.csv"), "xy,a,yes,train\nuv,b,no,test\n");
  CpuContext cpu(2);
  const auto data = open_dataset(run);
  const auto model = make_model(&cpu, run);
  const auto predicted = [&](const std::string& csv) {
    write_file(folder.file("new.csv"), csv);
    return predict_table(&cpu, *model, run, nullptr, data->learned(), folder.file("new.csv"));
  };
  CHECK(parse_csv(predicted("xy,,,\n"), "out").rows.size() == 2);
  // Who predicts has written no data.header.
  CHECK(message_of<DataError>([&] { predicted("text,sort,mark,part\nxy,,,\n"); }) ==
        "new.csv:1: the file names its columns itself; the run names them already, so take that "
        "line out");
  CHECK(message_of<DataError>([&] { predicted("xy,a\n"); }) ==
        folder.file("new.csv") +
            ":1: 2 cells, but the run names 4 columns: text, sort, mark, part");
}

TEST_CASE("texts: a new file is read with the columns and header of the task that is asked for",
          "[train][text]") {
  TempFolder folder;
  RunFile run = text_run(folder, false, {"sharing=hard"});
  run.tasks[0].columns = {"title", "text"};
  write_file(folder.file("one.csv"), "title,text,sort,part\nx,yy,a,train\nu,vv,b,test\n");
  CpuContext cpu(2);
  const auto data = open_dataset(run);
  const auto model = make_model(&cpu, run);
  const auto predicted = [&](const std::string& csv, const std::vector<std::string>& tasks) {
    write_file(folder.file("new.csv"), csv);
    return predict_table(&cpu, *model, run, nullptr, data->learned(), folder.file("new.csv"),
                         {{}, tasks});
  };
  CHECK_THAT(message_of<ConfigError>([&] { predicted("title,text\nx,y\n", {}); }),
             contains_text("tasks name and join columns of their own (task.columns, task.header): "
                           "sort \"title\", \"text\", mark \"text\"; a file has one way") &&
                 contains_text("--task sort"));
  // The text is both cells: the same as in one, and without the title it is none.
  const auto chance = [&](const std::string& text) {
    const Csv csv = parse_csv(predicted(text, {"sort"}), "out");
    REQUIRE(csv.rows.size() == 1);
    CHECK(csv.rows[0][2] == "sort");
    return csv.rows[0].back();
  };
  CHECK(chance("title,text\nxy,uv\n") == chance("title,text\nxy uv,\n"));
  CHECK_THAT(message_of<DataError>([&] { predicted("text,x\nu,v\n", {"sort"}); }),
             contains_text("no column 'title'"));
  // A file without a line of names is read by the task's.
  run.tasks[0].header = {"sort", "title", "text"};
  const Csv csv = parse_csv(predicted("a,xy,uv\n", {"sort"}), "out");
  CHECK(csv.header[1] == "title");
  CHECK(csv.rows.size() == 1);
}

TEST_CASE("texts: sample rows of a task's own file are read with its header and columns",
          "[train][text][predict]") {
  TempFolder folder;
  RunFile run = text_run(folder, false, {"sharing=hard", "data.split=", "data.ratio=[0.2, 0.2]"});
  std::string csv;
  for (int i = 0; i < 20; ++i)
    csv += fmt::format("{},{},{}\n", i % 2 ? "a" : "b", i % 2 ? "xyxy" : "uvuv", i % 3 ? "g" : "e");
  write_file(folder.file("one.csv"), csv);
  run.tasks[0].header = {"sort", "title", "words"};
  run.tasks[0].columns = {"title", "words"};
  CpuContext cpu(1);
  const auto data = open_dataset(run);
  Trainer trainer(run, *data, &cpu);
  REQUIRE(data->only_task(0) == 0);
  const Csv rows = parse_csv(sample_rows(trainer, *data, {0, 2, 5}), "rows");
  CHECK(std::vector<std::string>(rows.header.begin(), rows.header.begin() + 3) ==
        run.tasks[0].header);
  std::vector<std::string> titles;
  for (const auto& row : rows.rows)
    if (row[3] == "sort") titles.push_back(row[1] + row[2]);
  CHECK(titles == std::vector<std::string>{"uvuve", "uvuvg", "xyxyg"});
  // The other task's file is read with [data]'s.
  int64_t other = 0;
  while (data->only_task(other) == 0) ++other;
  CHECK(parse_csv(sample_rows(trainer, *data, {other}), "rows").find("text") >= 0);
}
