// Every key of the run file, once: adding one is adding a line here and a member in run_file.h.
#include "train/run_file/keys.h"

#include <algorithm>

#include "models/sharing/way.h"

namespace weft {
namespace {

void visit_fields(FieldVisitor& v, ModelSpec& m) {
  v.choice("trunk", m.trunk);
  v.choice("form", m.form);
  v.field("width", m.width);
  v.field("split", m.split);
  v.field("hidden", m.hidden);
  v.field("blocks", m.blocks);
  v.choice("activation", m.activation);
  v.choice("norm", m.norm);
  v.choice("head", m.head);
  v.field("head_width", m.head_width);
  v.field("dropout", m.dropout);
  v.table("bn", [&] {
    v.choice("running", m.bn_running);
    v.choice("affine", m.bn_affine);
    v.field("fixed", m.bn_fixed);
  });
  v.field("in_channels", m.in_channels);
  v.field("init", m.init);
  v.field("init_partial", m.init_partial);
}

void visit_fields(FieldVisitor& v, DataSpec& d) {
  v.choice("kind", d.kind);
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
  v.field("group", d.group);
  v.field("label_power", d.label_power);
  v.field("task_column", d.task_column);
  v.field("image", d.image);
  v.field("split", d.split);
  v.field("ratio", d.ratio);
  v.choice("inputs", d.inputs);
  v.field("size", d.size);
  v.choice("layout", d.layout);
  v.field("float_max", d.float_max);
  v.field("batch", d.batch);
  v.field("workers", d.workers);
  v.choice("normalize", d.normalize);
  v.field("seed", d.seed);
  v.field("count", d.count);
  v.field("val_count", d.val_count);
  v.field("test_count", d.test_count);
  v.table("augment", [&] {
    v.field("scale", d.augment.scale);
    v.field("flip", d.augment.flip);
    v.field("crop", d.augment.crop);
    v.field("brightness", d.augment.brightness);
    v.field("contrast", d.augment.contrast);
    v.field("saturation", d.augment.saturation);
  });
}

void visit_optimizer(FieldVisitor& v, OptimizerSpec& o, bool has_trunk = true) {
  v.choice("kind", o.kind);
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
    v.choice("kind", p.schedule.kind);
    v.field("every", p.schedule.every);
    v.field("factor", p.schedule.factor);
    v.field("power", p.schedule.power);
    v.field("warmup", p.schedule.warmup);
  });
  v.field("clip_norm", p.clip_norm);
}

void visit_search(FieldVisitor& v, PolicySpec& p) {
  v.choice("model", p.model);
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
  v.choice("sparsity_form", p.sparsity_form);
  v.field("sharing", p.sharing);
  v.field("depth_weights", p.depth_weights);
  v.choice("init_method", p.init_method);
  v.field("init_neg_logits", p.init_neg_logits);
  v.field("skip_layer", p.skip_layer);
  v.field("draws", p.draws);
  v.choice("choose", p.choose);
  v.choice("from", p.from);
}

bool reads(const WayOfSharing& way, const std::string& key) {
  return std::find(way.keys.begin(), way.keys.end(), key) != way.keys.end();
}

void visit_share(FieldVisitor& v, ShareSpec& s, Sharing sharing) {
  const WayOfSharing& way = way_of(sharing);
  if (way.keys.empty() && !v.unfitting()) return;
  const FittingFields fitting(v, [&](const char* key) { return reads(way, key); });
  v.table("share", [&] {
    fitting.field("layers", s.layers);
    fitting.choice("distance", s.distance);
    fitting.field("weight", s.weight);
    fitting.field("pair_weights", s.pair_weights);
    fitting.field("lr_factor", s.lr_factor);
    fitting.field("per_channel", s.per_channel);
    fitting.field("subspaces", s.subspaces);
    fitting.field("orthogonality", s.orthogonality);
    fitting.choice("init", s.init);
  });
}

}  // namespace

std::vector<Sharing> ways_with(const std::string& share_key) {
  return ways_where([&](const WayOfSharing& way) { return reads(way, share_key); });
}

void visit_fields(FieldVisitor& v, ColumnSpec& c) {
  v.field("name", c.name);
  v.choice("transform", c.transform);
  v.field("scale", c.scale);
  v.field("by_task", c.by_task);
  v.field("standardize", c.standardize);
}

void visit_fields(FieldVisitor& v, TaskSpec& t) {
  v.field("name", t.name);
  v.choice("kind", t.kind);
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
  v.field("target", t.target);
  v.field("floor", t.floor);
  v.field("strong", t.strong);
  v.field("slopes", t.slopes);
  v.field("relative", t.relative);
  v.field("relative_to", t.relative_to);
  v.field("chooses", t.chooses);
  v.field("input_scale", t.input_scale);
  v.field("train_groups", t.train_groups);
  v.field("rows", t.rows);
  v.field("unit", t.unit);
  v.field("names", t.names);
}

void visit_fields(FieldVisitor& v, RunFile& run) {
  v.field("name", run.name);
  v.field("seed", run.seed);
  v.choice("device", run.device);
  v.choice("precision", run.precision);
  v.choice("semantics", run.semantics);
  v.choice("sharing", run.sharing);
  v.field("debug", run.debug);
  v.choice("on_nonfinite", run.on_nonfinite);
  v.table("model", [&] { visit_fields(v, run.model); });
  v.table("data", [&] { visit_fields(v, run.data); });
  v.list("column", run.data.column_specs);
  v.list("task", run.tasks);
  v.table("warmup", [&] { visit_phase(v, run.warmup); });
  v.table("policy", [&] { visit_search(v, run.policy); });
  v.table("retrain", [&] {
    visit_phase(v, run.retrain);
    v.choice("init", run.retrain.init);
    v.field("policy", run.retrain.policy);
  });
  visit_share(v, run.share, run.sharing);
  v.table("balance", [&] { visit_fields(v, run.balance); });
  v.table("eval", [&] {
    v.field("every", run.eval.every);
    v.choice("split", run.eval.split);
    v.field("batches", run.eval.batches);
    v.choice("best", run.eval.best);
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
