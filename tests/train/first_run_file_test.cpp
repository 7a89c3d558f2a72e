// weft new: each kind of column is recognised, the text parses, and the user learns what was left
// out.
#include "train/first_run_file.h"

#include "engine/error.h"
#include "tests/support/catch.h"
#include "tests/train/temp_folder.h"
#include "train/data/files.h"
#include "train/data/picture_io.h"
#include "train/run_file.h"

using namespace weft;
using weft::test::message_of;

TEST_CASE("first run file: kinds guessed from files and values", "[first_run_file]") {
  const test::TempFolder folder;
  Picture ids(40, 60, 1, 0), wide(40, 60, 1, 1000), void_ids(40, 60, 1, 2);
  ids.pixels[5] = 255;
  void_ids.pixels[5] = 255;
  void_ids.pixels[6] = 0;
  write_png(folder.file("image.png"), Picture(40, 60, 3, 0.5f));
  write_png(folder.file("normals.png"), Picture(40, 60, 3, 0.5f));
  write_values_png(folder.file("mask.png"), ids, 8);
  write_values_png(folder.file("seg.png"), void_ids, 8);
  write_values_png(folder.file("mm.png"), wide, 16);
  write_npy(folder.file("metres.npy"), Picture(40, 60, 1, 1.5f));
  write_file(folder.file("index.csv"),
             "image,mask,seg,depth mm,metres,normals,room,odd,height,source,split\n"
             "image.png,mask.png,seg.png,mm.png,metres.npy,normals.png,4,1,0.5,here,train\n"
             "image.png,,seg.png,mm.png,metres.npy,normals.png,2,0,1.5,there,test\n");
  const std::string text = first_run_file(folder.path(), "mine");
  const RunFile run = parse_run_text(text, "mine.toml");
  INFO(text);
  REQUIRE(run.tasks.size() == 8);
  CHECK(run.tasks[0].kind == TaskKind::segmentation);
  CHECK(run.tasks[0].map == std::map<int, int>{{0, 0}, {255, 1}});
  CHECK(run.tasks[1].kind == TaskKind::segmentation);
  CHECK(run.tasks[1].ignore == 255);
  CHECK(run.tasks[1].classes == 3);
  CHECK(run.tasks[2].name == "depth_mm");
  CHECK(run.tasks[2].column == "depth mm");
  CHECK(run.tasks[2].scale == 0.001);
  CHECK(run.tasks[2].invalid == 0);
  CHECK(run.tasks[3].kind == TaskKind::depth);
  CHECK(run.tasks[4].kind == TaskKind::normals);
  CHECK(run.tasks[5].kind == TaskKind::classification);
  CHECK(run.tasks[5].classes == 5);
  CHECK(run.tasks[6].kind == TaskKind::binary);
  CHECK(run.tasks[7].kind == TaskKind::regression);
  CHECK(run.data.split == "split");
  CHECK(run.data.size == std::array<int, 2>{40, 56});
  CHECK(text.find("1 of 2 images have this label") != std::string::npos);
  CHECK(text.find("column 'source' is neither files nor numbers") != std::string::npos);
}

TEST_CASE("first run file: what it needs", "[first_run_file]") {
  const test::TempFolder folder;
  const auto complaint = [&](const std::string& csv) {
    write_file(folder.file("index.csv"), csv);
    return message_of<DataError>([&] { first_run_file(folder.path(), "x"); });
  };
  CHECK(message_of<DataError>([&] { first_run_file(folder.path(), "x"); }) ==
        folder.path() + ": no CSV file and no index.csv; --data names the index");
  CHECK(complaint("a,b\n") == folder.file("index.csv") + ": it has no rows");
  CHECK(complaint("a,b\n1,2\n") == folder.file("index.csv") + ": no column names image files");
  CHECK(complaint("image,b\nx.png,word\n") == folder.file("index.csv") + ": no column is a label");
}
