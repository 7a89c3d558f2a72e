#!/usr/bin/env bash
# folder.sh WEFT: a run folder has one owner, nothing is left of a run that could not begin, a run
# that died early begins again by the same command, and history that cannot be read stays as it is.
# shellcheck source=tests/support/table_run.sh
source "$(dirname "$0")/../support/table_run.sh"
# shellcheck source=tests/support/cli.sh
source "$(dirname "$0")/../support/cli.sh" "$1"

write_table_run .
t=(--threads 1)
expect 0 '^run folder: whole$' train run.toml "${t[@]}" --out whole

# The second is told the pid, whether it starts or resumes; the lock dies with its process.
"$weft" train run.toml "${t[@]}" retrain.steps=100000 checkpoint.every=100000 --out busy >/dev/null 2>&1 </dev/null &
pid=$!
for _ in $(seq 400); do [ -s busy/metrics.jsonl ] && break; sleep 0.02; done
expect 2 "busy: a run is being trained in this folder, by process $pid; .*kill $pid" train --resume busy "${t[@]}"
expect 2 "busy: a run is being trained in this folder, by process $pid;" train run.toml "${t[@]}" --out busy
kill -0 $pid || fail "the owner of a folder died of a second one"
kill -KILL $pid
wait $pid 2>/dev/null
touch "busy/checkpoints/last.safetensors.$pid.tmp" "busy/metrics.jsonl.$pid.tmp" busy/mine.tmp "busy/mine.$$.tmp"
"$weft" train --resume busy "${t[@]}" >out 2>err </dev/null &
pid=$!
for _ in $(seq 400); do grep -q '^retrain' err && break; sleep 0.02; done
kill -INT $pid
wait $pid
[ $? -eq 130 ] || fail "an interrupted resume did not end with 130: $(cat err)"
[ -z "$(find busy -name '*.*.tmp' ! -name "mine.$$.tmp")" ] || fail "litter of a dead process was not cleared"
[ -e busy/mine.tmp ] && [ -e "busy/mine.$$.tmp" ] || fail "somebody else's .tmp was removed"

# Several at once into one folder: one wins, always.
for round in 1 2 3 4; do
  pids=()
  for i in 1 2 3 4; do
    "$weft" train run.toml "${t[@]}" --out "race$round" >/dev/null 2>"err$i" </dev/null &
    pids+=($!)
  done
  won=0
  for p in "${pids[@]}"; do
    wait "$p"
    code=$?
    [ $code -eq 0 ] && won=$((won + 1))
    [ $code -eq 0 ] || [ $code -eq 2 ] || fail "a race ended with $code: $(cat err[1-4])"
  done
  [ $won -eq 1 ] || fail "$won of 4 won: $(cat err[1-4])"
  same_run whole "race$round" || fail "a race changed the winner"
done

# A first step that fails leaves nothing, and nothing that was there before goes.
# (a head that wants more memory than there is)
(ulimit -v 2000000; "$weft" train run.toml "${t[@]}" model.hidden=30000 --out gone/deep >out 2>err)
[ $? -eq 2 ] || fail "no exit code 2 without memory: $(cat err)"
[ -e gone ] && fail "a run that could not begin left $(find gone)"
"$weft" data scenes --out rooms --count 4 --height 17 --width 17 >/dev/null 2>&1
printf 'image,kind\n' >rooms/index.csv
find rooms -name '*image*.png' -printf '%f,1\n' >>rooms/index.csv
printf '[model]\nwidth = 0.1\nhead = "linear"\n[data]\nkind = "csv"\nroot = "rooms"\nbatch = 2\n[[task]]\nname = "kind"\nkind = "binary"\n' >four.toml
expect 2 'model.in_channels is 4, the inputs have 3 channels' train four.toml "${t[@]}" model.in_channels=4 sharing=hard --out gone
[ -e gone ] && fail "a run of other channels left $(find gone)"
mkdir there
(ulimit -f 1; "$weft" train run.toml "${t[@]}" --out there >out 2>err)
[ $? -eq 2 ] || fail "no exit code 2 on a full disk: $(cat err)"
[ -d there ] && [ -z "$(ls -A there)" ] || fail "an empty folder came back as $(find there 2>&1)"
expect 0 '^run folder: there$' train run.toml "${t[@]}" --out there
same_run whole there || fail "a second try has other bits"

