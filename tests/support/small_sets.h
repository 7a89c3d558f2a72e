// Small sets on disk for the tests of what is learned from data: pictures whose classes are words,
// and a run on a table of twelve rows.
#pragma once

#include <fmt/format.h>

#include <memory>
#include <string>
#include <vector>

#include "data/sets/csv_dataset.h"
#include "io/files.h"
#include "io/picture_io.h"
#include "tests/support/temp_folder.h"

namespace weft::test {

inline TaskSpec task_of(const std::string& name, TaskKind kind, int classes = 0) {
  TaskSpec task;
  task.name = name;
  task.kind = kind;
  task.classes = classes;
  return task;
}

/// A set of pictures with words for classes, a file of masks, and columns in the order of `header`.
struct Animals {
  explicit Animals(const std::vector<std::string>& words, const LearnedFromData* learned = nullptr,
                   TaskSpec task = task_of("animal", TaskKind::classification, 3)) {
    std::string csv = "image,animal,mask,split\n";
    for (size_t i = 0; i < words.size(); ++i) {
      const std::string picture = fmt::format("p{}.png", i), mask = fmt::format("m{}.npy", i);
      write_png(folder.file(picture), Picture(8, 8, 3, 0.1F * static_cast<float>(i)));
      write_npy(folder.file(mask), Picture(8, 8, 1, static_cast<float>(i % 2)));
      csv += fmt::format("{},{},{},train\n", picture, words[i], mask);
    }
    write_file(folder.file("index.csv"), csv);
    DataSpec data;
    data.kind = DataKind::csv;
    data.root = folder.path();
    data.split = "split";
    set = std::make_unique<CsvDataset>(
        data, std::vector{task, task_of("mask", TaskKind::segmentation, 2)}, learned);
  }
  std::vector<int> classes() const {
    std::vector<int> out;
    for (int64_t i = 0; i < set->size(); ++i)
      out.push_back(static_cast<int>(set->load(i).labels[0].pixels[0]));
    return out;
  }
  TempFolder folder;
  std::unique_ptr<CsvDataset> set;
};

/// A small run on a table of `rows`, whose label says what they are.
inline std::string run_text(const std::string& root) {
  return fmt::format(
      "sharing = \"hard\"\n[model]\ntrunk = \"mlp\"\nhidden = 4\nblocks = 1\n[data]\nkind = "
      "\"tabular\"\nroot = \"{}\"\nindex = \"t.csv\"\nbatch = 4\nworkers = 0\nsplit = \"part\"\n"
      "[[task]]\nname = \"y\"\nkind = \"regression\"\nstandardize = true\nunit = \"cm\"\n"
      "[retrain]\nsteps = 4\n[eval]\nevery = 2\n",
      root);
}

inline std::vector<std::string> twelve_rows() {
  std::vector<std::string> rows;
  for (int i = 0; i < 12; ++i)
    rows.push_back(fmt::format("{},{},{}\n", i, 10 * i + 3, i < 9 ? "train" : "test"));
  return rows;
}

inline void write_rows(const TempFolder& folder, const std::vector<std::string>& rows) {
  write_file(folder.file("t.csv"), fmt::format("x,y,part\n{}", fmt::join(rows, "")));
}

}  // namespace weft::test
