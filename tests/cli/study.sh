#!/usr/bin/env bash
# study.sh WEFT: a study of two methods and two seeds end to end: tables in every form, nothing run
# twice, the same tables after a kill, a cell that fails, trials, and what is refused.
# shellcheck source=tests/support/cli.sh
source "$(dirname "$0")/../support/cli.sh" "$1"
# What a study found, without the times and the memory, which no two runs share.
found() {
  grep -vE 'seconds|peak_bytes' "$1/study.csv"
  grep -vE 'seconds|peak_bytes' "$1/cells.csv"
}

{ slim_run; short_retrain; } >slim.toml
# study NAME LINE...: a study file of that name.
study() {
  printf 'seeds = [1, 2]\nparallel = 2\n[[set]]\nname = "rooms"\nrun = "slim.toml"\n' >"$1.toml"
  printf '%s\n' "${@:2}" >>"$1.toml"
}

study small '[[method]]' 'name = "single"' '[[method]]' 'name = "hard"'
expect 0 '^\| hard ' study small.toml
[ "$(grep -c '^[1-4]/4  rooms/' err)" -eq 4 ] || fail "not one line for each of four cells: $(cat err)"
for file in report.html study.md study.tex study.csv cells.csv curves/rooms-seg.svg curves/rooms-depth.svg; do
  [ -s "runs/out/small/$file" ] || fail "$file is missing"
done
grep -q '^| single | .* | reference |$' runs/out/small/study.md || fail "no reference row"
grep -qF '\toprule' runs/out/small/study.tex || fail "no LaTeX table"
grep -q '^rooms,hard,,,delta_t_percent,2,' runs/out/small/study.csv || fail "no Delta_T over two seeds"

# A finished study runs nothing and finds the same.
before=$(stat -c %y runs/out/small/rooms/hard/seed-2/checkpoints/last.safetensors)
found runs/out/small >first
expect 0 '4 of 4 cells are finished already' study small.toml
[ "$before" = "$(stat -c %y runs/out/small/rooms/hard/seed-2/checkpoints/last.safetensors)" ] ||
  fail "a finished cell was run again"
found runs/out/small | cmp - first || fail "tables of a finished study changed"

# One run of each method, folded away, as its own page shows it.
page=runs/out/small/report.html
for method in single hard; do
  grep -q "<details><summary>rooms/$method/seed-1</summary>" $page || fail "the page shows no run of $method"
done
grep -q 'seed-2</summary>' $page && fail "the page shows more than one run of a method"
[ "$(grep -c '<h3>The test in detail</h3>' $page)" -eq 2 ] || fail "not a test of each method"
for part in 'Cost of each task' Predictions 'Best and worst cases' 'who is taken for whom' 'data:image/png' 'class=swatch'; do
  grep -q "$part" $page || fail "the page lacks $part"
