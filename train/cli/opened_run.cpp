// OpenedRun: everything comes from the checkpoint, so a moved or edited run.toml cannot mislead.
#include "train/cli/opened_run.h"

#include <algorithm>
#include <filesystem>

#include "data/fingerprint.h"
#include "train/cli/console.h"
#include "train/cli/process.h"
#include "train/run_folder/kept.h"

namespace weft::cli {

OpenedRun::OpenedRun(const std::string& folder, const std::string& which,
                     const std::string& device_name, int threads,
                     const std::vector<std::string>& settings) {
  checkpoint = which.empty() ? network_file(folder) : checkpoint_path(folder, which);
  if (!std::filesystem::exists(checkpoint))
    throw DataError(checkpoint + ": there is no such checkpoint; is this a run folder?");
  const Checkpoint saved = read_checkpoint(checkpoint);
  state = saved.state;
  learned = saved.learned;
  run = parse_run_text(saved.run_text, folder + "/run.toml", settings);
  if (!device_name.empty() &&
      device_name != name_of(run.device)) {  // may not know the run's precision
    std::vector<std::string> all = settings;
    all.insert(all.end(), {"device=" + device_name, "precision=f32"});
    run = parse_run_text(saved.run_text, folder + "/run.toml", all);
  }
  if (matrix_math(run.precision, run.device) == MatrixMath::bf16 && !why_no_bf16().empty()) {
    tell(fmt::format("{}: in f32 here, as {}", folder, why_no_bf16()));
    run.precision = Precision::f32;
  }
  check_learned(learned, run.data.normalize, run.tasks, checkpoint);
  device = std::make_unique<Device>(run.device, threads, matrix_math(run.precision, run.device));
  model = make_model(device->context(), run);
  check_state(state, run, *model, checkpoint);
  load_model(checkpoint, *model);
}

void check_split(const OpenedRun& run, const Dataset& data, EvalSplit split, const char* command) {
  const DataSpec& spec = run.run.data;
  const bool own_test = spec.ratio[1] == 0 || !spec.split.empty() || !spec.test_index.empty();
  const bool named = split == EvalSplit::test && own_test;
  if (named || split == EvalSplit::train) return;
  const Fingerprint& was = run.learned.fingerprint;
  if (sample_hashes(data, was.each) == was.samples && data.size() == was.count) return;
  throw DataError(fmt::format(
      "{}: the samples changed since training (there are {}, there were {}), and their {} part "
      "was divided off by weft, so some of it was trained on; name the parts in a column "
      "(data.split), or evaluate a test file (data.test_index)",
      command, data.size(), was.count, name_of(split)));
}

const std::vector<std::string>& elsewhere(const std::vector<std::string>& settings,
                                          const std::vector<std::string>& keys) {
  for (const std::string& setting : settings) {
    const std::string key = setting.substr(0, setting.find('='));
    if (std::find(keys.begin(), keys.end(), key) == keys.end())
      throw ConfigError(
          fmt::format("{}: a trained run keeps its run file, except for where its data are: {}",
                      setting, fmt::join(keys, ", ")));
  }
  return settings;
}

}  // namespace weft::cli
