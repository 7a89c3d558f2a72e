// What the types of the keys cannot say: ranges, and values that must fit together.
#include <algorithm>
#include <cmath>
#include <limits>

#include "engine/error.h"
#include "models/sharing/way.h"
#include "train/run_file/balance.h"
#include "train/run_file/limits.h"
#include "train/run_file/run_file.h"
#include "train/run_file/tables.h"
#include "train/run_file/tasks.h"
#include "train/run_file/texts.h"

namespace weft {
namespace {

class Checker {
 public:
  explicit Checker(const RunFile& run) : run_(run) {}

  void require(bool ok, const std::string& key, const std::string& message) const {
    if (!ok) throw ConfigError(fmt::format("{}: '{}' {}", run_.place(key), key, message));
  }
  template <class T>
  void at_least(T value, T least, const std::string& key) const {
    require(value >= least, key, fmt::format("is {}; it is at least {}", value, least));
  }
  void positive(double value, const std::string& key) const {
    require(value > 0, key, fmt::format("is {}; it is more than 0", value));
  }
  /// What a loss is multiplied with: not negative, and finite in f32 too.
  void factor(double value, const std::string& key) const {
    require(value >= 0 && value <= std::numeric_limits<float>::max(), key,
            fmt::format("is {}; it is at least 0 and finite (in f32)", value));
  }
  void share(double value, const std::string& key) const {
    require(value >= 0 && value < 1, key, fmt::format("is {}; it is in [0, 1)", value));
  }

  void top() const {
    require(plain_name(run_.name), "name",
            fmt::format("is \"{}\"; it names a folder: {}", run_.name, plain_letters));
    at_least<int64_t>(run_.seed, 0, "seed");
    const bool cuda = run_.device == DeviceKind::cuda;
    const bool of_gpu = run_.precision == Precision::tf32 || run_.precision == Precision::f32_fma;
    require(cuda || !of_gpu, "precision",
            fmt::format("is \"{}\", which needs device = \"cuda\"; the CPU has f32, f64 and bf16",
                        name_of(run_.precision)));
    require(!cuda || run_.precision != Precision::f64, "precision",
            "is \"f64\", which needs device = \"cpu\"");
    at_least<int64_t>(run_.eval.every, 1, "eval.every");
    at_least<int64_t>(run_.eval.batches, 0, "eval.batches");
    require(
        run_.eval.best == Best::sum || run_.sharing == Sharing::single, "eval.best",
        fmt::format("is \"per-task\", which needs sharing = \"single\": under \"{}\" tasks share "
                    "parameters, and what they share cannot stand at a step of each task's own",
                    name_of(run_.sharing)));
    require(run_.eval.keep >= 1 && run_.eval.keep <= 1000, "eval.keep",
            fmt::format("is {}; it is 1 to 1000", run_.eval.keep));
    require(run_.eval.keep == 1 || run_.eval.best == Best::sum, "eval.keep",
            fmt::format("is {}, which needs eval.best = \"sum\": each task's own best network lies "
                        "beside the others' in one file",
                        run_.eval.keep));
    at_least<int64_t>(run_.eval.patience, 0, "eval.patience");
    require(run_.eval.patience == 0 || run_.eval.split != EvalSplit::test, "eval.patience",
            fmt::format("is {}, but eval.split = \"test\" only reports: nothing says when a phase "
                        "is at its best",
                        run_.eval.patience));
    at_least<int64_t>(run_.checkpoint_every, 1, "checkpoint.every");
    require(run_.checkpoint_keep >= 1 && run_.checkpoint_keep <= 1000, "checkpoint.keep",
            fmt::format("is {}; it is 1 to 1000", run_.checkpoint_keep));
  }