done
[ "$(wc -c <$page)" -lt 3000000 ] || fail "the page is too large to send"
# Pictures that are too many are left out, and where they are is said.
cp -r runs/out/small large
for name in predictions extremes; do
  for run in large/rooms/*/seed-1; do
    { printf '<svg width="9"><!--'; head -c 1100000 /dev/zero | tr '\0' x; printf -- '--></svg>\n'; } >$run/pictures/$name.svg
  done
done
expect 0 '^large/report.html' report large
grep -q "1 picture(s) of this part are left out, as the page would be larger than 3 MB; they are in the run's own: weft report large/rooms/hard/seed-1" large/report.html ||
  fail "what is left out is not said"
[ "$(wc -c <large/report.html)" -lt 3000000 ] || fail "the page is too large to send"
[ "$(grep -c -- '--></svg>' large/report.html)" -eq 2 ] || fail "the methods have no equal shares of the page"

# The folder says by itself what it is a study of, wherever it lies and whatever became of the files.
mkdir moved && cp -r runs/out/small moved/there && mv slim.toml hidden.toml
expect 0 '^moved/there/report.html' report moved/there
cmp runs/out/small/report.html <(sed 's,moved/there,runs/out/small,g' moved/there/report.html) || fail "a page of the folder alone is another"
expect 0 '^again.html' report moved/there --against hard --out again.html
grep -q '<option selected>hard' again.html || fail "--against is not heard"
expect 2 '^weft: --against soft: moved/there/study.toml has no such method' report moved/there --against soft
expect 2 'a study has a page of its own: name one' report moved/there runs/out/small/rooms/hard/seed-1 --out no.html
rm moved/there/study.toml
expect 2 'moved/there: a study of an older weft.*`weft study FILE --table` adds it' report moved/there
mv hidden.toml slim.toml

# A smoke test: elsewhere, shorter, the command's word last.
expect 0 '^\| hard ' study small.toml --out smoke --threads 1 --parallel 1 retrain.steps=2 eval.every=1
grep -q '^steps = 2$' smoke/rooms/hard/seed-2/run.toml || fail "a setting of the command did not reach a cell"
grep -q '^`weft study small.toml retrain.steps=2 eval.every=1 --out smoke --threads 1 --parallel 1`' smoke/study.md || fail "study.md hides its settings"

# Cells that are not started in time wait for another call, and tables hold what there is.
sed 's/^seeds/out = "late"\nseeds/' small.toml >late.toml
expect 0 '^4 cells were not started in time; go on with: weft study late.toml' study late.toml --start-for 0
grep -qE '^\| hard \| 0 of 2 ' out || fail "the table hides that no cell was run"
expect 0 "go on with: weft study late.toml 'model.init=\"\"' retrain.steps=3 --out later --threads 1 --start-for 0$" \
  study late.toml --out later --threads 1 --start-for 0 'model.init=""' retrain.steps=3
expect 0 '^\| hard ' study late.toml --start-for 60
cmp <(found late | grep -v '^late') <(found runs/out/small) || fail "cells of a later call differ"

# Stopped in the middle: children write a checkpoint, 143; then it goes on to the same bits.
sed 's/^seeds/out = "killed"\nseeds/' small.toml >killed.toml
sed -i 's/steps = 4/steps = 40/' slim.toml
expect 2 "was run with other settings \('steps = 4' there, 'steps = 40' in the study\)" study small.toml
"$weft" study killed.toml --parallel 1 >out 2>err </dev/null &
pid=$!
for _ in $(seq 400); do
  [ "$(cat killed/rooms/single/seed-1/metrics.jsonl 2>/dev/null | wc -l)" -ge 6 ] && break
  sleep 0.05
done
kill -TERM $pid
wait $pid
[ $? -eq 143 ] || fail "a stopped study did not end with 143: $(cat err)"
grep -q 'stopped; go on with: weft study killed.toml --parallel 1$' err || fail "no word on how to go on"
[ -e killed/rooms/single/seed-1/summary.json ] && fail "the study was stopped too late to test anything"
expect 0 '^\| hard ' study killed.toml
sed 's/^out.*/out = "whole"/' killed.toml >whole.toml
expect 0 '^\| hard ' study whole.toml
cmp killed/rooms/single/seed-1/checkpoints/last.safetensors \
  whole/rooms/single/seed-1/checkpoints/last.safetensors || fail "a resumed cell has other bits"
cmp <(found killed) <(found whole) || fail "a resumed study has other tables"

# Killed for good: its children stop with a checkpoint, and are not run a second time meanwhile.
sed 's/^out.*/out = "orphans"/' killed.toml >orphans.toml
"$weft" study orphans.toml --parallel 1 >out 2>err </dev/null &
pid=$!
for _ in $(seq 400); do
  [ "$(cat orphans/rooms/single/seed-1/metrics.jsonl 2>/dev/null | wc -l)" -ge 6 ] && break
  sleep 0.05
done
kill -KILL $pid
wait $pid 2>/dev/null
for _ in $(seq 200); do
  grep -q '^stopped at step' orphans/rooms/single/seed-1.log && break
  sleep 0.05
done
grep -q '^stopped at step' orphans/rooms/single/seed-1.log || fail "an orphaned cell ran on"
for _ in $(seq 200); do  # the lock is free once the last child has ended
  "$weft" study orphans.toml >out 2>err </dev/null && break
  grep -q 'orphans: a study is being run in this folder; wait until it has ended' err || break
  sleep 0.05
done
grep -q '^| hard ' out || fail "a killed study did not go on: $(cat err)"
cmp <(found orphans) <(found whole) || fail "a killed study has other tables"

# Cards are for cells that compute on one; which each sees is in tests/train/cli/.
expect 2 '^weft: --gpus 2: no cell of this study computes on a GPU; leave it out, or give --device cuda$' \
  study killed.toml --gpus 2
WEFT_CACHE_MIB=2GiB expect 2 '^weft: WEFT_CACHE_MIB is "2GiB", but a number of MiB' study killed.toml
sed -i 's/steps = 40/steps = 4/' slim.toml

# A cell that fails is reported with its last line; the others finish; the study can go on.
study failing '[[method]]' 'name = "broken"' 'sharing = "hard"' 'settings = ["model.init=gone.safetensors"]' \
  '[[method]]' 'name = "hard"'
expect 2 '^FAILED  rooms/broken/seed-1  exit code 2: weft: gone.safetensors: ' study failing.toml
grep -q '2 of 4 cells failed, as said above; mend the cause and go on with: weft study failing.toml' err ||
  fail "no word on how to go on after failures"
