// What a run needs at least, term by term, so that the message can name the key that makes it much.
#include <algorithm>
#include <cmath>

#include "engine/error.h"
#include "models/sharing/way.h"
#include "train/loop/preflight.h"
#include "train/run_file/balance.h"
#include "train/step/build.h"

namespace weft {
namespace {

struct Need {
  const char* key;
  std::string what;
  double bytes;
  const char* cure = nullptr;  ///< null: lower the key
};

struct TrunkSize {
  double parameters;  ///< at width 1
  double channels;    ///< of its features at width 1
};

TrunkSize trunk_size(TrunkName trunk) {
  switch (trunk) {
    case TrunkName::resnet18:
      return {11.2e6, 512};
    case TrunkName::resnet34:
      return {21.3e6, 512};
    case TrunkName::resnet50:
      return {23.5e6, 2048};
    case TrunkName::resnet101:
      return {42.5e6, 2048};
    case TrunkName::vgg16:
      return {14.7e6, 512};
    case TrunkName::vdcnn9:
      return {1.8e6, 512};
    case TrunkName::vdcnn17:
      return {3.8e6, 512};
    case TrunkName::vdcnn29:
      return {4.3e6, 512};
    case TrunkName::mlp:
      break;
  }
  return {0, 0};  // has sizes of its own
}

/// Trunks that stand side by side.
double trunks_of(const RunFile& run) {
  const auto& trunks = way_of(run.sharing).trunks;
  return trunks.shared + trunks.own * static_cast<double>(run.tasks.size());
}

/// Values beside one trunk's, in trunks: the other function blocks of routing, which steps that do not
/// take them need alone, and SpotTune's frozen blocks. A ResNet's stem and projections are at most 0.15
/// of it.
double more_values_of(const RunFile& run) {
  const double blocks = 0.85;
  if (run.sharing == Sharing::spottune) return blocks;
  const WayOfSharing& way = way_of(run.sharing);  // policies per input have a choice at every block
  const bool routed = way.functions && (way.per_input || run.policy.skip_layer == 0);
  return routed ? blocks * (run.share.functions - 1) : 0;
}

/// Of a weight: the value, its gradient and its moments, in the phase that has most of them.
double copies_of(const RunFile& run) {
  const bool search = searches(run, way_of(run.sharing).policy);
  double copies = 3;
  for (const PhaseSpec* phase : {&run.warmup, static_cast<const PhaseSpec*>(&run.policy),
                                 static_cast<const PhaseSpec*>(&run.retrain)}) {
    const bool trains = phase->steps > 0 && (search || phase == &run.retrain);
    if (trains && phase->optimizer.kind == OptimizerKind::adam) copies = 4;
  }
  return copies;
}

/// Each task's gradient of one trunk of so many bytes, where [balance] keeps them: of tasks that have
/// a weight, where two or more share it. What balance.shared leaves of it is known with the network.
void add_gradients(const RunFile& run, double trunk, std::vector<Need>& all) {
  const auto method = make_method(run);
  if (method->needs() == Balance::Needs::losses || !run.balance.keep_gradients) return;
  if (trunks_of(run) != 1 || run.tasks.size() < 2 || !run.balance.shared.empty()) return;
  const auto weighed = std::count_if(run.tasks.begin(), run.tasks.end(),
                                     [](const TaskSpec& task) { return task.weight != 0; });
  const bool gram = method->needs_one_gram();
  all.push_back({gram ? "balance.keep" : "balance.method", "each task's gradient of the trunk",
                 trunk * static_cast<double>(weighed),
                 gram ? "set balance.keep = false, which keeps their Gram matrix alone"
                      : "this method needs them all; name fewer parameters in balance.shared, or "
                        "take one that needs their Gram matrix alone, with balance.keep = false"});
}

std::vector<Need> needs(const RunFile& run, const Dataset& data, const Parts& parts) {
  const ModelSpec& m = run.model;
  const bool mlp = m.trunk == TrunkName::mlp;
  const double number = run.precision == Precision::f64 ? 8 : 4;
  const TrunkSize full = trunk_size(m.trunk);
  const double hidden = m.hidden, input = m.in_channels;
  const double trunk =
      mlp ? hidden * input + 2.0 * m.blocks * hidden * hidden : full.parameters * m.width * m.width;
  const double channels = mlp ? hidden : full.channels * m.width;
  const double head_width = m.head_width;
  double dense = 0, plain = 0;  // heads with hidden layers, and of one layer
  for (const TaskSpec& task : run.tasks) {
    const double out = task.channels();
    const bool aspp = m.head == HeadKind::aspp && !task.image_label();
    if (m.head == HeadKind::k_max)
      dense += head_width * (m.k_max * channels + head_width + out);
    else if (aspp)
      dense += 4 * (9 * channels * head_width + head_width * (head_width + out));
    else
      plain += channels * out;
  }
  const double copies = copies_of(run);
  std::vector<Need> all{{mlp ? "model.hidden" : "model.width", "the trunk's parameters",
                         trunk * (trunks_of(run) * copies + more_values_of(run)) * number},
                        {"model.head_width", "the heads' parameters", dense * copies * number},
                        {"task.classes", "the heads' parameters", plain * copies * number}};

  add_gradients(run, trunk * number, all);
  const LoaderOptions options = train_loader_options(run, data, "train", 0);
  const double rows =
      static_cast<double>(plan_epoch(data, parts.train, options).batch) *
      (run.data.inputs == Whose::per_task ? static_cast<double>(run.tasks.size()) : 1.0);
  const bool crops = run.data.augment.crop[0] > 0;
  const auto& size = crops ? run.data.augment.crop : run.data.size;
  const bool text = run.data.kind == DataKind::text;
  const double pixels = mlp    ? 1
                        : text ? run.data.length
                               : double(size[0]) * size[1];  // 0: as the files have them
  const double ahead = run.data.workers + 3.0;               // drafts, and the batch itself
  const bool sized = !text && run.data.kind != DataKind::tabular;
  const char* fewer = sized ? "lower data.batch or data.size" : "lower data.batch";
  Need batches{"data.batch", fmt::format("the loader's {} batches of {} pictures", ahead, rows),
               rows * pixels * input * 4 * ahead, fewer};
  if (text) {
    batches.key = "data.length";
    batches.cure = "lower data.length or data.batch";
  } else if (size[0] > 0) {
    batches.key = "data.size";
    batches.cure = "lower data.size or data.batch";
  }
  all.push_back(batches);
  const double shrinks = text || m.stem == StemKind::small ? 1 : 4;
  const double stem = mlp ? 2 * hidden * m.blocks : 2 * 64 * m.width * pixels / shrinks;
  all.push_back(
      {"data.batch", "the maps of a batch", rows * stem * trunks_of(run) * number, fewer});
  return all;
}

std::string gib(double bytes) { return fmt::format("{:.1f} GiB", bytes / (1 << 30)); }

}  // namespace

void check_memory(const RunFile& run, const Dataset& data, const Parts& parts, int64_t bytes) {
  const std::vector<Need> all = needs(run, data, parts);
  double sum = 0;
  for (const Need& need : all) sum += need.bytes;
  if (sum <= static_cast<double>(bytes)) return;
  const Need& most = *std::max_element(
      all.begin(), all.end(), [](const Need& a, const Need& b) { return a.bytes < b.bytes; });
  throw ConfigError(fmt::format(
      "{}: '{}': the run needs at least {}, and the device has {}; {} alone take {}: {}",
      run.place(most.key), most.key, gib(sum), gib(static_cast<double>(bytes)), most.what,
      gib(most.bytes), most.cure != nullptr ? most.cure : std::string("lower ") + most.key));
}

}  // namespace weft