# What a run leaves that died before its first checkpoint is taken over; anything else is not.
mkdir -p early/checkpoints early/policy early/pictures
touch early/.lock early/metrics.jsonl early/policy/search.jsonl early/checkpoints/last.safetensors.99999999.tmp
cp run.toml early/
expect 0 '^run folder: early$' train run.toml "${t[@]}" --out early
same_run whole early || fail "a run in an early death's folder has other bits"
[ -z "$(find early -name '*.tmp')" ] || fail "litter of an early death stayed"
mkdir mine && cp run.toml mine/
expect 2 '^weft: mine: exists and is not empty \(run.toml lies in it\); choose another --out$' train run.toml --out mine
[ "$(ls -A mine)" = run.toml ] || fail "somebody's folder was changed: $(ls -A mine)"
touch mine/.lock mine/thesis.pdf
expect 2 '^weft: mine: exists and is not empty \(thesis.pdf lies in it\)' train run.toml --out mine
expect 2 '^weft: whole: exists and is not empty; go on with --resume whole' train run.toml --out whole
expect 2 'there is no checkpoint to go on from; is mine a run folder\?' train --resume mine

# --resume: no --out beside it, no edited run.toml.
expect 2 'leave out --out other' train --resume whole --out other
[ -e other ] && fail "a refused --out was made"
sed -i 's/^# .*//' whole/run.toml
expect 0 '^run folder: whole$' train --resume whole "${t[@]}"
sed -i 's/^steps = 4/steps = 9/' whole/run.toml
expect 2 "^weft: whole/run.toml: says 'steps = 9', but the run was begun with 'steps = 4'" train --resume whole
sed -i 's/^steps = 9/steps = 4/' whole/run.toml

# A finished run takes more steps: it ends as one that had them from the start. Fewer it does not.
expect 0 '^run folder: longer$' train run.toml "${t[@]}" retrain.steps=7 --out longer
cp -r whole more
expect 2 'retrain.steps=3: 4 are done; more than those go on' train --resume more retrain.steps=3
expect 0 'from step [0-9]+ on: retrain.steps=7$' train --resume more retrain.steps=7 "${t[@]}"
tested() { grep '"split":"test"' "$1/metrics.jsonl" | sed 's/,"seconds":[^,]*//'; }
[ -n "$(tested more)" ] && [ "$(tested more)" = "$(tested longer)" ] || fail "more steps, another network: $(tested more)"

grep -q 'depends on retrain.steps' err && fail "a constant rate depends on steps: $(cat err)"
expect 0 '^run folder: waned$' train run.toml "${t[@]}" retrain.schedule.kind=cosine --out waned
expect 0 '^retrain.schedule is "cosine", which depends on retrain.steps: rates go on as those of 7 steps' \
  train --resume waned retrain.steps=7 "${t[@]}"

# A resume needs no policy file, and no init file.
cp whole/policy/drawn.json drawn.json
cp whole/checkpoints/best.safetensors init.safetensors
expect 0 '^run folder: given$' train run.toml "${t[@]}" retrain.policy=drawn.json --out given
"$weft" train run.toml "${t[@]}" retrain.policy=drawn.json retrain.steps=100000 --out given-killed >/dev/null 2>&1 </dev/null &
pid=$!
for _ in $(seq 400); do [ -s given-killed/metrics.jsonl ] && break; sleep 0.02; done
kill -TERM $pid
wait $pid
rm drawn.json init.safetensors
"$weft" train --resume given-killed "${t[@]}" >out 2>err </dev/null &
pid=$!
for _ in $(seq 400); do grep -q . err && break; sleep 0.02; done
sleep 0.2
kill -TERM $pid
wait $pid
[ $? -eq 143 ] || fail "a resume wants the policy file again: $(cat err)"

# History: read or refused, never cut; lost lines are named.
cp -r whole damaged
cp damaged/metrics.jsonl before
sed -i '3s/.*/{"phase":/' damaged/metrics.jsonl
cp damaged/metrics.jsonl before
expect 2 'damaged/metrics.jsonl:3: no JSON' train --resume damaged
cmp before damaged/metrics.jsonl || fail "history that cannot be read was rewritten"
rm damaged/metrics.jsonl && mkdir damaged/metrics.jsonl
expect 2 'damaged/metrics.jsonl: ' train --resume damaged
cp -r whole short
head -n 7 whole/metrics.jsonl >short/metrics.jsonl
expect 0 'short/metrics.jsonl: holds 7 of the [0-9]+ lines that were written up to step 12; the others are lost' train --resume short "${t[@]}"
rm short/metrics.jsonl
expect 0 'short/metrics.jsonl: holds 0 of the [0-9]+ lines' train --resume short "${t[@]}"
exit $broken