grep -qE '^\| hard \| .*[0-9]' out || fail "no table of what did finish"
grep -qE '^\| broken \| 0 of 2 ' out || fail "the table hides that cells are missing"

# Trials: equally many for each method; chosen on the first seed; the losers run no other seed.
study trials '[[method]]' 'name = "single"' 'trials = [["retrain.optimizer.lr=1e-3"], ["retrain.optimizer.lr=1e-9"]]' \
  '[[method]]' 'name = "hard"' 'trials = [["retrain.optimizer.lr=1e-9"], ["retrain.optimizer.lr=1e-3"]]'
expect 0 '^rooms/hard: trial 2 of 2 has the least validation score' study trials.toml
[ -e runs/out/trials/rooms/hard/trial-2/seed-2/summary.json ] || fail "the chosen trial lacks a seed"
[ -e runs/out/trials/rooms/hard/trial-1/seed-2 ] && fail "a trial that lost was run on"
grep -qE '^\| hard \| 2 \| [0-9.]+ \| yes \| retrain.optimizer.lr=1e-3 \|$' runs/out/trials/study.md ||
  fail "the trials are not listed"

# A network's file that cannot be read costs its part of the page, and nothing else.
printf x >>runs/out/trials/rooms/hard/trial-2/seed-1/checkpoints/last.safetensors
printf x >>runs/out/trials/rooms/hard/trial-2/seed-1/checkpoints/best.safetensors
expect 0 'page.html' report runs/out/trials --out page.html
grep -q 'Cannot be shown: .*last.safetensors' page.html || fail "the page does not say which network is damaged"
grep -q '<td>hard' page.html || fail "the page lacks what was found"

# A grid of any keys: rows that are named by them, and a run file swept by itself.
study grid '[[method]]' 'name = "hard"' '[grid]' 'model.dropout = [0, 0.3]' 'retrain.steps = [2]' 'eval.every = [1]'
expect 0 '^\| hard_dropout-0.3_steps-2_every-1 \| .*[0-9]' study grid.toml
[ -s runs/out/grid/rooms/hard_dropout-0_steps-2_every-1/seed-2/summary.json ] || fail "a row of the grid was not run"
grep -q 'hard_dropout-0.3_steps-2_every-1' runs/out/grid/report.html || fail "the page does not show the grid's rows"
expect 0 'page.html' report runs/out/grid --against hard_dropout-0_steps-2_every-1 --out page.html
printf '%s\n' 'retrain.steps = [2, 3]' 'seed = [4, 5]' >sweep.toml
{ echo 'sharing = "hard"'; cat slim.toml; } >alone.toml
expect 0 '^\| hard_steps-3 ' study alone.toml --set sweep.toml --threads 1 eval.every=1
[ -s runs/out/slim-sweep/slim/hard_steps-2/seed-5/summary.json ] || fail "a run of the sweep is missing"
grep -q '^`weft study alone.toml eval.every=1 --set sweep.toml --threads 1`' runs/out/slim-sweep/study.md || fail "study.md hides its sweep"
expect 0 '4 of 4 cells are finished already' study alone.toml --set sweep.toml --threads 1 eval.every=1
printf '%s\n' 'retrain.stepps = [2, 3]' >sweep.toml
expect 2 "method 'single_stepps-2' on set 'rooms': command line: unknown key 'retrain.stepps'; did you mean 'retrain.steps'" study small.toml --set sweep.toml --out swept
expect 2 "command line: 'retrain.steps=1': the grid sweeps 'retrain.steps', and rows are named by its values" study grid.toml retrain.steps=1
printf '[grid]\nretrain.steps = 3\n' >>small.toml
expect 2 "small.toml:[0-9]*: 'grid.retrain.steps' expects a list of values, .a, b., got an integer" study small.toml
[ -e swept ] && fail "a refused sweep left a folder"

# What is refused, before anything runs.
study odd '[[method]]' 'name = "hard"' 'setings = []'
expect 2 "odd.toml:8: unknown key 'method.hard.setings'; did you mean 'method.hard.settings'\?" study odd.toml
study odd '[[method]]' 'name = "hard"' 'settings = ["retrain.step=2"]'
expect 2 "odd.toml: method 'hard' on set 'rooms': command line: unknown key 'retrain.step'; did you mean 'retrain.steps'\?" study odd.toml
study odd '[[method]]' 'name = "herd"'
expect 2 "'method.herd.sharing' is the method's name, \"herd\"; it is one of .* did you mean \"hard\"\?" study odd.toml
[ -e runs/out/odd ] && fail "a refused study left a folder"
exit $broken
