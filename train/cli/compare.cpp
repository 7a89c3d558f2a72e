// weft compare: op by op and step by step, every backend and precision against the CPU's f64.
#include <algorithm>

#include "io/files.h"
#include "train/cli/command.h"
#include "train/cli/console.h"
#include "train/cli/process.h"
#include "train/compare/ceiling.h"
#include "train/compare/compare.h"
#include "train/step/build.h"

namespace weft::cli {
namespace {

/// A slim network on rendered rooms: seconds on a CPU.
constexpr const char* built_in_run = R"(
name = "compare"
[model]
trunk = "resnet18"
width = 0.25
head_width = 64
[data]
kind = "scenes"
size = [97, 97]
batch = 4
count = 64
[[task]]
name = "seg"
kind = "segmentation"
classes = 13
[[task]]
name = "normals"
kind = "normals"
[[task]]
name = "depth"
kind = "depth"
)";

class Compare final : public Command {
 public:
  const char* name() const override { return "compare"; }
  const char* help() const override { return "Hold backends and precisions against the CPU's f64"; }
  void options(Options& o) override {
    o.add("run", run_, "Run file (default: a slim network on rendered rooms)");
    o.add("settings", settings_, "key=value, such as data.batch=8").settings();
    o.add("--device", device_, "cpu or cuda (default: what is there)").one_of({"cpu", "cuda"});
    o.add("--threads", threads_, "The CPU's; 0: one per core").within(0, 1024);
    o.add("--batches", batches_, "Whole steps are judged by the best one of these").within(1, 99);
    o.add("--json", json_, "Also write everything to this file");
  }
  void run() override {
    const bool is_setting = run_.find('=') != std::string::npos;
    if (is_setting) settings_.insert(settings_.begin(), run_);
    RunFile run = run_.empty() || is_setting ? parse_run_text(built_in_run, "compare", settings_)
                                             : parse_run_file(run_, settings_);
    Comparison comparison;
    comparison.ways = ways();
    const auto data = open_dataset(run);
    const auto [height, width] = input_size(run, *data);
    const auto say = [](const std::string& line) { tell("compare: " + line); };
    compare_ops(comparison, network_ops(run, height, width), say);
    compare_steps(comparison, run, *data, static_cast<int>(batches_), say);
    fmt::print("{}", comparison_table(comparison));
    if (!json_.empty()) write_file(json_, comparison_json(comparison));
    if (!comparison.passed())
      throw CheckFailed("compare: an error passes its bound (FAILED above)");
  }

 private:
  std::vector<Way> ways() const {
    const auto cpu = std::make_shared<Device>(DeviceKind::cpu, threads_);
    std::vector<Way> all = {{"cpu f64", DeviceKind::cpu, Precision::f64, cpu},
                            {"cpu f32", DeviceKind::cpu, Precision::f32, cpu}};
    const int threads = threads_ > 0 ? threads_ : physical_cores();
    const double peak = cpu_peak_gflops(threads);
    for (Way& way : all) {
      way.gflops = way.precision == Precision::f64 ? peak / 2 : peak;
      way.gbs = copy_peak_gbs(cpu->context());
    }
    if (why_no_bf16().empty()) {
      const auto tiles = std::make_shared<Device>(DeviceKind::cpu, threads_, MatrixMath::bf16);
      all.push_back({"cpu bf16", DeviceKind::cpu, Precision::bf16, tiles, 0, all[0].gbs});
      all.back().gflops = cpu_peak_gflops(threads, Precision::bf16);
    }
    if (device_ == "cpu") return all;
    std::string why;
    try {
      require_device(DeviceKind::cuda);
    } catch (const UserError& e) {
      if (device_ == "cuda") throw;
      tell(fmt::format("compare: the CPU alone: {}", e.what()));
      return all;
    }
    for (const Precision precision :
         {Precision::f32_fma, Precision::f32, Precision::tf32, Precision::bf16}) {
      Way way{
          fmt::format("cuda {}", name_of(precision)), DeviceKind::cuda, precision,
          std::make_shared<Device>(DeviceKind::cuda, 1, matrix_math(precision, DeviceKind::cuda))};
      way.gflops = matrix_peak_gflops(way.on->context(), precision);
      way.gbs = copy_peak_gbs(way.on->context());
      all.push_back(way);
    }
    return all;
  }

  std::string run_, device_, json_;
  std::vector<std::string> settings_;
  int threads_ = 0;
  int64_t batches_ = 15;
};

}  // namespace

std::unique_ptr<Command> compare_command() { return std::make_unique<Compare>(); }

}  // namespace weft::cli
