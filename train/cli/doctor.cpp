// weft doctor: what this machine has and lacks, what to do about it, and the proof: a small network
// trained through all phases, in memory. Ends with 0 where that works on the CPU.
#include <fmt/format.h>

#include <chrono>

#include "engine/device.h"
#include "engine/error.h"
#include "train/cli/command.h"
#include "train/cli/diagnosis.h"
#include "train/loop/trainer.h"
#include "train/step/open_data.h"

namespace weft::cli {
namespace {

/// Warm-up, search, choice and re-training of the slimmest network on a few rendered rooms.
constexpr const char* small_run = R"(
name = "doctor"
[model]
width = 0.0625
head = "linear"
[data]
kind = "scenes"
size = [33, 33]
batch = 2
count = 12
val_count = 2
test_count = 2
workers = 0
[[task]]
name = "seg"
kind = "segmentation"
classes = 13
[[task]]
name = "depth"
kind = "depth"
[warmup]
steps = 2
[policy]
steps = 4
weight_steps = 1
logit_steps = 1
draws = 2
[retrain]
steps = 2
)";

/// A finding called "train on cpu" or "train on cuda".
Finding train_a_little(DeviceKind kind) {
  const std::string device = name_of(kind), subject = "train on " + device;
  try {
    const auto began = std::chrono::steady_clock::now();
    RunFile run = parse_run_text(small_run, "doctor", {"device=" + device});
    const Device on(kind);
    const auto data = open_dataset(run);
    Trainer trainer(run, *data, on.context());
    trainer.run();
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - began;
    return {Finding::Kind::has, subject,
            fmt::format("a small network went through all phases in {:.1f} s", took.count())};
  } catch (const Error& error) {
    return {kind == DeviceKind::cpu ? Finding::Kind::lacks : Finding::Kind::note, subject,
            error.what(), "mend what this line names"};
  }
}

class Doctor final : public Command {
 public:
  const char* name() const override { return "doctor"; }
  const char* help() const override { return "Say what this machine has and lacks, and try it"; }
  void options(Options&) override {}
  void run() override {
    const Machine machine = this_machine();
    bool works = true;
    const auto show = [&](const Finding& f) {
      constexpr const char* words[] = {"ok", "note", "LACKS"};
      fmt::print("{:<6} {:<14} {}\n", words[static_cast<size_t>(f.kind)], f.subject, f.fact);
      if (!f.advice.empty()) fmt::print("{:<21} what to do: {}\n", "", f.advice);
      works = works && f.kind != Finding::Kind::lacks;
    };
    for (const Finding& finding : diagnose(machine)) show(finding);
    if (works) show(train_a_little(DeviceKind::cpu));
    if (works && machine.no_cuda.empty()) show(train_a_little(DeviceKind::cuda));
    if (!works) throw UserError("doctor: training on the CPU does not work here (LACKS above)");
    fmt::print("weft trains on this machine{}.\n",
               machine.no_cuda.empty() ? "" : ", on its processor");
  }
};

}  // namespace

std::unique_ptr<Command> doctor_command() { return std::make_unique<Doctor>(); }

}  // namespace weft::cli
