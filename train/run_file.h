// The run file: one TOML file says everything about a run. Every key is one line of the table in
// run_file_fields.cpp, which reading, printing and the nearest-key hint share; an unknown key, a
// wrong type or an impossible value is a ConfigError "file:line: ...".
// Defaults are AdaShare's official values, where there are any. What a key inherits: [policy]'s lr
// and trunk_lr, and [retrain]'s optimizer, schedule and clip_norm, come from [warmup].
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "models/sharing/share_options.h"

namespace weft {

enum class Semantics : uint8_t { sound, compat };
enum class Precision : uint8_t { f32, f64, tf32, bf16 };
enum class TaskKind : uint8_t {
  segmentation,
  normals,
  depth,
  edges,
  keypoints,
  classification,
  binary,
  regression
};
enum class OptimizerKind : uint8_t { sgd, adam };
enum class ScheduleKind : uint8_t { constant, step, cosine, poly };

const char* name_of(TaskKind kind);
const char* name_of(Precision precision);
const char* name_of(Semantics semantics);

/// [[task]]: a label, its loss and its metrics.
struct TaskSpec {
  std::string name;
  TaskKind kind = TaskKind::segmentation;
  int classes = 0;                    ///< segmentation and classification
  double weight = 1;                  ///< lambda_k of the summed loss
  std::optional<int> ignore;          ///< label id that counts as invalid
  std::string column;                 ///< the label's column in an index (default: name)
  std::map<int, int> map;             ///< label id in the file -> class id
  std::map<std::string, int> words;   ///< map's other half: word in the file -> class id
  double scale = 1;                   ///< value in the file * scale = value in the task's unit
  std::optional<double> invalid;      ///< value in the file that counts as invalid
  std::vector<double> class_weights;  ///< cross-entropy's, one per class (empty: all 1)
  double pos_weight = 1;              ///< binary: weight of the positive class in the loss
  bool standardize = false;           ///< tabular regression: (v - mean) / std of the training rows
  std::string rows;                ///< csv, tabular: which value of data.task_column has this label
  std::string unit;                ///< of values and errors, for tables and pictures ("m")
  std::vector<std::string> names;  ///< of the classes, one each (empty: their ids)

  int channels() const;      ///< outputs: segmentation, classification classes; normals 3; others 1
  bool image_label() const;  ///< one label an image: classification, binary, regression
};

struct ModelSpec {
  std::string trunk = "resnet18";  ///< resnet18, 34, 50, 101, vgg16 or mlp
  std::string form = "deeplab";    ///< deeplab (dilated, stride 8) or plain (stride 32)
  double width = 1;                ///< factor on the trunk's channels
  std::string split;               ///< vgg16: first layer that is each task's own ("features.24")
  int hidden = 64;                 ///< mlp: units of every layer
  int blocks = 4;                  ///< mlp: residual blocks
  std::string head = "aspp";       ///< aspp or linear
  int head_width = 1024;
  double dropout = 0.5;
  std::string bn_running = "shared";  ///< bn.running: statistics, shared or per-task
  std::string bn_affine = "shared";   ///< bn.affine: weight and bias, shared or per-task
  bool bn_fixed = false;              ///< bn.fixed: weight and bias are not trained
  int in_channels = 3;
  std::string init;           ///< a safetensors file whose trunk to start from
  bool init_partial = false;  ///< take what init has and leave the rest as it is drawn
};

/// data.augment; scale, flip and crop act on training parts only.
struct AugmentSpec {
  std::array<double, 2> scale{1, 1};
  bool flip = false;
  std::array<int, 2> crop{0, 0};  ///< height, width; 0: no crop

