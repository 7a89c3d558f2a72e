#!/usr/bin/env bash
# weft compare on the CPU alone: every op and phase has its row, JSON is whole, an error that passes
# its bound or a device that is not there ends with the right code.
weft=$1
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
fail() { echo "$*"; exit 1; }

settings=(data.batch=2 'data.size=[33,41]' data.count=16 model.width=0.07 model.head_width=8)
"$weft" compare "${settings[@]}" --device cpu --threads 2 --batches 1 --json "$folder/c.json" \
  >"$folder/out" 2>"$folder/err" || fail "ended with $?: $(cat "$folder/err" "$folder/out")"
for word in 'conv2d stem' 'conv2d ASPP 3x3 d24' batch_norm max_pool 'gate, soft' gumbel_softmax \
  cross_entropy warmup weights policy retrain infer; do
  grep -q "^$word.*cpu f32" "$folder/out" || fail "no row for $word"
done
grep -q FAILED "$folder/out" && fail "f32 on the CPU passes its bounds: $(grep FAILED "$folder/out")"
grep -q '"passed": true' "$folder/c.json" || fail "the JSON says nothing of passing"
[ "$(tail -c 2 "$folder/c.json")" = '}' ] || fail "the JSON is cut off"

"$weft" compare "${settings[@]}" sharing=hard --device cpu --batches 3 >"$folder/out" 2>"$folder/err" ||
  fail "sharing=hard ended with $?: $(cat "$folder/err" "$folder/out")"
grep -q '^retrain.*cpu f32' "$folder/out" || fail "hard sharing trains in one phase, retrain"
grep -q '^warmup' "$folder/out" && fail "hard sharing has no warm-up"

if ! "$weft" info | grep -q '^cuda .*compute'; then
  "$weft" compare --device cuda >"$folder/out" 2>"$folder/err"
  [ $? -eq 2 ] || fail "without a GPU --device cuda ends with 2"
  [ "$(wc -l <"$folder/err")" -eq 1 ] || fail "one line: $(cat "$folder/err")"
fi
