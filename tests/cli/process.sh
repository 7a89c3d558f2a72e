#!/usr/bin/env bash
# process.sh WEFT: what the surroundings do to a run: closed streams, a full or broken stderr, a
# hangup, a limit on the size of files. Nothing of it costs more than the steps since the last
# checkpoint, and none of our files takes what was meant for a stream.
# shellcheck source=tests/support/table_run.sh
source "$(dirname "$0")/../support/table_run.sh"
# shellcheck source=tests/support/cli.sh
source "$(dirname "$0")/../support/cli.sh" "$1"

write_table_run .
expect 0 '^run folder: whole$' train run.toml --threads 1 --out whole

"$weft" train run.toml --threads 1 --out err-closed >out 2>&- || fail "a closed stderr stopped a run"
same_run whole err-closed || fail "a closed stderr changed a run"
"$weft" train run.toml --threads 1 --out all-closed <&- >&- 2>&-
[ $? -eq 2 ] || fail "a closed stdout that swallows the results went unseen"
same_run whole all-closed || fail "closed streams changed a run"
"$weft" train run.toml --threads 1 --out err-full >out 2>/dev/full || fail "a full stderr stopped a run"
same_run whole err-full || fail "a full stderr changed a run"
"$weft" inof >out 2>/dev/full
[ $? -eq 2 ] || fail "an error that cannot be written changes the exit code"
"$weft" train run.toml --threads 1 --out err-broken 2> >(exec 0<&-) >out || fail "a broken pipe stopped a run"
same_run whole err-broken || fail "a broken pipe changed a run"
"$weft" keys 2>err > >(exec 0<&-; sleep 0.1)  # whichever of the two is first
code=$?
[ $code -eq 0 ] || { [ $code -eq 2 ] && grep -q 'standard output\|Broken pipe' err; } ||
  fail "a reader that went away: exit $code, $(cat err)"

# The limit comes as an error of the write; what is there goes on to the same bits.
(ulimit -f 4 && exec "$weft" train run.toml --threads 1 --out limited >out 2>err)
[ $? -eq 2 ] || fail "a file size limit: no exit code 2"
grep -q 'File too large' err || fail "a file size limit is not named: $(cat err)"
[ "$(wc -l <err)" -le 20 ] || fail "more than a line of error: $(cat err)"

# A hangup is a stop with a checkpoint; under nohup it is nothing.
"$weft" train run.toml --threads 1 retrain.steps=20000 checkpoint.every=100000 --out hung >out 2>err </dev/null &
pid=$!
for _ in $(seq 400); do [ -s hung/checkpoints/last.safetensors ] && break; sleep 0.02; done
kill -HUP $pid
wait $pid
[ $? -eq 129 ] || fail "a hangup did not end with 129: $(tail -1 err)"
grep -q '^stopped at step .*; go on with: weft train --resume hung' err || fail "no checkpoint after a hangup"
(trap '' HUP && exec "$weft" train run.toml --threads 1 retrain.steps=300 --out nohup >out 2>err </dev/null) &
pid=$!
for _ in $(seq 400); do [ -s nohup/checkpoints/last.safetensors ] && break; sleep 0.02; done
kill -HUP $pid
wait $pid || fail "a hangup under nohup stopped a run: $(tail -1 err)"
exit $broken
