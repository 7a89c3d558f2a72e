#!/usr/bin/env bash
# train.sh WEFT: a small run through every command that makes or reads a run folder.
# shellcheck source=tests/support/cli.sh
source "$(dirname "$0")/../support/cli.sh" "$1"

cat >slim.toml <<'RUN'
name = "slim"
[model]
width = 0.07
head_width = 8
[data]
size = [33, 41]
batch = 2
count = 20
val_count = 4
test_count = 4
[[task]]
name = "seg"
kind = "segmentation"
classes = 13
[[task]]
name = "normals"
kind = "normals"
[warmup]
steps = 2
[policy]
steps = 6
weight_steps = 2
logit_steps = 1
curriculum_speed = 1
draws = 2
[retrain]
steps = 3
[eval]
every = 4
RUN

expect 0 'about .* in all' train slim.toml --dry-run
# It evaluates a few batches, whatever ends: a million rooms would take hours.
timeout 60 "$weft" train slim.toml data.val_count=1000000 warmup.steps=1 policy.steps=3 retrain.steps=1 eval.every=1 \
  --dry-run >/dev/null || fail "a dry run that evaluates all"
# What the run could not get through is said by both, before the first step.
expect 2 'ends before its first step for the logits' train slim.toml policy.weight_steps=6 --dry-run
expect 2 'ends before its first step for the logits' train slim.toml policy.weight_steps=6
expect 2 "'model.width': the run needs at least" train slim.toml model.width=64 model.trunk=resnet101 sharing=single --dry-run
[ "$(ls -A)" = "$(printf '%s\n' err out slim.toml)" ] || fail "a dry run, or a run that was refused, left something"
expect 0 '^run folder: first$' train slim.toml --out first --threads 1
expect 2 'exists and is not empty' train slim.toml --out first
expect 0 '^run folder: second$' train slim.toml --out second --threads 3
cmp first/checkpoints/last.safetensors second/checkpoints/last.safetensors || broken=1
cmp first/policy/drawn.json second/policy/drawn.json || broken=1
diff <(sed 's/,"seconds":[^,]*//' first/metrics.jsonl) <(sed 's/,"seconds":[^,]*//' second/metrics.jsonl) >/dev/null ||
  fail "metrics differ between 1 and 3 threads"
for picture in predictions policy history; do
  [ -s first/pictures/$picture.svg ] || fail "$picture.svg is missing"
done
expect 0 '^seg +loss' eval first
grep -qE '^  IoU and F1 of classes, %: [a-z0-9 ]+ ([0-9.]+|-) ([0-9.]+|-),' out || fail "eval says nothing of classes: $(cat out)"
expect 0 '^seg +loss' eval first --split val --checkpoint last
expect 0 'GFLOP an image' plan first
grep -q 'gradients of each task by itself' out && fail "plan tells a pass back of what predicts"
expect 0 'GFLOP an image' plan slim.toml
expect 0 'gradients of each task by itself go back through [0-9.]*x' plan slim.toml
expect 0 '^trunk M' table first second
expect 0 '^run,' table first --csv
"$weft" data scenes --out rooms --count 1 --height 48 --width 64 >/dev/null 2>&1
photo=$(find rooms -name '*image*.png' | head -n 1)
expect 0 'normals\.png' predict first "$photo" --out labels
[ "$(find labels -name '*.npy' | wc -l)" -eq 2 ] || fail "predict wrote no npy"
mkdir -p a b && cp "$photo" a/img.png && cp "$photo" b/img.png && cp "$photo" a/img-seg.png
expect 2 'a/img\.png and \./a/img\.png would both be written' predict first a/img.png ./a/img.png --out same
expect 0 'twins/b-img-png-normals\.png, .npy, -overlay\.png$' predict first a/img.png b --out twins --overlay
[ "$(find twins -name '*-overlay.png' | wc -l)" -eq 4 ] || fail "predict --overlay: $(ls twins)"
grep -qx 'b/img.png,seg,twins/b-img-png-seg.npy,' twins/predictions.csv || fail "predictions.csv: $(cat twins/predictions.csv)"
expect 2 'written over a/img-seg\.png' predict first a/img.png a/img-seg.png --out a
printf 'no picture' >broken.png
expect 2 'broken\.png: is no PNG' predict first a/img.png broken.png --out same
[ -e same ] && fail "a refused predict left a folder"
# Pixels that end early are seen when their turn comes: what was predicted before is listed.
head -c "$(($(wc -c <a/img.png) * 2 / 3))" a/img.png >short.png
expect 2 'short\.png: ' predict first short.png a/img.png --out same
[ -e same ] && fail "a predict that began with a broken picture left a folder"
expect 2 'cut/predictions.csv: the first 1 of 3 pictures$' predict first a/img.png short.png b/img.png --out cut
grep -q 'short\.png: ' err || fail "no word of the broken picture: $(cat err)"
[ "$(cut -d, -f1 cut/predictions.csv | sort -u)" = "$(printf 'a/img.png\nimage')" ] || fail "predictions.csv: $(cat cut/predictions.csv)"
for phase in warmup weights policy retrain; do
  expect 0 "1 $phase step" dump slim.toml --phase $phase --out $phase.safetensors
