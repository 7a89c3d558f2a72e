#!/usr/bin/env bash
# weft compare on the CPU alone: every op and phase has its row, JSON is whole, an error that passes
# its bound or a device that is not there ends with the right code.
# shellcheck source=tests/support/cli.sh
source "$(dirname "$0")/../support/cli.sh" "$1"

settings=(data.batch=2 'data.size=[33,41]' data.count=16 model.width=0.07 model.head_width=8)
"$weft" compare "${settings[@]}" --device cpu --threads 2 --batches 1 --json c.json \
  >out 2>err || fail "ended with $?: $(cat err out)"
for word in 'conv2d stem' 'conv2d ASPP 3x3 d24' batch_norm max_pool 'gate, soft' gumbel_softmax \
  cross_entropy warmup weights policy retrain infer; do
  grep -q "^$word.*cpu f32" out || fail "no row for $word"
done
grep -q FAILED out && fail "f32 on the CPU passes its bounds: $(grep FAILED out)"
grep -q '"passed": true' c.json || fail "the JSON says nothing of passing"
[ "$(tail -c 2 c.json)" = '}' ] || fail "the JSON is cut off"

"$weft" compare "${settings[@]}" sharing=hard --device cpu --batches 3 >out 2>err ||
  fail "sharing=hard ended with $?: $(cat err out)"
grep -q '^retrain.*cpu f32' out || fail "hard sharing trains in one phase, retrain"
grep -q '^warmup' out && fail "hard sharing has no warm-up"

if ! "$weft" doctor | grep -q '^ok *gpu .*compute'; then
  "$weft" compare --device cuda >out 2>err
  [ $? -eq 2 ] || fail "without a GPU --device cuda ends with 2"
  [ "$(wc -l <err)" -eq 1 ] || fail "one line: $(cat err)"
fi
exit $broken
