// The run file: one TOML file says everything about a run. Every key is one line of the table in
// keys.cpp, which reading, printing, hints and `weft keys` share; an unknown key, a wrong type or
// an impossible value is a ConfigError "file:line: ...".
// Defaults are AdaShare's official values, where there are any. What a key inherits: [policy]'s lr
// and trunk_lr, and [retrain]'s optimizer, schedule and clip_norm, come from [warmup].
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "data/spec.h"
#include "models/activation.h"
#include "models/balance/options.h"
#include "models/policy_options.h"
#include "models/sharing/share_options.h"
#include "train/run_file/choices.h"

namespace weft {

struct ModelSpec {
  TrunkName trunk = TrunkName::resnet18;
  TrunkForm form = TrunkForm::deeplab;
  StemKind stem = StemKind::large;
  double width = 1;    ///< factor on the trunk's channels
  std::string split;   ///< vgg16: first layer that is each task's own ("features.24")
  int embedding = 16;  ///< vdcnn: numbers of a character's vector
  int hidden = 64;     ///< mlp: units of every layer
  int blocks = 4;      ///< mlp: residual blocks
  Activation activation = Activation::relu;  ///< mlp
  Norm norm = Norm::batch;                   ///< mlp
  HeadKind head = HeadKind::aspp;
  int head_width = 1024;
  int k_max = 8;  ///< head k_max: values that it keeps of each channel
  double dropout = 0.5;
  Whose bn_running = Whose::shared;  ///< bn.running: statistics
  Whose bn_affine = Whose::shared;   ///< bn.affine: weight and bias
  bool bn_fixed = false;             ///< bn.fixed: weight and bias are not trained
  bool bn_sync = true;               ///< bn.sync: moments of all ranks' rows, or of each one's own
  int in_channels = 3;
  std::string init;           ///< a safetensors file, or a run's folder, whose trunk to start from
  bool init_partial = false;  ///< take what init has and leave the rest as it is drawn
  bool init_heads = false;    ///< take init's heads of tasks of the same name and shapes as well
};

struct OptimizerSpec {
  OptimizerKind kind = OptimizerKind::adam;
  double lr = 1e-3;                ///< heads (and all that is not trunk)
  std::optional<double> trunk_lr;  ///< trunk; always set after parsing (default: lr)
  std::array<double, 2> betas{0.5, 0.999};
  double eps = 1e-8;
  double momentum = 0.9;
  double weight_decay = 1e-4;

  bool operator==(const OptimizerSpec&) const = default;
};

/// Factor on lr at step s of the phase: after a linear rise over `warmup` steps,
/// step: factor^(s / every); cosine: (1 + cos(pi s / steps)) / 2; poly: (1 - s / steps)^power.
struct ScheduleSpec {
  ScheduleKind kind = ScheduleKind::constant;
  int64_t every = 4000;
  double factor = 0.5;
  double power = 0.9;
  int64_t warmup = 0;

