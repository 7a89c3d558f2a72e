// The task "depth" of an export's case of five columns, with what a run on a table learned beside it:
// a function of the columns, or a transistor's current. For tests of circuits.
#pragma once

#include <string>
#include <vector>

#include "tests/train/export/cases.h"
#include "train/export/circuit/circuit.h"
#include "train/export/fold.h"

namespace weft::test {

inline LearnedColumn column(const std::string& name, double mean, double deviation,
                            Transform transform = Transform::none, double scale = 1) {
  LearnedColumn c;
  c.name = name;
  c.mean = mean;
  c.deviation = deviation;
  c.transform = transform;
  c.scale = scale;
  return c;
}

struct Learned {
  RunFile run;
  LearnedFromData learned;
  ExportedNetwork network;

  Learned(const std::string& name, bool device)
      : network(only_tasks(random_model(export_case(name)).exported(), {"depth"})) {
    TaskSpec task;
    task.name = "depth";
    task.kind = TaskKind::regression;
    task.column = device ? "id" : "depth";
    task.unit = device ? "A" : "m";
    learned.columns = {column("a", 0.25, 1.5), column("b", 0, 1), column("c", 0, 0),
                       column("d", 2, 1, Transform::reciprocal, 0.25), column("e", 0.5, 2)};
    if (device) {
      task.target = "log10(id * L_um / W_um^0.5 / vds)";
      learned.columns = {column("W_um", 0, 1, Transform::reciprocal, 0.25),
                         column("L_um", -0.5, 0.5, Transform::log10), column("vgs", 0, 1),
                         column("vds", 0, 1, Transform::asinh, 0.3), column("vbs", -1, 2)};
      learned.columns[2].scale = 1.5;
    }
    run.tasks = {task};
    learned.tasks = {{"depth", {}, device ? -6.0 : 3.0, device ? 0.5 : 2}};
  }
  std::vector<Circuit> circuits() const { return circuits_of(network, run, learned, "net"); }
};

}  // namespace weft::test
