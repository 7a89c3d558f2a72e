// A run on measured transistor currents, from the table to currents again: all phases in short, its
// errors in decades and percent; predictions are currents that vanish with vds; and that a device is
// added later on a frozen trunk. The measured rows are read where WEFT_DATA names them.
#include <cmath>
#include <cstdlib>

#include <sstream>

#include "io/csv.h"
#include "io/files.h"
#include "tests/support/catch.h"
#include "tests/support/temp_folder.h"
#include "train/loop/predict_table.h"
#include "train/loop/trainer.h"
#include "train/step/build.h"

using namespace weft;
using weft::test::TempFolder;

namespace {

constexpr const char* types[] = {"nfet_g5v0d10v5", "pfet_g5v0d10v5", "nfet_01v8"};

std::string run_text(const std::string& sharing, int steps) {
  std::string text = fmt::format(
      "sharing = \"{}\"\n[model]\ntrunk = \"mlp\"\nhidden = 32\nblocks = 2\nactivation = \"silu\"\n"
      "norm = \"none\"\n[data]\nkind = \"tabular\"\nroot = \"$WEFT_DATA/silicon\"\n"
      "index = \"sky130_small2000.csv\"\nsplit = \"split\"\ngroup = [\"W_um\", \"L_um\"]\n"
      "columns = [\"W_um\", \"L_um\", \"vgs\", \"vds\", \"vbs\"]\nlabel_power = 0.5\nbatch = 128\n"
      "workers = 0\n[[column]]\nname = \"W_um\"\ntransform = \"log10\"\n"
      "[[column]]\nname = \"L_um\"\ntransform = \"log10\"\n",
      sharing);
  for (const char* type : types)
    text += fmt::format(
        "[[task]]\nname = \"{0}\"\nkind = \"regression\"\ncolumn = \"id.{0}\"\nstandardize = true\n"
        "target = \"log10(id.{0} * L_um / W_um / vds)\"\nfloor = 5e-9\n"
        "strong = \"id.{0} * L_um / W_um > 1e-6\"\n",
        type);
  return text + fmt::format(
                    "[warmup]\nsteps = 60\noptimizer = {{ lr = 5e-3, betas = [0.9, 0.999], "
                    "weight_decay = 0 }}\nschedule = {{ kind = \"cosine\" }}\n"
                    "[policy]\nsteps = 60\nweight_steps = 8\nlogit_steps = 2\n"
                    "curriculum_speed = 1\ndraws = 2\n[retrain]\nsteps = {}\n[eval]\nevery = 100\n",
                    steps);
}

double metric(const TaskResult& result, const std::string& name) {
  for (const Metric& m : result.metrics)
    if (m.name == name) return m.value.value();
  return NAN;
}

}  // namespace

TEST_CASE("measured silicon: currents of unseen geometries, by every phase", "[train][data]") {
  if (std::getenv("WEFT_DATA") == nullptr) WEFT_SKIP("WEFT_DATA not set");
  for (const std::string sharing : {"hard", "adashare"}) {
    INFO(sharing);
    CpuContext cpu(2);
    const TempFolder folder;
    RunFile run = parse_run_text(run_text(sharing, 400), "small.toml");
    const auto data = open_dataset(run);
    Trainer trainer(run, *data, &cpu);
    while (trainer.step()) {
    }
    for (const TaskResult& r : trainer.evaluate_split(EvalSplit::test)) {
      INFO(r.task);
      CHECK(metric(r, "target_rmse") < 0.5);  // of about six decades
      CHECK(metric(r, "percent") < 60);
      CHECK(*r.loss < 0.5 * *r.constant);
    }
    // As currents: a row of the table again, and one at vds near 0.
    write_file(folder.file("rows.csv"),
               "W_um,L_um,vgs,vds,vbs\n7,0.5,5,5,0\n7,0.5,5,1e-6,0\n14,0.5,5,5,0\n"
               "7,0.5,4.95,5,0\n7,0.5,5.05,5,0\n7,0.5,5,4.95,0\n7,0.5,5,5.05,0\n");
    const BinaryPolicy& chosen = trainer.state().chosen;
    for (TaskSpec& task : run.tasks) task.slopes = {"gm: vgs", "gds: vds"};
    const std::string text =
        predict_table(&cpu, trainer.model(), run, chosen.select.empty() ? nullptr : &chosen,
                      data->learned(), folder.file("rows.csv"));
    write_file(folder.file("out.csv"), text);
    const Csv out = read_csv(folder.file("out.csv"));
    REQUIRE(out.header == std::vector<std::string>{"W_um", "L_um", "vgs", "vds", "vbs",
                                                   "predicted.task", "predicted", "predicted.gm",
                                                   "predicted.gds"});
    std::vector<double> currents, gm, gds;
    for (const auto& row : out.rows) {
      if (row[5] != "nfet_g5v0d10v5") continue;
      currents.push_back(std::stod(row[6]));
      gm.push_back(std::stod(row[7]));
      gds.push_back(std::stod(row[8]));
    }
    REQUIRE(currents.size() == 7);
    // The exact slopes beside quotients of differences, which six digits and 0.05 V make coarse.
    const double by_vgs = (currents[4] - currents[3]) / 0.1;
    const double by_vds = (currents[6] - currents[5]) / 0.1;
    CHECK(gm[0] == Catch::Approx(by_vgs).epsilon(0.01).margin(1e-3 * currents[0]));
    CHECK(gds[0] == Catch::Approx(by_vds).epsilon(0.01).margin(1e-3 * currents[0]));
    CHECK(currents[0] > 5e-4);  // measured: about 4 mA
    CHECK(currents[0] < 3e-2);
    CHECK(currents[1] < 1e-5 * currents[0]);
    CHECK(currents[2] > currents[0]);
  }
}
