#!/usr/bin/env bash
# mpi.sh WEFT [KILLS]: one training by several ranks under mpirun, on this machine: what they end with,
# and how they end where one of them is killed, hangs or disagrees.
# shellcheck source=tests/support/cli.sh
source "$(dirname "$0")/../support/cli.sh" "$1"
kills=${2:-3}
command -v mpirun >/dev/null || { echo "mpirun is not installed"; exit 77; }
"$weft" doctor 2>/dev/null | grep -q 'MPI' || { echo "this weft was built without MPI"; exit 77; }
# Of this test alone: in a container all is root's.
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
export OMPI_MCA_btl_vader_single_copy_mechanism=none OMPI_MCA_rmaps_base_oversubscribe=1

# ranks N ARGUMENT...: the exit code is left in `got`, what was said in out and err.
ranks() {
  local n=$1
  shift
  timeout -k 5 300 mpirun --bind-to none -np "$n" "$weft" "$@" >out 2>err </dev/null
  got=$?
}
# said CODE PATTERN: how the last of these ended: one line of weft's own, which is so.
said() {
  [ $got -eq "$1" ] && [ "$(grep -c '^weft: ' err)" -eq 1 ] && grep -qE -- "^weft: $2" err && return
  printf 'exit %d, expected %d and one line like "weft: %s"; got:\n' $got "$1" "$2"
  cat out err
  broken=1
}
# numbers FILE: the f64 of a checkpoint of weights, one a line.
numbers() {
  local header
  header=$(od -An -t u8 -N 8 "$1")
  tail -c +$((header + 9)) "$1" | od -An -v -w8 -t f8
}
# near A B: no number differs by more than 1e-11 of 1 + its size.
near() {
  paste <(numbers "$1") <(numbers "$2") | awk '
    { d = $1 - $2; if (d < 0) d = -d; a = $1 < 0 ? -$1 : $1; n++; if (NF != 2 || !(d <= 1e-11 * (1 + a))) bad++ }
    END { exit !(n > 100 && bad == 0) }' || fail "$1 and $2 differ by more than 1e-11"
}
selected() { sed -n '/"select"/,/^ }/p' "$1/policy/drawn.json"; }

slim_phases >slim.toml
all=(data.batch=4 data.count=24)

# 20 steps of each phase in f64, by 1, 2 and 4.
expect 0 '^run folder: one$' train slim.toml "${all[@]}" precision=f64 --threads 1 --out one
for n in 2 4; do
  ranks $n train slim.toml "${all[@]}" precision=f64 --threads 1 --out by-$n
  { [ $got -eq 0 ] && [ "$(grep -c '^run folder:' out)" -eq 1 ]; } || { fail "$n ranks: exit code $got"; cat out err; }
  for step in 20 60 80; do near one/checkpoints/step-$step.safetensors by-$n/checkpoints/step-$step.safetensors; done
  cmp <(selected one) <(selected by-$n) || broken=1
done

# f32 twice: the same bits.
for run in first second; do
  ranks 2 train slim.toml "${all[@]}" --out $run
  [ $got -eq 0 ] || { fail "$run: exit code $got"; cat err; }
done
cmp first/checkpoints/last.safetensors second/checkpoints/last.safetensors || broken=1
diff <(without_times first/metrics.jsonl) <(without_times second/metrics.jsonl) >/dev/null || fail "metrics differ"

ranks 2 eval first
{ [ $got -eq 2 ] && grep -q '^weft: eval is for one process: start it without mpirun' err; } || fail "eval by two ranks: exit code $got"
# What all meet is said once; what they cannot divide, and where one is another, as well.
ranks 2 train slim.toml data.bach=4 --out none
said 2 'rank 0 \(.*\): .*bach'
ranks 3 train slim.toml "${all[@]}" --out none
said 2 "rank 0 .*'data.batch' is 4.* 3 ranks cannot divide"
timeout -k 5 60 mpirun --bind-to none -np 1 "$weft" train slim.toml "${all[@]}" --out none : \
  -np 1 "$weft" train slim.toml "${all[@]}" seed=7 --out none >out 2>err
got=$?
said 2 'rank 0 \(.*\): rank 1 \(.*\) has another run file than rank 0'
timeout -k 5 60 mpirun --bind-to none -np 1 "$weft" train slim.toml "${all[@]}" --out none : \
  -np 1 "$weft" train slim.toml "${all[@]}" data.count=26 --out none >out 2>err
