#!/usr/bin/env bash
# bench.sh WEFT_BENCH: many tasks of one kind in a word; a run file's network and batch; growth beside a peer whose times are known:
# its table has their exponents, what each further task adds, and what could not be run.
bench=$(realpath "$1")
runs=$(realpath "$(dirname "$0")/../runs")
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder" || exit 1
broken=0
tiny=(--width 0.0625 --head_width 4 --reps 1 --threads 1)
# expect CODE PATTERN ARGUMENT...
expect() {
  local code=$1 pattern=$2 got
  shift 2
  "$bench" "$@" >out 2>err </dev/null
  got=$?
  [ $got -eq "$code" ] && cat out err | grep -qE -- "$pattern" && return
  printf 'weft_bench %s: exit %d, expected %d and a line like "%s"; got:\n' "$*" $got "$code" "$pattern"
  cat out err
  broken=1
}
# also PATTERN: another line of the same output.
also() { grep -qE -- "$1" out || { printf 'no line like "%s" in:\n' "$1"; cat out err; broken=1; }; }

expect 0 '^infer +[0-9.]+' steps "${tiny[@]}" --batch 1 --crop 33 --tasks 5x3,3x2,1 --phases warmup,infer
also '^warmup +[0-9.]+'
for tasks in 5x 5x0 x3 5x3x2 five 5,,3; do
  expect 2 "^weft bench: --tasks: '.*' is no number of channels or tasks; expected such as 40,3 or 40x8$" \
    steps "${tiny[@]}" --tasks "$tasks"
done

expect 0 '^retrain +[0-9.]+' steps --run "$runs/scenes_5tasks.toml" --phases retrain,infer --reps 1 --threads 1
also '^# weft .* f32 scenes_5tasks tasks=5 batch=8 size=48x64x3 '
expect 2 '^weft bench: --crop: .*scenes_5tasks.toml says that; give --run or the flags$' \
  steps --run "$runs/scenes_5tasks.toml" --crop 33

# Warmup takes 100 ms and 20 for each task, and batch^2 times as long; infer runs out of memory.
cat >python <<'END'
#!/bin/sh
while [ $# -gt 1 ]; do case $1 in --tasks) tasks=${2#40x} ;; --batch) batch=$2 ;; esac; shift; done
printf 'warmup   median_ms=%9d.00 min=1 max=1 img/s=1 peak_MiB=%8d\n' $(((100 + 20 * tasks) * batch * batch)) $((100 * tasks))
echo 'infer    failed: OutOfMemoryError: no memory'
END
chmod +x python
expect 0 '^# weft bench growth: cpu f32, ResNet-18, tasks 40x2, batch 1, crop 33' growth --quick "${tiny[@]}" \
  --phases warmup,infer --python ./python --peer stub
also '^tasks +1 +2 +4 +exponent +last +exponents of tasks$'
also '^warmup +peer ms +120 +140 +180 +0\.29 +0\.36$'
also '^warmup +peer MiB +100 +200 +400 +1\.00 +1\.00$'
also '^warmup +peer ms +120 +20\.0 \( 17 %\)$'
also '^warmup +peer ms +140 +560 +2240 +2\.00 +2\.00$'
also '^warmup +weft ms( +[0-9.]+){5}$'
also '^warmup +weft MiB( +[0-9.]+){5}$'
also '^infer +weft GFLOP( +[0-9.]+){5}$'
also '^(nothing of weft|faster than linear)'
also '^picture: growth.svg$'
grep -qE '^infer +peer' out && { echo 'a phase that failed has a row'; broken=1; }
grep -q 'infer .*OutOfMemoryError' err || { echo 'a failure of the peer went unsaid'; broken=1; }
[ "$(grep -c '<polyline.*</polyline>' growth.svg)" -ge 24 ] || { echo 'lines are missing in growth.svg'; broken=1; }
expect 0 '^# peer skipped: --peer none$' growth --quick "${tiny[@]}" --phases infer --peer none --svg other.svg
[ -s other.svg ] || { echo 'no picture at --svg'; broken=1; }
expect 0 '^# peer skipped: it has one width alone$' growth --quick "${tiny[@]}" --phases infer
# What could not be run at all is no result: no row of it, no judgement, no picture, exit code 2.
expect 2 '^weft bench: growth: weft could run no point of tasks, batch, crop, depth; what each said stands above$' \
  growth --quick "${tiny[@]}" --precision f16 --peer none --svg none.svg
grep -q 'grows faster' out && { echo 'nothing was measured, and was judged'; broken=1; }
[ -e none.svg ] && { echo 'a picture of nothing'; broken=1; }
expect 2 '^weft bench: --phases: unknown phase .warmpu.; it is one of warmup, weights, policy, retrain, infer$' \
  steps "${tiny[@]}" --phases warmpu
exit $broken