  void model() const {
    const ModelSpec& m = run_.model;
    positive(m.width, "model.width");
    require(m.split.empty() || m.trunk == TrunkName::vgg16, "model.split",
            fmt::format("means nothing for {}; it names the first layer of vgg16 that is a task's "
                        "own",
                        name_of(m.trunk)));
    require(m.stem == StemKind::large || is_resnet(m.trunk), "model.stem",
            fmt::format("is \"small\", which ResNets alone have; {}",
                        m.trunk == TrunkName::vgg16
                            ? "vgg16 begins with 3x3 layers of stride 1 anyway"
                            : fmt::format("{} sees no pictures", name_of(m.trunk))));
    at_least(m.embedding, 1, "model.embedding");
    at_least(m.hidden, 1, "model.hidden");
    at_least(m.blocks, 1, "model.blocks");
    at_least(m.head_width, 1, "model.head_width");
    at_least(m.k_max, 1, "model.k_max");
    share(m.dropout, "model.dropout");
    at_least(m.in_channels, 1, "model.in_channels");
    require(!m.init_partial || !m.init.empty(), "model.init_partial",
            "says how model.init is taken, which is not given");
    require(!m.init_heads || !m.init.empty(), "model.init_heads",
            "takes the heads of model.init, which is not given");
    require(!m.init_partial || !way_of(run_.sharing).pretrained, "model.init_partial",
            fmt::format("is true, but sharing = \"{}\" keeps a frozen copy of the whole trunk that "
                        "model.init holds; leave it out",
                        name_of(run_.sharing)));
    require(m.trunk != TrunkName::vgg16 || m.bn_running == Whose::shared, "model.bn.running",
            "is \"per-task\", but VGG-16 has no batch norm");
    require(m.activation == Activation::relu || m.trunk == TrunkName::mlp, "model.activation",
            fmt::format("is \"{}\"; {} has ReLU, and mlp alone another", name_of(m.activation),
                        name_of(m.trunk)));
    const bool bare = m.norm == Norm::none;
    require(!bare || m.trunk == TrunkName::mlp, "model.norm",
            fmt::format("is \"none\", which mlp alone can be without, not {}", name_of(m.trunk)));
    require(!bare || !way_of(run_.sharing).batch_norm, "model.norm",
            fmt::format("is \"none\", but {} has batch norms of its own", name_of(run_.sharing)));
    const std::string bn = m.bn_fixed ? "fixed" : !m.bn_sync ? "sync" : "running";
    require(!bare || (bn == "running" && m.bn_running == Whose::shared), "model.bn." + bn,
            "is about batch norm, but model.norm = \"none\" has none");
    require(m.bn_affine == Whose::shared || m.bn_running == Whose::per_task, "model.bn.affine",
            "is \"per-task\", which needs bn.running = \"per-task\": one set of statistics cannot "
            "serve several weights");
  }

  void data() const {
    const DataSpec& d = run_.data;
    require(d.kind == DataKind::scenes || !d.root.empty(), "data.root",
            fmt::format("is missing: the folder of the {} data", name_of(d.kind)));
    pair(d.size, "data.size");
    at_least<int64_t>(d.batch, 1, "data.batch");
    at_least(d.workers, 0, "data.workers");
    share(d.ratio[0], "data.ratio");
    share(d.ratio[1], "data.ratio");
    share(d.ratio[0] + d.ratio[1], "data.ratio");
    at_least<int64_t>(d.seed, 0, "data.seed");
    at_least<int64_t>(d.count, 1, "data.count");
    at_least<int64_t>(d.val_count, 0, "data.val_count");
    at_least<int64_t>(d.test_count, 0, "data.test_count");
    const bool cells = has_cells(d.kind);
    require(d.task_column.empty() || cells, "data.task_column",
            fmt::format("means nothing for {} data", name_of(d.kind)));
    require(d.separator.empty() || cells, "data.separator",
            fmt::format("means nothing for {} data", name_of(d.kind)));
    require(d.separator.empty() || d.separator == "," || d.separator == ";" || d.separator == "tab",
            "data.separator",
            fmt::format("is \"{}\"; columns are separated by \",\" \";\" or \"tab\"", d.separator));
    require(d.layout == NpyLayout::hwc || d.kind == DataKind::csv, "data.layout",
            fmt::format("means nothing for {} data", name_of(d.kind)));
    require(d.float_max == 1 || d.kind == DataKind::csv, "data.float_max",
            fmt::format("means nothing for {} data", name_of(d.kind)));
    require(d.float_max >= 1e-30 && d.float_max <= 1e30, "data.float_max",
            fmt::format("is {}; it is the value of white, 1 or 255 perhaps", d.float_max));
    const bool own_files = !run_.tasks.empty() && !run_.tasks[0].index.empty();
    require(d.inputs == Whose::shared || !d.task_column.empty() || own_files || !cells,
            "data.inputs",
            "is \"per-task\", but nothing says whose each row is: name the column that does in "
            "data.task_column, or leave data.inputs out (an empty cell is a missing label)");
    const AugmentSpec& a = d.augment;
    require(
        a.scale[0] > 0 && a.scale[0] <= a.scale[1], "data.augment.scale",
        fmt::format("is [{}, {}]; it is [least, most], both more than 0", a.scale[0], a.scale[1]));
    pair(a.crop, "data.augment.crop");
    for (const auto& [key, most] : {std::pair("brightness", a.brightness),
                                    {"contrast", a.contrast},
                                    {"saturation", a.saturation}})
      require(most >= 0 && most <= 1, std::string("data.augment.") + key,
              fmt::format("is {}; factors are drawn from 1 - it to 1 + it: it is 0 to 1", most));
    const double pixels = a.scale[1] * d.size[0] * a.scale[1] * d.size[1];
    require(
        pixels <= 1 << 27, "data.augment.scale",
        fmt::format("enlarges pictures of {} x {} to more than 2^27 pixels", d.size[0], d.size[1]));
  }

