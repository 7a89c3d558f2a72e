// Every key of the run file, once, with its meaning: adding one is adding a line here and a member
// in run_file.h. Reading, printing, limits, hints, `weft keys` and docs/run_file.md follow.
#include "train/run_file/keys.h"

#include <algorithm>

#include "models/sharing/way.h"

namespace weft {
namespace {

void visit_fields(FieldVisitor& v, ModelSpec& m) {
  v.choice("trunk", m.trunk, "the network before the heads; mlp for tables, vdcnn for texts");
  v.choice("form", m.form, "a ResNet's: dilated to stride 8 (deeplab), or of stride 32 (plain)");
  v.choice(
      "stem", m.stem,
      "a ResNet's: 7x7 of stride 2 and a max pool, or 3x3 of stride 1 for pictures of 32 x 32");
  v.field("width", m.width, "factor on the trunk's channels");
  v.field("split", m.split, "vgg16: first layer that is each task's own (\"features.24\")");
  v.field("embedding", m.embedding, "vdcnn: numbers of a character's vector");
  v.field("hidden", m.hidden, "mlp: units of every layer");
  v.field("blocks", m.blocks, "mlp: residual blocks");
  v.choice("activation", m.activation, "mlp: the function between layers");
  v.choice("norm", m.norm, "mlp: batch norm after each layer, or none");
  v.choice("head", m.head,
           {"what each task has of its own: atrous pyramid, one layer, or k-max pooling (texts)",
            "\"k_max\" for vdcnn, else \"aspp\""});
  v.field("head_width", m.head_width, "channels inside an aspp or k_max head");
  v.field("k_max", m.k_max, "k_max head: values that it keeps of each channel");
  v.field("dropout", m.dropout, "share of an aspp or k_max head's features dropped in training");
  v.table("bn", "batch norm", [&] {
    v.choice("running", m.bn_running,
             {"running statistics: one set, or one a task",
              "\"per-task\" where tasks' features differ (compat: \"shared\"), else \"shared\""});
    v.choice("affine", m.bn_affine, "weight and bias: one pair, or one a task");
    v.field("fixed", m.bn_fixed, "weight and bias are not trained");
    v.field("sync", m.bn_sync, "under mpirun: moments of all ranks' rows; false: each rank's own");
  });
  v.field("in_channels", m.in_channels,
          {"channels of the input", "3; 1 for texts; a table's inputs"});
  v.field(
      "init", m.init,
      "what the trunk starts from: a safetensors file (torchvision's names), or a run's folder");
  v.field("init_partial", m.init_partial, "take what init has, leave the rest as it is drawn");
  v.field("init_heads", m.init_heads,
          "take init's heads as well, of tasks whose name and shapes are the same");
}

void visit_fields(FieldVisitor& v, DataSpec& d) {
  v.choice("kind", d.kind,
           "which data set; csv: pictures listed in a CSV, tabular: its columns, text: its texts");
  v.field("root", d.root,
          {"the data's folder; may begin with $WEFT_DATA", "must be given, but for scenes"});
  v.field("index", d.index, "csv, tabular, text: the file of the rows, in root");
  v.field("test_index", d.test_index, "tabular, text: the file of the test rows, in root");
  v.field("header", d.header,
          "tabular, text: the columns' names, where the file has no line of them");
  v.field("separator", d.separator,
          {"csv, tabular, text: \",\", \";\" or \"tab\"", "what the first line shows"});
  v.field("comment", d.comment, "tabular, text: lines that begin so are skipped");
  v.field("missing", d.missing, "tabular, text: words for a missing cell, beside the empty one");
  v.field("columns", d.columns,
          {"tabular: the inputs, * for any characters; text: joined to one text",
           "all that are no label; \"text\" for texts"});
  v.field("leave_out", d.leave_out, "tabular: columns that are no input after all");
  v.field("categorical", d.categorical, "tabular: columns that become one input a category");
  v.field("group", d.group, "tabular: columns that name a group, which is in one part whole");
  v.field("label_power", d.label_power,
          "tabular: tasks weigh as (number of training labels)^this, mean 1");
  v.field("task_column", d.task_column,
          "csv, tabular, text: the column that says whose each row is");
  v.field("alphabet", d.alphabet,
          {"text: the characters that are told apart", "the bytes of UTF-8"});
  v.field("length", d.length, "text: characters that the network sees; must be given for texts");
  v.field("escapes", d.escapes, "text: \\n in a cell is a line end, and \\\" a quote");
  v.field("image", d.image, "csv: the column of pictures' paths");
  v.field("split", d.split, "csv, tabular, text: the column that says train, val or test");
  v.field("ratio", d.ratio, "csv, tabular, text without split: shares of val and test, by hash");
  v.choice("inputs", d.inputs,
           {"whether all tasks see the same pictures or each its own",
            "\"per-task\" for domainnet, with task_column or task.index, else \"shared\""});
  v.field("size", d.size,
          {"[height, width] that pictures are resized to, or one number for both; 0: as they are",
           "[96, 96] for scenes, else [0, 0]"});
  v.choice("layout", d.layout, "the axes of npy pictures and labels");
  v.field("float_max", d.float_max, "npy pictures of floats: the value that is white");
  v.field("batch", d.batch, "samples a step");
  v.field("workers", d.workers, "threads that load data");
  v.choice("normalize", d.normalize,
           {"what is done to pixels before the network",
            "\"none\" for tables and texts, else \"imagenet\""});
  v.field("seed", d.seed, "scenes: which world is rendered");
  v.field("count", d.count, "scenes: training samples");
  v.field("val_count", d.val_count, "scenes: validation samples");
  v.field("test_count", d.test_count, "scenes: test samples");
  v.table("augment", "random changes of training samples", [&] {
    v.field("scale", d.augment.scale, "factor on the size, between these two");
    v.field("flip", d.augment.flip, "left and right, of a random half");
    v.field("crop", d.augment.crop, "[height, width] cut out; 0: no crop");
    v.field("brightness", d.augment.brightness, "a factor from 1 - this to 1 + this");
    v.field("contrast", d.augment.contrast, "a factor from 1 - this to 1 + this");
    v.field("saturation", d.augment.saturation, "a factor from 1 - this to 1 + this");
    v.field("hide", d.augment.hide, "text: share of characters made unknown");
  });
}

/// What of a phase is [warmup]'s where nobody sets it (parse.cpp): nothing, the rates, or all but
/// its steps.
enum class Inherits { nothing, rates, all };
constexpr const char* of_warmup = "[warmup]'s";

void visit_optimizer(FieldVisitor& v, OptimizerSpec& o, Inherits inherits, bool has_trunk = true) {
  const char* rate = inherits == Inherits::nothing ? "" : of_warmup;
  const char* rest = inherits == Inherits::all ? of_warmup : "";
  v.choice("kind", o.kind, {"how a step follows the gradient", rest});
  v.field("lr", o.lr, {has_trunk ? "rate of heads and all that is not trunk" : "rate", rate});
  if (has_trunk)
    v.field("trunk_lr", o.trunk_lr,
            {"rate of the trunk",
             inherits == Inherits::nothing ? "lr" : "lr where set, else [warmup]'s"});
  v.field("betas", o.betas, {"adam: decay of the two moments", rest});
  v.field("eps", o.eps, {"adam: added to the denominator", rest});
  v.field("momentum", o.momentum, {"sgd: of the gradient", rest});
  v.field("weight_decay", o.weight_decay, {"times the weights, added to the gradient", rest});
}

void visit_phase(FieldVisitor& v, PhaseSpec& p, Inherits inherits) {
  const char* rest = inherits == Inherits::all ? of_warmup : "";
  v.field("steps", p.steps, "steps of the phase; 0 leaves it out");
  v.table("optimizer", "how weights are trained",
          [&] { visit_optimizer(v, p.optimizer, inherits); });
  v.table("schedule", "a factor on both rates, by the phase's steps", [&] {
    v.choice("kind", p.schedule.kind,
             {"step: factor^(s / every); cosine: to 0; poly: (1 - s / steps)^power", rest});
    v.field("every", p.schedule.every, {"step: steps between falls", rest});
    v.field("factor", p.schedule.factor, {"step: what each fall multiplies by", rest});
    v.field("power", p.schedule.power, {"poly: the exponent", rest});
    v.field("warmup", p.schedule.warmup, {"steps of a linear rise that multiplies it", rest});
  });
  v.field("clip_norm", p.clip_norm, {"longest that all gradients together may be; 0: any", rest});
}

void visit_search(FieldVisitor& v, PolicySpec& p) {
  v.choice("model", p.model, "whose the policy is; weft learns one a task");
  v.field("data_share", p.data_share,
          "share of training samples that logits learn from, unless the data say");
  visit_phase(v, p, Inherits::rates);
  v.table("logits", "how the policy's logits are trained", [&] {
    visit_optimizer(v, p.logits, Inherits::nothing, false);
    v.field("clip_norm", p.logits_clip_norm, "longest that the logits' gradient may be; 0: any");
  });
  v.field("weight_steps", p.weight_steps,
          "weights steps of a policy epoch; 0: once over their samples");
  v.field("logit_steps", p.logit_steps,
          "logit steps of a policy epoch; 0: once over their samples");
  v.field("temperature", p.temperature, "Gumbel-softmax's, at the first step");
  v.field("decay", p.decay, "what it is multiplied by after every policy epoch");
  v.field("floor", p.floor, {"least temperature", "0.1; 0 in compat"});
  v.field("hard", p.hard, "samples are 0 or 1, with the soft sample's gradient (straight-through)");
  v.field("curriculum_speed", p.curriculum_speed,
          "policy epochs until one more block learns; 0: all at once");
  v.choice("curriculum_from", p.curriculum_from, "the end of the trunk that it begins at");
  v.field("sparsity", p.sparsity, "weight of the loss that skips blocks; routing: of its bonus");
  v.choice("sparsity_form", p.sparsity_form,
           "its form: of log p(skip), by depth, or log p(select)");
  v.field("sharing", p.sharing, "weight of the loss that draws tasks' policies together");
  v.field("depth_weights", p.depth_weights,
          "the sharing loss counts early blocks more (compat: late ones)");
  v.choice("init_method", p.init_method, "the first logits: equal, small noise, or all selected");
  v.field("init_neg_logits", p.init_neg_logits, "all_chosen: the logit of skip");
  v.field("skip_layer", p.skip_layer, "first blocks that every task always executes");
  v.field("draws", p.draws, "policies drawn after the search, to choose from");
  v.choice("choose", p.choose,
           {"the draw that validation likes best, where p >= 0.5 (likely), or the first",
            "\"validation\"; \"draw\" in compat"});
  v.choice("from", p.from, "draw from the search's last logits, or those of its best step");
}

bool reads(const WayOfSharing& way, const std::string& key) {
  return std::find(way.keys.begin(), way.keys.end(), key) != way.keys.end();
}

std::string owners_of(const std::string& share_key) {
  std::vector<std::string> words;
  for (const Sharing way : ways_with(share_key)) words.emplace_back(name_of(way));
  return fmt::to_string(fmt::join(words, ", "));
}

template <class Fitting>
void visit_per_input(const Fitting& v, ShareSpec& s) {
  v.choice("decisions", s.decisions, "what an image executes, for all tasks or for each");
  v.field("policy_width", s.policy_width, "channels of the policy network's first layer");
  v.field("temperature", s.temperature, "Gumbel-softmax's; lower ones are nearer to the argmax");
  v.field(
      "full_steps", s.full_steps,
      "first steps: weights alone learn, every block executed; input_routing: routed by chance");
  v.field("policy_steps", s.policy_steps, "the next: the policy alone learns; then both do");
  v.field("unlock_steps", s.unlock_steps,
          "steps until one more block, from the last, has a policy");
  v.field("bound", s.bound, "the chance to execute a block is between 1 - this and this");
  v.field("penalty", s.penalty, "a wrong prediction's reward is minus this");
  v.field("slack", s.slack, "a loss so much above all blocks' is right (a share of it)");
  v.field("entropy", s.entropy, "weight of the bonus for policies that are not sure");
  v.field("collaboration", s.collaboration, "weight of the bonus for routes that others take");
}

void visit_share(FieldVisitor& v, ShareSpec& s, Sharing sharing) {
  const WayOfSharing& way = way_of(sharing);
  if (way.keys.empty() && !v.unfitting()) return;
  const FittingFields fitting(
      v, [&](const char* key) { return reads(way, key); }, owners_of);
  v.table("share", "what the way of sharing needs beside its word", [&] {
    fitting.field("layers", s.layers, {"patterns of the layers held together", "all"});
    fitting.choice("distance", s.distance, "what holds two tasks' layers together");
    fitting.field("weight", s.weight, "of the distances' sum in the loss");
    fitting.field("pair_weights", s.pair_weights,
                  {"one a pair of tasks: (0,1), (0,2) .. (1,2) ..", "all 1"});
    fitting.field("lr_factor", s.lr_factor, "on the rate of what mixes the tasks' features");
    fitting.field("per_channel", s.per_channel, "a weight a channel, not one a stage");
    fitting.field("subspaces", s.subspaces, "parts of each task's channels that mix");
    fitting.field("orthogonality", s.orthogonality, "weight of the loss that keeps them different");
    fitting.choice("init", s.init, "first weights: mostly each task's own, or all equal");
    fitting.choice("estimator", s.estimator,
                   "how losses reach logits: REINFORCE, or straight-through Gumbel");
    fitting.field("baseline", s.baseline,
                  "what running means keep, of losses and routes, in [0, 1)");
    fitting.field("functions", s.functions, "function blocks that a router chooses among");
    visit_per_input(fitting, s);
  });
}

}  // namespace

std::vector<Sharing> ways_with(const std::string& share_key) {
  return ways_where([&](const WayOfSharing& way) { return reads(way, share_key); });
}

void visit_fields(FieldVisitor& v, ColumnSpec& c) {
  v.field("name", c.name, {"the column's title", "must be given"});
  v.choice("transform", c.transform, "what is seen of x / scale");
  v.field("scale", c.scale, "what numbers are divided by");
  v.field("by_task", c.by_task, "divided by the input_scale of the row's task, too");
  v.field("standardize", c.standardize,
          "(v - mean) / std of the training rows, after the transform");
}

void visit_fields(FieldVisitor& v, TaskSpec& t) {
  v.field("name", t.name,
          {"letters, digits, - and _; in overrides task.NAME.KEY, or task.*.KEY", "kind"});
  v.choice("kind", t.kind, {"what is predicted, with its loss and metrics", "must be given"});
  v.field("classes", t.classes, "segmentation, classification, multilabel: how many");
  v.field("weight", t.weight, "of its loss in the sum (lambda)");
  v.field("ignore", t.ignore, {"label id that counts as no label", "none"});
  v.field("column", t.column, {"the label's column or, in pictures' sets, kind of label", "name"});
  v.labels("map", t.map, t.words, {"label in the file = class", "as they are"});
  v.field("scale", t.scale, "factor from the file's values to the task's unit");
  v.field("invalid", t.invalid, {"value in the file that counts as no label", "none"});
  v.field("class_weights", t.class_weights,
          {"one a class, in the loss", "all 1, or what the set brings"});
  v.field("separator", t.separator, "multilabel: what stands between the classes of a cell");
  v.field("pos_weight", t.pos_weight, "binary, multilabel: weight of what is there in the loss");
  v.field("standardize", t.standardize,
          "tabular regression: (v - mean) / std of the training rows");
  v.field("target", t.target,
          {"tabular regression: what is learned of column, \"log10(id / W)\"", "column itself"});
  v.field("floor", t.floor, {"target: of values at or below it only that much is known", "none"});
  v.field("strong", t.strong, "target: where errors count in percent, \"id * L / W > 1e-6\"");
  v.field("slopes", t.slopes,
          "target: measured derivatives, \"gm: vgs\"; learned too: \"gm: vgs, weight 0.1\"");
  v.field("relative", t.relative, "target: weight of the relative loss beside the other");
  v.field("relative_to", t.relative_to, "target: 10^t to which small values count as equal");
  v.field("chooses", t.chooses, "its validation loss counts where steps are chosen");
  v.field("input_scale", t.input_scale, "tabular: what its rows' by_task columns are divided by");
  v.field("train_groups", t.train_groups, {"tabular: the groups that it trains on", "all"});
  v.field("rows", t.rows, {"which value of data.task_column marks its rows", "name"});
  v.field("index", t.index, {"text: the file of its own rows", "data.index"});
  v.field("test_index", t.test_index, {"text: the file of its own test rows", "data.test_index"});
  v.field("header", t.header,
          {"text: the columns' names, where its own files have no line of them", "data.header"});
  v.field("columns", t.columns, {"text: of its own files, joined to one text", "data.columns"});
  v.field("unit", t.unit, "of values and errors, for tables and pictures (\"m\")");
  v.field("names", t.names, {"of the classes, one each", "their numbers"});
}

void visit_fields(FieldVisitor& v, RunFile& run) {
  v.field("name", run.name, {"the run folder's, before -SEED", "the file's name"});
  v.field("seed", run.seed, "of weights, noise and the order of data");
  v.choice("device", run.device, "where the run computes");
  v.choice("precision", run.precision,
           "cpu: f32, f64, bf16 (AMX); cuda: f32, tf32, bf16, f32_fma (no tensor cores at all)");
  v.choice("semantics", run.semantics,
           "what weft finds right, or AdaShare's official code to its quirks");
  v.choice("sharing", run.sharing, "what tasks have in common");
  v.field("debug", run.debug, "look for NaN after every op (slow)");
  v.choice("on_nonfinite", run.on_nonfinite, "what a loss or gradient that is no number does");
  v.table("model", "the network", [&] { visit_fields(v, run.model); });
  v.table("data", "the samples", [&] { visit_fields(v, run.data); });
  v.list("column", run.data.column_specs,
         "tabular: how an input column is seen; those without one are standardised");
  v.list("task", run.tasks, "a label to learn, its loss and its metrics; at least one");
  v.table("warmup", "the first phase: every task executes every block",
          [&] { visit_phase(v, run.warmup, Inherits::nothing); });
  v.table("policy", "the search: weights and logit steps in turn (steps counts both)",
          [&] { visit_search(v, run.policy); });
  v.table("retrain", "the last phase: the chosen policy, or a way of sharing without one", [&] {
    visit_phase(v, run.retrain, Inherits::all);
    v.choice("init", run.retrain.init, "weights start anew, or from the search's");
    v.field("policy", run.retrain.policy, {"a policy file to re-train under", "as drawn"});
    v.choice(
        "gates", run.retrain.gates,
        "what is executed: that policy, a random one as sparse, or weights (docs/ablations.md)");
  });
  visit_share(v, run.share, run.sharing);
  v.table("balance", "how tasks are weighed against each other, beyond task.NAME.weight",
          [&] { visit_fields(v, run.balance); });
  v.table("eval", "validation while training", [&] {
    v.field("every", run.eval.every, "steps between evaluations");
    v.choice("split", run.eval.split, "what is evaluated");
    v.field("batches", run.eval.batches, {"how many; 0: the whole split", "0; 11 in compat"});
    v.choice("best", run.eval.best, "one best step for all, or (sharing single) each task's own");
    v.field("keep", run.eval.keep, "how many of re-training's best networks stay: best, best-1 ..");
    v.field("patience", run.eval.patience,
            "evaluations without a better score that end warm-up or re-training; 0: none do");
  });
  v.table("checkpoint", "what a run goes on from when it was stopped", [&] {
    v.field("every", run.checkpoint_every, "steps between checkpoints");
    v.field("keep", run.checkpoint_keep, "how many of the last ones stay");
  });
  v.table("log", "what is written beside metrics.jsonl",
          [&] { v.field("tensorboard", run.tensorboard, "event files that TensorBoard reads"); });
}

std::vector<std::string> key_names(const RunFile& run) {
  RunFile copy = run;
  return key_names([&](FieldVisitor& v) { visit_fields(v, copy); });
}

std::vector<KeyGroup> run_file_groups() {
  RunFile run;
  return key_groups("run", "at the top of a run file, before any table",
                    [&](FieldVisitor& v) { visit_fields(v, run); });
}

}  // namespace weft
