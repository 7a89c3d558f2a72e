// Small sets of texts that tests write: their words tell the class, so that a network of characters
// can learn them; and a run file that trains on them through every phase.
#pragma once

#include "engine/philox.h"
#include "io/files.h"
#include "tests/support/temp_folder.h"
#include "train/run_file/run_file.h"

namespace weft::test {

/// `rows` lines of a few letters each: "sort" a or b, by the letters that are frequent, and "mark"
/// yes where a '!' stands at the end.
inline std::string text_rows(int rows, uint32_t seed) {
  std::string csv = "sort,mark,text,part\n";
  const Philox noise(seed, Stream::data, 0, "texts");
  for (int i = 0; i < rows; ++i) {
    const bool a = i % 2 == 0, mark = i % 3 == 0;
    std::string text;
    for (int c = 0; c < 8 + i % 9; ++c) {
      const uint64_t draw = noise.below(64 * i + c, 6);
      text += draw < 3 ? (a ? "xy"[draw % 2] : "uv"[draw % 2]) : "efg"[draw - 3];
    }
    csv += fmt::format("{},{},{}{},{}\n", a ? "a" : "b", mark ? "yes" : "no", text, mark ? "!" : "",
                       i % 5 == 3   ? "val"
                       : i % 5 == 4 ? "test"
                                    : "train");
  }
  return csv;
}

/// Two tasks, each with a file of its own, or with `shared` both of the texts of one.csv.
inline RunFile text_run(const TempFolder& folder, bool shared,
                        std::vector<std::string> overrides = {}) {
  write_file(folder.file("one.csv"), text_rows(60, 1));
  write_file(folder.file("two.csv"), text_rows(45, 2));
  overrides.push_back("data.root=" + folder.path());
  if (shared) {
    overrides.push_back("data.index=one.csv");
  } else {
    overrides.push_back("task.sort.index=one.csv");
    overrides.push_back("task.mark.index=two.csv");
  }
  return parse_run_text(R"(
name = "texts"
seed = 3
[model]
trunk = "vdcnn9"
width = 0.0625
embedding = 4
head_width = 8
k_max = 2
dropout = 0.1
[data]
kind = "text"
split = "part"
alphabet = "efguvxy"
length = 12
batch = 6
workers = 1
[[task]]
name = "sort"
kind = "classification"
classes = 2
[[task]]
name = "mark"
kind = "binary"
[warmup]
steps = 3
optimizer = { lr = 3e-3, betas = [0.9, 0.999] }
[policy]
steps = 6
weight_steps = 2
logit_steps = 1
curriculum_speed = 1
draws = 2
[retrain]
steps = 4
[eval]
every = 100
[checkpoint]
every = 1
)",
                        "texts.toml", overrides);
}

}  // namespace weft::test