  void optimizer(const OptimizerSpec& o, const std::string& key) const {
    positive(o.lr, key + ".lr");
    if (o.trunk_lr) at_least(*o.trunk_lr, 0.0, key + ".trunk_lr");
    share(o.betas[0], key + ".betas");
    share(o.betas[1], key + ".betas");
    positive(o.eps, key + ".eps");
    share(o.momentum, key + ".momentum");
    at_least(o.weight_decay, 0.0, key + ".weight_decay");
  }

  void phase(const PhaseSpec& p, const std::string& key) const {
    at_least<int64_t>(p.steps, 0, key + ".steps");
    optimizer(p.optimizer, key + ".optimizer");
    at_least<int64_t>(p.schedule.every, 1, key + ".schedule.every");
    positive(p.schedule.factor, key + ".schedule.factor");
    const auto falls = static_cast<double>(p.steps / p.schedule.every);
    const double last_lr = p.optimizer.lr * std::pow(p.schedule.factor, falls);
    require(p.schedule.kind != ScheduleKind::step || last_lr <= 1e6, key + ".schedule.factor",
            fmt::format("is {}; {} times, it takes the rate to {:g}", p.schedule.factor, falls,
                        last_lr));
    positive(p.schedule.power, key + ".schedule.power");
    at_least<int64_t>(p.schedule.warmup, 0, key + ".schedule.warmup");
    at_least(p.clip_norm, 0.0, key + ".clip_norm");
  }

  void policy() const {
    const PolicySpec& p = run_.policy;
    phase(p, "policy");
    require(p.model == PolicyModel::task_specific, "policy.model",
            fmt::format("is \"{}\"; weft learns one policy for each task, \"task-specific\": the "
                        "official code never re-trains under those of images or groups of blocks",
                        name_of(p.model)));
    require(p.data_share > 0 && p.data_share < 1, "policy.data_share",
            fmt::format("is {}; it is more than 0 and less than 1", p.data_share));
    optimizer(p.logits, "policy.logits");
    at_least(p.logits_clip_norm, 0.0, "policy.logits.clip_norm");
    at_least<int64_t>(p.weight_steps, 0, "policy.weight_steps");
    at_least<int64_t>(p.logit_steps, 0, "policy.logit_steps");
    positive(p.temperature, "policy.temperature");
    require(p.decay > 0 && p.decay <= 1, "policy.decay",
            fmt::format("is {}; it is in (0, 1]", p.decay));
    at_least(p.floor, 0.0, "policy.floor");
    const int64_t epochs = p.steps / std::max<int64_t>(1, p.weight_steps + p.logit_steps);
    const double coldest = p.temperature * std::pow(p.decay, static_cast<double>(epochs));
    const bool known = p.weight_steps > 0 && p.logit_steps > 0;
    require(p.floor > 0 || !known || coldest >= 1e-6, "policy.floor",
            fmt::format("is 0, and the temperature falls to {:g} in {} policy epochs: samples are "
                        "no numbers then; give it 0.1, or decay less",
                        coldest, epochs));
    at_least(p.curriculum_speed, 0, "policy.curriculum_speed");
    at_least(p.sparsity, 0.0, "policy.sparsity");
    at_least(p.sharing, 0.0, "policy.sharing");
    at_least(p.skip_layer, 0, "policy.skip_layer");
    at_least(p.draws, 1, "policy.draws");
  }

  /// Of policies per input.
  void per_input() const {
    const ShareSpec& s = run_.share;
    at_least<int64_t>(s.policy_width, 1, "share.policy_width");
    positive(s.temperature, "share.temperature");
    at_least<int64_t>(s.full_steps, 0, "share.full_steps");
    at_least<int64_t>(s.policy_steps, 0, "share.policy_steps");
    at_least<int64_t>(s.unlock_steps, 0, "share.unlock_steps");
    require(s.bound > 0.5 && s.bound <= 0.9999, "share.bound",
            fmt::format("is {}; it is more than 0.5 and at most 0.9999", s.bound));
    factor(s.penalty, "share.penalty");
    factor(s.slack, "share.slack");
    factor(s.entropy, "share.entropy");
    factor(s.collaboration, "share.collaboration");
    const bool rewards =
        run_.sharing == Sharing::blockdrop ||
        (run_.sharing == Sharing::input_routing && run_.share.estimator == Estimator::reinforce);
    require(run_.sharing != Sharing::input_routing || s.estimator == Estimator::gumbel ||
                s.temperature == ShareOptions{}.temperature,
            "share.temperature",
            fmt::format("is {}, and share.estimator = \"{}\" has none; it belongs to \"gumbel\"",
                        s.temperature, name_of(s.estimator)));
    require(!rewards || run_.balance.method == BalanceMethod::equal, "balance.method",
            fmt::format("is \"{}\"; {} rewards its policy by the tasks' losses as they are: "
                        "weigh tasks by task.NAME.weight",
                        name_of(run_.balance.method), name_of(run_.sharing)));
  }

