// Every key of the run file, once: adding one is adding a line here and a member in run_file.h.
#include "train/run_file/keys.h"

#include <algorithm>

namespace weft {
namespace {

const Words precisions{"f32", "f64", "tf32", "bf16"};
const Words semantics_words{"sound", "compat"};
const Words task_kinds(task_kind_names.begin(), task_kind_names.end());

void visit_fields(FieldVisitor& v, ModelSpec& m) {
  v.word("trunk", m.trunk, {"resnet18", "resnet34", "resnet50", "resnet101", "vgg16", "mlp"});
  v.word("form", m.form, {"deeplab", "plain"});
  v.field("width", m.width);
  v.field("split", m.split);
  v.field("hidden", m.hidden);
  v.field("blocks", m.blocks);
  v.word("head", m.head, {"aspp", "linear"});
  v.field("head_width", m.head_width);
  v.field("dropout", m.dropout);
  v.table("bn", [&] {
    v.word("running", m.bn_running, {"shared", "per-task"});
    v.word("affine", m.bn_affine, {"shared", "per-task"});
    v.field("fixed", m.bn_fixed);
  });
  v.field("in_channels", m.in_channels);
  v.field("init", m.init);
  v.field("init_partial", m.init_partial);
}

void visit_fields(FieldVisitor& v, DataSpec& d) {
  v.word("kind", d.kind,
         {"scenes", "csv", "tabular", "nyu_v2", "cityscapes", "taskonomy", "domainnet",
          "multi_mnist", "multi_fashion", "multi_fashion_mnist"});
  v.field("root", d.root);
  v.field("index", d.index);
  v.field("test_index", d.test_index);
  v.field("header", d.header);
  v.field("separator", d.separator);
  v.field("comment", d.comment);
  v.field("missing", d.missing);
  v.field("columns", d.columns);
  v.field("leave_out", d.leave_out);
  v.field("categorical", d.categorical);
  v.field("task_column", d.task_column);
  v.field("image", d.image);
  v.field("split", d.split);
  v.field("ratio", d.ratio);
  v.word("inputs", d.inputs, {"shared", "per-task"});
  v.field("size", d.size);
  v.word("layout", d.layout, {"hwc", "chw"});
  v.field("float_max", d.float_max);
  v.field("batch", d.batch);
  v.field("workers", d.workers);
  v.word("normalize", d.normalize, {"imagenet", "caffe", "none"});
  v.field("seed", d.seed);
  v.field("count", d.count);
  v.field("val_count", d.val_count);
  v.field("test_count", d.test_count);
  v.table("augment", [&] {
    v.field("scale", d.augment.scale);
    v.field("flip", d.augment.flip);
    v.field("crop", d.augment.crop);
  });
}

void visit_optimizer(FieldVisitor& v, OptimizerSpec& o, bool has_trunk = true) {
  v.choice("kind", o.kind, {"sgd", "adam"});
  v.field("lr", o.lr);
  if (has_trunk) v.field("trunk_lr", o.trunk_lr);
  v.field("betas", o.betas);
  v.field("eps", o.eps);
  v.field("momentum", o.momentum);
  v.field("weight_decay", o.weight_decay);
}

void visit_phase(FieldVisitor& v, PhaseSpec& p) {
  v.field("steps", p.steps);
  v.table("optimizer", [&] { visit_optimizer(v, p.optimizer); });
  v.table("schedule", [&] {
    v.choice("kind", p.schedule.kind, {"constant", "step", "cosine", "poly"});
    v.field("every", p.schedule.every);
    v.field("factor", p.schedule.factor);
    v.field("power", p.schedule.power);
    v.field("warmup", p.schedule.warmup);
  });
  v.field("clip_norm", p.clip_norm);
}

void visit_search(FieldVisitor& v, PolicySpec& p) {
  v.field("model", p.model);
  v.field("data_share", p.data_share);
  visit_phase(v, p);
  v.table("logits", [&] {
    visit_optimizer(v, p.logits, false);
    v.field("clip_norm", p.logits_clip_norm);
  });
  v.field("weight_steps", p.weight_steps);
  v.field("logit_steps", p.logit_steps);
  v.field("temperature", p.temperature);
  v.field("decay", p.decay);
  v.field("floor", p.floor);
  v.field("hard", p.hard);
  v.field("curriculum_speed", p.curriculum_speed);
  v.field("sparsity", p.sparsity);
  v.word("sparsity_form", p.sparsity_form, {"log-skip", "log-skip-depth", "log-select"});
  v.field("sharing", p.sharing);
  v.field("depth_weights", p.depth_weights);
  v.word("init_method", p.init_method, {"equal", "random", "all_chosen"});
  v.field("init_neg_logits", p.init_neg_logits);
  v.field("skip_layer", p.skip_layer);
  v.field("draws", p.draws);
  v.word("choose", p.choose, {"validation", "likely", "draw"});
  v.word("from", p.from, {"last", "best"});
}

const Words ways{"single", "hard", "adashare", "soft", "cross_stitch", "sluice", "nddr", "mtan"};
const std::map<std::string, Words> share_keys{
    {"layers", {"soft"}},
    {"distance", {"soft"}},
    {"weight", {"soft"}},
    {"pair_weights", {"soft"}},
    {"lr_factor", {"cross_stitch", "sluice", "nddr"}},
    {"per_channel", {"cross_stitch"}},
    {"subspaces", {"sluice"}},
    {"orthogonality", {"sluice"}},
    {"init", {"sluice"}},
};

bool fits(const char* key, const std::string& sharing) {
  const Words known = ways_with(key);
  return std::find(known.begin(), known.end(), sharing) != known.end();
}

void visit_share(FieldVisitor& v, ShareSpec& s, const std::string& sharing) {
  const auto visited = [&](const char* key) { return v.unfitting() || fits(key, sharing); };
  const auto field = [&](const char* key, auto& value) {
    if (visited(key)) v.field(key, value);
  };
  const auto any = [&](const auto& entry) { return visited(entry.first.c_str()); };
  if (std::none_of(share_keys.begin(), share_keys.end(), any)) return;
  v.table("share", [&] {
    field("layers", s.layers);
    if (visited("distance")) v.word("distance", s.distance, {"l2", "squared", "trace"});
    field("weight", s.weight);
    field("pair_weights", s.pair_weights);
    field("lr_factor", s.lr_factor);
    field("per_channel", s.per_channel);
    field("subspaces", s.subspaces);
    field("orthogonality", s.orthogonality);
    if (visited("init")) v.word("init", s.init, {"imbalanced", "balanced"});
  });
}

}  // namespace

const std::vector<std::string>& ways_with(const std::string& share_key) {
  return share_keys.at(share_key);
}

const char* name_of(Precision precision) {
  return precisions[static_cast<size_t>(precision)].c_str();
}

MatrixMath matrix_math(Precision precision) {
  return precision == Precision::tf32 ? MatrixMath::tf32 : MatrixMath::f32;
}

void visit_fields(FieldVisitor& v, TaskSpec& t) {
  v.field("name", t.name);
  v.choice("kind", t.kind, task_kinds);
  v.field("classes", t.classes);
  v.field("weight", t.weight);
  v.field("ignore", t.ignore);
  v.field("column", t.column);
  v.labels("map", t.map, t.words);
  v.field("scale", t.scale);
  v.field("invalid", t.invalid);
  v.field("class_weights", t.class_weights);
  v.field("pos_weight", t.pos_weight);
  v.field("standardize", t.standardize);
  v.field("rows", t.rows);
  v.field("unit", t.unit);
  v.field("names", t.names);
}

void visit_fields(FieldVisitor& v, RunFile& run) {
  v.field("name", run.name);
  v.field("seed", run.seed);
  v.word("device", run.device, {"cpu", "cuda"});
  v.choice("precision", run.precision, precisions);
  v.choice("semantics", run.semantics, semantics_words);
  v.word("sharing", run.sharing, ways);
  v.field("debug", run.debug);
  v.word("on_nonfinite", run.on_nonfinite, {"stop", "skip"});
  v.table("model", [&] { visit_fields(v, run.model); });
  v.table("data", [&] { visit_fields(v, run.data); });
  v.list("task", run.tasks);
  v.table("warmup", [&] { visit_phase(v, run.warmup); });
  v.table("policy", [&] { visit_search(v, run.policy); });
  v.table("retrain", [&] {
    visit_phase(v, run.retrain);
    v.word("init", run.retrain.init, {"random", "search"});
    v.field("policy", run.retrain.policy);
  });
  visit_share(v, run.share, run.sharing);
  v.table("eval", [&] {
    v.field("every", run.eval.every);
    v.word("split", run.eval.split, {"train", "val", "test"});
    v.field("batches", run.eval.batches);
    v.word("best", run.eval.best, {"sum", "per-task"});
  });
  v.table("checkpoint", [&] {
    v.field("every", run.checkpoint_every);
    v.field("keep", run.checkpoint_keep);
  });
}

std::vector<std::string> key_names(const RunFile& run) {
  RunFile copy = run;
  return key_names([&](FieldVisitor& v) { visit_fields(v, copy); });
}

}  // namespace weft
