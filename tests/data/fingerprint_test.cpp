// The fingerprint says which samples of a set changed, and in what; a run does not go on with them.
// Data that were copied elsewhere are the same data.
#include "data/fingerprint.h"

#include "engine/cpu/context.h"
#include "tests/support/catch.h"
#include "tests/support/small_sets.h"
#include "train/loop/trainer.h"
#include "train/run_folder/checkpoint.h"

using namespace weft;
using namespace weft::test;

TEST_CASE("the fingerprint says which samples differ, and in what", "[learned][data]") {
  const auto rows = twelve_rows();
  const auto print_of = [](const std::vector<std::string>& lines, int64_t each) {
    const TempFolder folder;
    write_rows(folder, lines);
    RunFile run = parse_run_text(run_text(folder.path()), "run.toml");
    return fingerprint_of(*open_dataset(run), each);
  };
  const TempFolder folder;
  write_rows(folder, rows);
  RunFile run = parse_run_text(run_text(folder.path()), "run.toml");
  const LearnedFromData learned = open_dataset(run)->learned();
  for (const int64_t each : {1, 5, 100}) CHECK(print_of(rows, each) == print_of(rows, each));
  const Fingerprint was = print_of(rows, 1);

  const auto told = [&](const std::vector<std::string>& lines) {
    write_rows(folder, lines);
    return difference(was, *open_dataset(run, &learned));
  };
  CHECK(told(rows).empty());
  auto changed = rows;
  changed[4] = "4,44,train\n";
  CHECK(told(changed) == "labels among t.csv:6 differ");
  changed = rows;
  changed[2] = "2.5,23,train\n";
  CHECK(told(changed) == "inputs among t.csv:4 differ");
  changed = rows;
  changed[0] = "0,3,val\n";
  CHECK(told(changed) == "names or parts among t.csv:2 differ");
  changed = rows;
  std::swap(changed[3], changed[7]);
  CHECK_THAT(told(changed), contains_text("another order") && contains_text("t.csv:5"));
  changed = rows;
  changed.erase(changed.begin() + 5);
  CHECK_THAT(told(changed), contains_text("11 samples, there were 12") && contains_text("t.csv:7"));
  changed = rows;
  changed.insert(changed.begin(), "7,7,train\n");
  CHECK_THAT(told(changed), contains_text("13 samples, there were 12") && contains_text("t.csv:2"));
}

TEST_CASE("the fingerprint of pictures: files by their contents, wherever they are", "[learned]") {
  const std::vector<std::string> words{"cat", "bee", "cat", "bee"};
  Animals here(words);
  const Fingerprint was = fingerprint_of(*here.set);
  CHECK(difference(was, *Animals(words).set).empty());  // another folder
  CHECK_THAT(difference(was, *Animals({"cat", "bee", "bee", "bee"}).set),
             contains_text("labels among p2.png differ"));

  // A mask of the same size with one other pixel.
  Picture mask(8, 8, 1, 1);
  mask.pixels[5] = 0;
  write_npy(here.folder.file("m1.npy"), mask);
  CHECK(difference(was, *here.set) == "labels among p1.png differ");
  // Beyond the limit sizes and the ends of label files count: of so small a file that is all of it.
  const Animals other(words);
  const Fingerprint by_size = fingerprint_of(*other.set, 0, 10);
  write_npy(other.folder.file("m1.npy"), mask);
  CHECK(fingerprint_of(*other.set, 0, 10).labels != by_size.labels);
  write_png(other.folder.file("p3.png"), Picture(8, 8, 3, 0.7F));
  CHECK(fingerprint_of(*other.set).inputs != was.inputs);
}

TEST_CASE("a run goes on with its own data alone", "[learned][resume]") {
  const TempFolder folder;
  const auto rows = twelve_rows();
  write_rows(folder, rows);
  RunFile run = parse_run_text(run_text(folder.path()), "run.toml");
  const std::string out = folder.file("out");
  CpuContext cpu(1);
  {
    const auto data = open_dataset(run);
    Trainer trainer(run, *data, &cpu);
    trainer.start(out);
    trainer.step();
    trainer.save("last");
  }
  const Checkpoint saved = read_checkpoint(out + "/checkpoints/last.safetensors");
  CHECK(saved.learned.tasks == open_dataset(run)->learned().tasks);
  CHECK(saved.learned.columns[0].name == "x");
  CHECK(saved.learned.fingerprint.count == 12);
  CHECK_NOTHROW(check_learned(saved.learned, run.data.normalize, run.tasks, "last"));
  RunFile renamed = run;
  renamed.tasks[0].name = "z";
  CHECK_THAT(message_of<DataError>([&] {
               check_learned(saved.learned, renamed.data.normalize, renamed.tasks, "last");
             }),
             contains_text("'z'") && contains_text("'y'"));

  const auto resumed = [&](const std::vector<std::string>& lines) {
    write_rows(folder, lines);
    const auto data = open_dataset(run, &saved.learned);
    Trainer trainer(run, *data, &cpu);
    trainer.resume(out);
    return trainer.state().total_step;
  };
  auto changed = rows;
  changed[1] = "1,14,train\n";
  CHECK_THAT(message_of<DataError>([&] { resumed(changed); }),
             contains_text(out) && contains_text("labels among t.csv:3"));
  changed = rows;
  std::swap(changed[0], changed[8]);
  CHECK_THAT(message_of<DataError>([&] { resumed(changed); }), contains_text("another order"));
  changed = rows;
  changed.pop_back();
  CHECK_THAT(message_of<DataError>([&] { resumed(changed); }), contains_text("11 samples"));
  CHECK(resumed(rows) == 1);
}
