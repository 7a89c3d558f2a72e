// A small set in DomainNet's layout, as the tests of multi-input tasks want it: three domains of
// different sizes, two classes that a picture's colour tells, and a run file that trains on it.
#pragma once

#include "io/files.h"
#include "io/picture_io.h"
#include "tests/support/temp_folder.h"
#include "train/run_file/run_file.h"

namespace weft::test {

struct Domain {
  const char* name;
  int train, test;
};
inline constexpr Domain domains[] = {{"real", 14, 3}, {"clipart", 9, 5}, {"sketch", 21, 4}};

/// Writes train.txt, test.txt, DomainNet.json and the pictures, 40 x 40 pixels.
inline void write_domains(const TempFolder& folder) {
  std::string lists[2], index[2];
  for (const bool test : {false, true}) {
    int line = 0;
    for (const Domain& domain : domains) {
      make_folder(folder.file(domain.name));
      std::string lines;
      for (int i = 0; i < (test ? domain.test : domain.train); ++i, ++line) {
        const int label = i % 2;
        Picture picture(40, 40, 3, 0.1F * static_cast<float>(i % 5));
        for (int y = 0; y < 40; ++y)
          for (int x = 0; x < 40; ++x)
            picture.at(y, x)[label] = static_cast<float>((x * (i + 2) + 3 * y) % 17) / 16;
        const std::string path =
            fmt::format("{}/{}{}.png", domain.name, test ? "test" : "train", i);
        write_png(folder.file(path), picture);
        lists[test] += fmt::format("{} {}\n", path, label);
        lines += fmt::format("{}{}", i > 0 ? ", " : "", line);
      }
      index[test] +=
          fmt::format("{}\"{}\": [{}]", index[test].empty() ? "" : ", ", domain.name, lines);
    }
  }
  write_file(folder.file("train.txt"), lists[0]);
  write_file(folder.file("test.txt"), lists[1]);
  write_file(folder.file("DomainNet.json"),
             fmt::format("{{\"train\": {{{}}}, \"test\": {{{}}}}}", index[0], index[1]));
}

/// A slim plain ResNet-18 with linear heads and batch norm per domain, in every phase.
inline RunFile domain_run(const TempFolder& folder, std::vector<std::string> overrides = {}) {
  overrides.push_back("data.root=" + folder.path());
  return parse_run_text(R"(
name = "domains"
seed = 5
[model]
trunk = "resnet18"
form = "plain"
head = "linear"
width = 0.07
bn = { running = "per-task", affine = "per-task" }
[data]
kind = "domainnet"
size = [40, 40]
batch = 2
workers = 1
augment = { flip = true, scale = [1.0, 1.3], crop = [40, 40] }
[[task]]
name = "real"
kind = "classification"
classes = 2
[[task]]
name = "clipart"
kind = "classification"
classes = 2
weight = 0.7
[[task]]
name = "sketch"
kind = "classification"
classes = 2
[warmup]
steps = 3
optimizer = { lr = 1e-3, trunk_lr = 1e-4 }
[policy]
steps = 6
weight_steps = 2
logit_steps = 1
curriculum_speed = 1
draws = 2
[retrain]
steps = 3
[eval]
every = 100
[checkpoint]
every = 1
)",
                        "domains.toml", overrides);
}

}  // namespace weft::test
