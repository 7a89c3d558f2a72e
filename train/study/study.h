// A study: every method on every data set with every seed, from one TOML file. A cell is one run of
// that product and a run folder below `out`. Where methods have trials (lists of settings to choose
// hyper-parameters from, equally many for each), all trials run with the first `trial_seeds` seeds,
// and the other seeds with the trial whose validation score is least (train/step/choice.h); test
// data choose nothing. Single-task networks are tested each at its own best step (eval.best =
// "per-task"), unless a method's settings say otherwise.
//   cells: out/SET/METHOD/seed-S, or out/SET/METHOD/trial-T/seed-S (T from 1)
#pragma once

#include <array>
#include <optional>
#include <string>
#include <vector>

#include "train/run_file/run_file.h"
#include "train/run_file/toml/key_groups.h"

namespace weft {

/// [[set]]: a run file with its data, tasks and schedule, the same for all methods.
struct StudySet {
  std::string name, run;
  Words settings;  ///< key=value
};

/// [[method]]: what it changes in every set's run file.
struct StudyMethod {
  std::string name;
  std::optional<Sharing> sharing;  ///< after parsing there; default: the name
  Words settings;
  std::vector<Words> trials;
};

/// What the combinations of a [grid] (grid.h) become: rows of the tables, or trials of each method.
enum class GridAs : uint8_t { rows, trials };
constexpr std::array<const char*, 2> words_of(GridAs) { return {"rows", "trials"}; }

struct Study {
  std::string name, out;  ///< out: default runs/out/NAME
  std::vector<int64_t> seeds{1, 2, 3};
  int trial_seeds = 1;               ///< how many of the seeds trials are compared on
  int parallel = 0;                  ///< cells side by side; 0: as many as the machine has room for
  int threads = 1;                   ///< of each cell
  std::optional<DeviceKind> device;  ///< none: the run files'
  GridAs grid_as = GridAs::rows;
  std::vector<StudySet> sets;
  std::vector<StudyMethod> methods;  ///< crossed with the grid already
  Words swept;                       ///< the grid's keys, which no settings may change

  std::string source;                                         ///< the file's name
  size_t trials() const { return methods[0].trials.size(); }  ///< of each method; 0: none
  /// Whether the seed is one of those that trials are compared on.
  bool compares_trials(int64_t seed) const;
};

/// Every key of a study file, as run_file_groups (train/run_file/keys.h).
std::vector<KeyGroup> study_groups();

/// ConfigError "file:line: ..." as for a run file.
Study parse_study_file(const std::string& path);
Study parse_study_text(const std::string& text, const std::string& source);

/// As a study file, with every key resolved.
std::string print_study(const Study& study);

/// Into the study's own folder: study.toml, with what the command line changed, and of each set its run
/// file, SET/NAME.toml. So the folder says by itself what it is a study of, wherever it lies.
void keep_study(const Study& study);
/// Whether keep_study was there.
bool keeps_study(const std::string& folder);
/// The study that a folder keeps; its `out` is that folder.
Study kept_study(const std::string& folder);

struct StudyCell {
  size_t set = 0, method = 0;
  std::optional<size_t> trial;
  int64_t seed = 0;
  Words settings;  ///< all that changes the set's run file
  RunFile run;     ///< the run file so changed
  std::string folder;

  std::string asked() const { return folder + ".toml"; }  ///< file: `run`, as the cell was started
  bool finished() const;                                  ///< it has a summary
  bool resumable() const;                                 ///< it has a checkpoint to go on from
};

/// A set's run file as no method has changed it: with the set's settings, on the study's device.
RunFile set_run_file(const Study& study, size_t set);

/// Every cell in the order of running: those that compare trials come first. Reads all run files,
/// so that a mistake in one shows before anything runs; ConfigError also where a cell's folder
/// holds a run of other settings.
std::vector<StudyCell> study_cells(const Study& study);

/// "set/method/seed", with the trial where there is one: for people.
std::string cell_name(const Study& study, const StudyCell& cell);

/// Steps of all stages that a run will take.
int64_t planned_steps(const RunFile& run);

/// The score (train/step/choice.h) of a finished cell on validation data at the step it was tested at,
/// with the set's own task weights, so that trials which change weights compare as well. DataError
/// where there was no validation.
double validation_score(const StudyCell& cell, const RunFile& set_run);

/// validation_score by trial and trial seed; nullopt: not finished. Empty where there are no
/// trials.
std::vector<std::vector<std::optional<double>>> trial_losses(const Study& study,
                                                             const std::vector<StudyCell>& cells,
                                                             size_t set, size_t method,
                                                             const RunFile& set_run);

/// The trial (one row of losses each, one loss a seed) with the least mean; nullopt while a loss is
/// missing. The first of equals; NaN is the worst.
std::optional<size_t> best_trial(const std::vector<std::vector<std::optional<double>>>& losses);

}  // namespace weft