done
expect 0 '1 policy step' dump slim.toml --phase policy --from policy.safetensors --precision f64 --out f64.safetensors
expect 0 '1 warmup step' dump slim.toml --phase warmup precision=f64 warmup.clip_norm=0.5 --out wide.safetensors
for name in in/images in/target.seg loss/seg loss/total; do
  head -c 200000 wide.safetensors | grep -aq "\"0/$name\":{\"dtype\":\"F64\"" || fail "dump: $name is not f64"
done
head -c 200000 wide.safetensors | grep -aq '"grad":"after clipping' || fail "dump: grad/ does not say what it is"
expect 2 'twice' dump slim.toml --phase warmup precision=f64 --precision f32 --out twice.safetensors
for way in 'cross_stitch 2' 'soft 2' 'mtan 1'; do
  { echo "sharing = \"${way% *}\""; cat slim.toml; } >other.toml
  expect 0 "in each of ${way#* } trunk" plan other.toml
done
# Tasks weighed against each other: what is shared is said, and what was seen is written.
expect 0 'tasks share 60 parameters .* of stem, layer1, layer2, layer3, layer4' train slim.toml sharing=hard \
  balance.method=upgrad balance.watch=1 --out balanced --threads 1
[ "$(grep -c '"stage":"all"' balanced/balance.jsonl)" -eq 3 ] || fail "balance.jsonl has not a line a step"
for picture in cosines gradient_norms weights; do
  [ -s balanced/pictures/$picture.svg ] || fail "$picture.svg is missing"
done
expect 0 '^mean cosine' table balanced first
expect 2 'did you mean "upgrad"' train slim.toml balance.method=upgrat
# A damaged last checkpoint: named, the one before offered, and what is advised ends with the same bits.
cp -r first damaged
size=$(stat -c %s damaged/checkpoints/last.safetensors)  # its header comes first, its tensors last
printf 'x' | dd of=damaged/checkpoints/last.safetensors bs=1 seek=$((size - 50)) conv=notrunc status=none
expect 2 'last.safetensors: tensor .* is damaged.*weft train --resume damaged --checkpoint last-1' train --resume damaged
expect 0 '^run folder: damaged$' train --resume damaged --checkpoint last-1 --threads 1
for kept in last best; do
  cmp first/checkpoints/$kept.safetensors damaged/checkpoints/$kept.safetensors || broken=1
done
expect 2 'a run goes on from last' train --resume first --checkpoint best
expect 2 'says where --resume DIR goes on' train slim.toml --checkpoint last-1
expect 2 "behind the search" dump slim.toml --phase weights --epoch 2 --out late.safetensors
expect 2 "none of the" dump slim.toml --phase warmup --step 1 --out late.safetensors
expect 2 "task 'seg'|classes" train slim.toml task.seg.classes=5 --out third
[ -e third ] && fail "a refused run left a folder"
exit $broken
