// A grid: lists of values of any keys of the run file, of which a study runs every combination. It is
// the table [grid] of a study file, or a file of such lists alone (weft study --set), in which
//   policy.sharing = [0.1, 0.5]
//   model.width = [0.5, 1]
// make of the method adashare the rows adashare_sharing-0.1_width-0.5 .. adashare_sharing-0.5_width-1,
// or four trials of it to choose from (grid_as). Of keys the last words name a row, as many as tell
// them apart. A longer list goes on where the study was: rows have names. Trials have numbers, the last
// list's value changing fastest: append to the first list alone, or start a new out.
#pragma once

#include "train/run_file/toml/toml_document.h"
#include "train/study/study.h"

namespace weft {

/// Every method crossed with the grid, trials that it has with trials. ConfigError "file:line: ..." for a key
/// that is the study's own to say or that a method, a trial or an earlier grid sets too, a value that is
/// there twice, and more runs than anybody waits for.
void expand_grid(Study& study, const std::vector<ValueList>& grid);

/// ConfigError where one of the settings KEY=VALUE, which every cell is to have, sets what names cells:
/// what a grid sweeps, sharing or seed.
void check_unswept(const Study& study, const Words& settings);

/// The study file crossed with `sweep`, a file of such lists, in OUT-sweep. `path` may be a run file
/// instead: its one way of sharing on its data, with its seed or the sweep's `seed = [1, 2]`, in
/// runs/out/NAME-sweep.
Study swept_study(const std::string& path, const std::string& sweep);

}  // namespace weft