  bool operator==(const AugmentSpec&) const = default;
};

struct DataSpec {
  std::string kind = "scenes";
  std::string root;                   ///< $WEFT_DATA/... is written with the variable
  std::string index = "index.csv";    ///< csv, tabular: the index, relative to root
  std::string image = "image";        ///< csv: the column of image paths
  std::string split;                  ///< csv, tabular: the column of train, val, test
  std::array<double, 2> ratio{0, 0};  ///< where there is no split: shares of val and test, by hash
  std::string test_index;             ///< tabular: the file of the test rows
  std::vector<std::string> header;    ///< tabular: the columns of a file that does not name them
  std::string separator;              ///< csv, tabular: "," ";" or "tab" (empty: by the first line)
  std::string comment;                ///< tabular: lines that begin so are skipped
  std::vector<std::string> missing;   ///< tabular: words that say so ("?"), beside the empty cell
  std::vector<std::string> columns;   ///< tabular: the inputs, `*` stands for any characters
                                      ///< (empty: all that are no label)
  std::vector<std::string> leave_out;    ///< tabular: columns that are no input after all
  std::vector<std::string> categorical;  ///< tabular: columns that become one-hot
  std::string task_column;               ///< csv, tabular: names each row's task
  /// shared: every image is every task's. per-task: each task draws a batch of its own (domainnet,
  /// and csv with a task_column).
  std::string inputs = "shared";
  std::array<int, 2> size{0, 0};  ///< height, width that images are resized to; 0: as they are
  std::string layout = "hwc";     ///< of npy pictures and labels: hwc or chw
  double float_max = 1;           ///< npy pictures of floats: the value that is white
  int64_t batch = 16;
  int workers = 2;
  std::string normalize = "imagenet";                       ///< imagenet, caffe or none
  int64_t seed = 0;                                         ///< scenes: which world is rendered
  int64_t count = 2000, val_count = 200, test_count = 200;  ///< scenes
  AugmentSpec augment;
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
  std::string model = "task-specific";  ///< the official code's policy_model; no other is learned
  double data_share = 0.2;  ///< of the training samples: the logits' (paper), unless the set says
  OptimizerSpec logits;
  double logits_clip_norm = 0;
  int64_t weight_steps = 0, logit_steps = 0;  ///< of one policy epoch; 0: once over the part
  double temperature = 5, decay = 0.965, floor = 0.1;  ///< decay: once a policy epoch
  bool hard = false;                                   ///< straight-through samples
  int curriculum_speed = 3;  ///< policy epochs per unlocked block; 0: all blocks from the start
  double sparsity = 0.05;
  std::string sparsity_form = "log-skip";  ///< log-skip, log-skip-depth or log-select
  double sharing = 0.05;
  bool depth_weights = true;          ///< the sharing loss is weighted by depth
  std::string init_method = "equal";  ///< equal, random or all_chosen
  double init_neg_logits = -10;       ///< all_chosen's skip logit
  int skip_layer = 0;                 ///< first blocks that never get logits
  int draws = 8;
  std::string choose = "validation";  ///< validation, likely or draw
  std::string from = "last";          ///< logits drawn from: the search's last, or its best
};

struct RetrainSpec : PhaseSpec {
  std::string init = "random";  ///< random or search
  std::string policy;           ///< a policy file to re-train under; empty: drawn
};

/// [share]: what the way of sharing needs beside its word.
struct ShareSpec : ShareOptions {
  double lr_factor = 100;  ///< on the rate of stitches: cross_stitch, sluice, nddr
};

/// Ways of sharing that know the key of [share]; a key elsewhere is an error.
const std::vector<std::string>& ways_with(const std::string& share_key);

struct EvalSpec {
  int64_t every = 400;
  std::string split = "val";
  int64_t batches = 0;  ///< while training; 0: the whole split (in compat 11, as the official code)
  std::string best = "sum";  ///< the best step: sum (one for all tasks) or per-task
};

struct RunFile {
  std::string name;
  int64_t seed = 1;
  std::string device = "cpu";
  Precision precision = Precision::f32;
  Semantics semantics = Semantics::sound;
  std::string sharing = "adashare";
  bool debug = false;
  std::string on_nonfinite = "stop";  ///< a loss or gradient that is no number: stop or skip
  ModelSpec model;
  DataSpec data;
  std::vector<TaskSpec> tasks;
  PhaseSpec warmup;
  PolicySpec policy;
  RetrainSpec retrain;
  ShareSpec share;
  EvalSpec eval;
  int64_t checkpoint_every = 400;  ///< checkpoint.every
  int64_t checkpoint_keep = 2;     ///< checkpoint.keep: so many of the last ones (train/kept.h)

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
