// OpenedRun: everything comes from the checkpoint, so a moved or edited run.toml cannot mislead.
#include "train/cli/opened_run.h"

#include <filesystem>

#include "train/checkpoint.h"
#include "train/cli/console.h"

namespace weft::cli {

OpenedRun::OpenedRun(const std::string& folder, const std::string& which,
                     const std::string& device_name, int threads) {
  const std::string stem = folder + "/checkpoints/";
  const bool has_best = std::filesystem::exists(stem + "best.safetensors");
  checkpoint = stem + (!which.empty() ? which : has_best ? "best" : "last") + ".safetensors";
  if (!std::filesystem::exists(checkpoint))
    throw DataError(checkpoint + ": there is no such checkpoint; is this a run folder?");
  const Checkpoint saved = read_checkpoint(checkpoint);
  state = saved.state;
  run = parse_run_text(saved.run_text, folder + "/run.toml");
  if (!device_name.empty() && device_name != run.device)  // which may not know the run's precision
    run = parse_run_text(saved.run_text, folder + "/run.toml",
                         {"device=" + device_name, "precision=f32"});
  device = std::make_unique<Device>(run.device, threads, run.precision);
  data = open_dataset(run);
  model = make_model(device->context(), run);
  check_state(state, run, *model, checkpoint);
  load_model(checkpoint, *model);
}

}  // namespace weft::cli