  bool operator==(const ScheduleSpec&) const = default;
};

struct PhaseSpec {
  int64_t steps = 0;
  OptimizerSpec optimizer;
  ScheduleSpec schedule;
  double clip_norm = 0;  ///< global gradient norm; 0: off
};

/// [policy], the search: weight and logit steps in turn; steps counts both.
struct PolicySpec : PhaseSpec {
  PolicyModel model = PolicyModel::task_specific;  ///< the official code's policy_model
  double data_share = 0.2;  ///< of the training samples: the logits' (paper), unless the set says
  OptimizerSpec logits;
  double logits_clip_norm = 0;
  int64_t weight_steps = 0, logit_steps = 0;  ///< of one policy epoch; 0: once over the part
  double temperature = 5, decay = 0.965, floor = 0.1;  ///< decay: once a policy epoch
  bool hard = false;                                   ///< straight-through samples
  int curriculum_speed = 3;  ///< policy epochs per unlocked block; 0: all blocks from the start
  CurriculumFrom curriculum_from = CurriculumFrom::last;
  double sparsity = 0.05;
  SparsityForm sparsity_form = SparsityForm::log_skip;
  double sharing = 0.05;
  bool depth_weights = true;  ///< the sharing loss is weighted by depth
  PolicyInit init_method = PolicyInit::equal;
  double init_neg_logits = -10;  ///< all_chosen's skip logit
  int skip_layer = 0;            ///< first blocks that never get logits
  int draws = 8;
  Choose choose = Choose::validation;
  PolicyFrom from = PolicyFrom::last;
};

struct RetrainSpec : PhaseSpec {
  RetrainInit init = RetrainInit::random;
  std::string policy;  ///< a policy file to re-train under; empty: drawn
  RetrainGates gates = RetrainGates::chosen;
};

/// [share]: what the way of sharing needs beside its word.
struct ShareSpec : ShareOptions {
  double lr_factor = 100;  ///< on the rate of stitches: cross_stitch, sluice, nddr
};

/// Ways of sharing that know the key of [share]; a key elsewhere is an error.
std::vector<Sharing> ways_with(const std::string& share_key);

/// [balance]: how tasks are weighed against each other, beyond each task's own weight; options go by
/// the names of models/balance/options.h, but for what stands there as keep: it is `average` here.
struct BalanceSpec : BalanceOptions {
  BalanceMethod method = BalanceMethod::equal;
  Weighting weighting = Weighting::none;  ///< of losses, for a method on gradients
  std::optional<double> weighting_rate;   ///< its rate; `rate` is the method's
  bool keep_gradients = true;       ///< keep: K gradients; else their Grams, and one more pass
  std::vector<std::string> shared;  ///< patterns: only these of the shared parameters
  int64_t watch = 0;                ///< every so many steps a line of balance.jsonl; 0: none
};

struct EvalSpec {
  int64_t every = 400;
  EvalSplit split = EvalSplit::val;
  int64_t batches = 0;  ///< while training; 0: the whole split (in compat 11, as the official code)
  Best best = Best::sum;
  int64_t keep = 1;      ///< best networks that stay: best, best-1 .. (train/run_folder/kept.h)
  int64_t patience = 0;  ///< evaluations without a better score that end a phase; 0: none do
};

struct RunFile {
  std::string name;
  int64_t seed = 1;
  DeviceKind device = DeviceKind::cpu;
  Precision precision = Precision::f32;
  Semantics semantics = Semantics::sound;
  Sharing sharing = Sharing::adashare;
  bool debug = false;
  OnNonfinite on_nonfinite = OnNonfinite::stop;
  ModelSpec model;
  DataSpec data;
  std::vector<TaskSpec> tasks;
  PhaseSpec warmup;
  PolicySpec policy;
  RetrainSpec retrain;
  ShareSpec share;
  BalanceSpec balance;
  EvalSpec eval;
  int64_t checkpoint_every = 400;  ///< checkpoint.every
  int64_t checkpoint_keep =
      2;  ///< checkpoint.keep: so many of the last ones (train/run_folder/kept.h)
  bool tensorboard = false;  ///< log.tensorboard (train/run_folder/event_log.h)

  /// "file:line" of a key or of the table that would hold it, for messages.
  std::string place(const std::string& key) const;
  std::map<std::string, std::string> places;

  RunFile();
};

/// Reads a run file. Each override is "key=value": policy.sharing=0.1, task.seg.weight=2,
/// data.size=[96,128], warmup.optimizer={kind="sgd", lr=0.1}; a bare word is a string.
RunFile parse_run_file(const std::string& path, const std::vector<std::string>& overrides = {});
RunFile parse_run_text(const std::string& text, const std::string& source,
                       const std::vector<std::string>& overrides = {});

/// The run file with every key resolved; parse_run_text(print_run_file(run)) prints the same.
std::string print_run_file(const RunFile& run);

/// Words that no task is called: a dump has these losses beside the tasks' own.
bool names_a_loss(const std::string& word);

/// Throws ConfigError where values do not fit together; the parsers call it.
void check_run_file(const RunFile& run);

}  // namespace weft
