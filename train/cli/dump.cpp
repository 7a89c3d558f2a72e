// weft dump: training steps laid open in a safetensors file, for anyone to check.
#include "train/loop/dump.h"

#include <algorithm>

#include "engine/device.h"
#include "engine/error.h"
#include "train/cli/command.h"
#include "train/cli/console.h"

namespace weft::cli {
namespace {

class Dump final : public Command {
 public:
  const char* name() const override { return "dump"; }
  const char* help() const override { return "Lay training steps open, to be checked elsewhere"; }
  void options(Options& o) override {
    o.add("run", run_, "Run file (TOML)").required();
    o.add("settings", settings_, "key=value, such as policy.hard=true").settings();
    o.add("--phase", phase_, "warmup, weights, policy or retrain")
        .required()
        .one_of({"warmup", "weights", "policy", "retrain"});
    o.add("--steps", dump_.steps, "How many steps").within(1, 1000);
    o.add("--epoch", dump_.epoch, "Policy epoch: the curriculum's stage").within(0, 1e9);
    o.add("--step", dump_.step,
          "Retrain: the first step, as of the phases of blockdrop and input_routing")
        .within(0, 1e9);
    o.add("--from", dump_.from, "Start from the parameters and inputs of this dump");
    o.add("--policy", dump_.policy, "Policy file for retrain (default: drawn)");
    o.add("--precision", precision_, "f32 (default) or f64; on a GPU also tf32, bf16 or f32_fma")
        .one_of({"f32", "f64", "tf32", "bf16", "f32_fma"});
    o.add("--device", device_, "cpu or cuda").one_of({"cpu", "cuda"});
    o.add("--threads", threads_, "Threads; 0: one per core").within(0, 1024);
    o.add("--out", out_, "File to write").required();
  }
  void run() override {
    const bool set = std::any_of(settings_.begin(), settings_.end(), [](const std::string& s) {
      return s.rfind("precision=", 0) == 0;
    });
    if (set && !precision_.empty())
      throw ConfigError("--precision and the setting precision=... say it twice; leave one out");
    if (!set) settings_.push_back("precision=" + (precision_.empty() ? "f32" : precision_));
    RunFile run = parse_run_file(run_, with_device(settings_, device_));
    for (Phase p : {Phase::warmup, Phase::weights, Phase::policy, Phase::retrain})
      if (phase_ == name_of(p)) dump_.phase = p;
    const Device device(run.device, threads_, matrix_math(run.precision, run.device));
    const auto data = open_dataset(run);
    dump_steps(run, *data, device.context(), dump_, out_);
    fmt::print("{} {} step(s) in {}\n", dump_.steps, phase_, out_);
  }

 private:
  std::string run_, phase_, precision_, device_, out_;
  std::vector<std::string> settings_;
  DumpOptions dump_;
  int threads_ = 0;
};

}  // namespace

std::unique_ptr<Command> dump_command() { return std::make_unique<Dump>(); }

}  // namespace weft::cli