  void share() const {
    const ShareSpec& s = run_.share;
    for (const auto& [path, place] : run_.places) {
      if (path.rfind("share.", 0) != 0) continue;
      const auto ways = ways_with(path.substr(std::string("share.").size()));
      std::vector<std::string> words;
      for (const Sharing way : ways) words.emplace_back(name_of(way));
      require(std::find(ways.begin(), ways.end(), run_.sharing) != ways.end(), path,
              fmt::format("means nothing for sharing = \"{}\"; it belongs to {}",
                          name_of(run_.sharing), fmt::join(words, ", ")));
    }
    positive(s.lr_factor, "share.lr_factor");
    at_least(s.weight, 0.0, "share.weight");
    at_least(s.orthogonality, 0.0, "share.orthogonality");
    at_least(s.subspaces, 1, "share.subspaces");
    per_input();
    const size_t pairs = run_.tasks.size() * (run_.tasks.size() - 1) / 2;
    require(s.pair_weights.empty() || s.pair_weights.size() == pairs, "share.pair_weights",
            fmt::format("has {} values for {} pairs of tasks: (0,1), (0,2) .. (1,2) ..",
                        s.pair_weights.size(), pairs));
    for (double weight : s.pair_weights) at_least(weight, 0.0, "share.pair_weights");
  }

  /// What is of gates that select or skip alone, where they have levels.
  void levels(const WayOfSharing& way) const {
    share(run_.share.baseline, "share.baseline");
    at_least(run_.share.functions, 2, "share.functions");
    if (!way.levels) return;
    const auto means = [&](bool nothing, const std::string& key, const std::string& word) {
      require(nothing, key,
              fmt::format("is \"{}\", which is of gates that select or skip; those of sharing = "
                          "\"{}\" {}",
                          word, name_of(run_.sharing),
                          way.functions ? "choose among function blocks" : "have levels"));
    };
    means(run_.semantics == Semantics::sound, "semantics", name_of(run_.semantics));
    means(!(run_.retrain.gates == RetrainGates::soft ||
            run_.retrain.gates == RetrainGates::stochastic_depth),
          "retrain.gates", name_of(run_.retrain.gates));
    means(run_.policy.sparsity_form == SparsityForm::log_skip, "policy.sparsity_form",
          name_of(run_.policy.sparsity_form));
    require(!run_.policy.hard, "policy.hard",
            fmt::format("is true, and draws of sharing = \"{}\" are hard anyway; leave it out",
                        name_of(run_.sharing)));
    require(way.functions || run_.share.estimator == Estimator::reinforce ||
                run_.share.baseline == ShareOptions{}.baseline,
            "share.baseline",
            fmt::format("is {}, and share.estimator = \"{}\" has none; it belongs to \"reinforce\"",
                        run_.share.baseline, name_of(run_.share.estimator)));
  }

  void phases() const {
    phase(run_.warmup, "warmup");
    policy();
    phase(run_.retrain, "retrain");
    require(run_.warmup.steps + run_.policy.steps + run_.retrain.steps > 0, "warmup.steps",
            "is 0, and so are the other phases' steps: there is nothing to train");
  }

 private:
  void pair(const std::array<int, 2>& value, const std::string& key) const {
    const bool none = value[0] == 0 && value[1] == 0;
    require(
        none || (value[0] > 0 && value[1] > 0), key,
        fmt::format("is [{}, {}]; it is [height, width], both more than 0", value[0], value[1]));
  }

  const RunFile& run_;
};

}  // namespace

void check_run_file(const RunFile& run) {
  check_limits(run);
  const Checker check(run);
  check.top();
  check.model();
  check.data();
  check_tasks(run);
  check_tables(run);
  check_texts(run);
  check.share();
  check.levels(way_of(run.sharing));
  check.phases();
  check_balance(run);
}

}  // namespace weft