got=$?
said 2 'rank 0 \(.*\): rank 1 \(.*\) has another run file'
# The ranks of another MPI's starter, which would each make the whole run.
OMPI_COMM_WORLD_RANK=0 OMPI_COMM_WORLD_SIZE=2 "$weft" train slim.toml "${all[@]}" --out none >out 2>err </dev/null
got=$?
said 2 'started as one of several, but MPI sees one process: use this MPI.s own mpirun, or srun with pmix'
[ ! -e none ] || fail "a run that was refused left its folder"

# children NAME: the processes of this script's ranks that write to it, by rank.
children() {
  local pid
  for pid in $(pgrep -f -- "--(out|resume) $1( |\$)"); do
    [ "$(readlink "/proc/$pid/cwd")" = "$PWD" ] || continue
    tr '\0' '\n' <"/proc/$pid/environ" 2>/dev/null | sed -n "s/^OMPI_COMM_WORLD_RANK=\(.*\)/\1 $pid/p"
  done | sort -n
}
# until_there FILE: waits for it.
until_there() { for _ in $(seq 300); do [ -e "$1" ] && return; sleep 0.05; done; fail "$1 did not come"; }

# One that hangs ends the others, which name it.
long=("${all[@]}" warmup.steps=4 policy.steps=8 retrain.steps=100000 eval.every=100000)
timeout -k 5 60 mpirun --bind-to none -np 2 "$weft" train slim.toml "${long[@]}" --rank-timeout 2 --out hung >out 2>err </dev/null &
pid=$!
until_there hung/checkpoints/step-12.safetensors
children hung | sed -n '2s/.* //p' | xargs -r kill -STOP
wait $pid
got=$?
said 2 'rank 0 \(.*\): rank 1 \(.*\) did not answer for 2 s'

# Killed at any moment after its first checkpoint: a line that names rank and host, no hang, and the
# run goes on from its last checkpoint to the same bits. Of kills that come too late none counts.
short=("${all[@]}" retrain.steps=60)
ranks 2 train slim.toml "${short[@]}" --out whole
began=$(date +%s%N)
ranks 2 train slim.toml "${short[@]}" --out again
millis=$((($(date +%s%N) - began) / 1000000))
killed=0
for kill in $(seq "$kills"); do
  rm -rf run
  timeout -k 5 60 mpirun --bind-to none -np 2 "$weft" train slim.toml "${short[@]}" --out run >out 2>err </dev/null &
  pid=$!
  until_there run/checkpoints/last.safetensors
  sleep "$(awk -v ms=$((RANDOM % millis / 2)) 'BEGIN { print ms / 1000 }')"
  victim=$((RANDOM % 2))
  children run | sed -n "$((victim + 1))s/.* //p" | xargs -r kill -KILL 2>/dev/null
  wait $pid
  got=$?
  if [ $got -ne 0 ]; then
    killed=$((killed + 1))
    [ $got -ne 124 ] || fail "kill $kill: hung"
    grep -qE 'rank [01] with PID .* on node .* exited on signal 9' err || { fail "kill $kill: exit code $got, nobody named"; cat err; }
    ranks 2 train --resume run
    [ $got -eq 0 ] || { fail "kill $kill: the run does not go on"; cat err; }
  fi
  cmp whole/checkpoints/last.safetensors run/checkpoints/last.safetensors || fail "kill $kill: other bits"
done
[ $killed -gt 0 ] || fail "none of $kills kills met a run"

# 2 ranks, then 4, then 1 on one folder; each is stopped once it has written lines of its own.
rm -rf run
lines() { cat run/metrics.jsonl 2>/dev/null | wc -l; }
for n in 2 4; do
  go=(--resume run)
  [ -e run ] || go=(slim.toml "${short[@]}" precision=f64 --out run)
  before=$(lines)
  timeout -k 5 60 mpirun --bind-to none -np $n "$weft" train "${go[@]}" --threads 1 >out 2>err </dev/null &
  pid=$!
  for _ in $(seq 600); do [ "$(lines)" -gt $((before + 40)) ] && break; sleep 0.02; done
  children run | sed -n '$s/.* //p' | xargs -r kill -TERM  # one rank, which tells the others
  wait $pid
  got=$?
  grep -q 'stopped at step' err || { fail "$n ranks: not stopped by the signal: exit code $got"; cat err; }
  [ "$(lines)" -gt "$before" ] || fail "$n ranks: nothing was trained"
done
expect 0 '^run folder: run$' train --resume run --threads 1
"$weft" train slim.toml "${short[@]}" precision=f64 --threads 1 --out plain >/dev/null 2>&1
near plain/checkpoints/step-120.safetensors run/checkpoints/step-120.safetensors
exit $broken
