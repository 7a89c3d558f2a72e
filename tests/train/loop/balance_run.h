// Runs that the tests of [balance] share: a table whose tasks can be learned, with cells missing, so
// that some batches have no label of one task; all phases, a checkpoint after every step.
#pragma once

#include <string>
#include <vector>

#include "io/files.h"
#include "models/balance/balance.h"
#include "tests/support/balance_names.h"
#include "tests/support/temp_folder.h"
#include "train/run_file/run_file.h"

namespace weft::test {

class BalanceTable {
 public:
  BalanceTable() {
    std::string csv = "a,b,yes,much,more\n";
    for (int i = 0; i < 60; ++i) {
      const double a = i * 7 % 11, b = i * 5 % 13;
      csv += fmt::format("{},{},{},{},{}\n", a, b, a > 5 ? 1 : 0,
                         i % 3 == 0 ? "" : fmt::format("{:.2f}", 0.5 * a - 0.3 * b),
                         i % 4 == 1 ? "" : fmt::format("{:.2f}", b - a));
    }
    write_file(folder_.file("table.csv"), csv);
  }
  RunFile run(std::vector<std::string> overrides = {}) const {
    return parse_run_text(fmt::format(R"(
name = "balanced"
seed = 3
[model]
trunk = "mlp"
hidden = 8
blocks = 2
[data]
kind = "tabular"
root = "{}"
index = "table.csv"
ratio = [0.1, 0.1]
batch = 2
workers = 0
[[task]]
name = "yes"
kind = "binary"
[[task]]
name = "much"
kind = "regression"
weight = 0.5
[[task]]
name = "more"
kind = "regression"
[warmup]
steps = 6
optimizer = {{ lr = 0.01 }}
[policy]
steps = 9
weight_steps = 2
logit_steps = 1
curriculum_speed = 1
draws = 1
[retrain]
steps = 10
[eval]
every = 100
[checkpoint]
every = 1
)",
                                      folder_.path()),
                          "balanced.toml", overrides);
  }
  std::string folder(const std::string& name) const { return folder_.path() + "/" + name; }

 private:
  TempFolder folder_;
};

/// Every method that a run file can ask for, but for "equal".
inline std::vector<std::string> balance_methods() {
  std::vector<std::string> names;
  for (const std::string& name : balance_names())
    if (name != "equal" && name != "fixed" && name != "sdmgrad" && name != "modo")
      names.push_back(name);
  return names;
}

}  // namespace weft::test
