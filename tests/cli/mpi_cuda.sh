#!/usr/bin/env bash
# mpi_cuda.sh WEFT [PART...]: one training by two ranks, each on a GPU of its own. Parts (default: all):
#   same      a step of each kind as by one process, in f32; twice the same bits, recorded or not
#   ways      moments by rank, balancing, TF32 and bf16; the run goes on by one process and by two
#   ends      more ranks than cards, a rank that hangs, a rank that is killed
# Weights in f32 are near where no two differ by more than the bound times 1 + their size: sums have other
# brackets. How many steps carry that on is no question of ranks: gradients jump at the kinks of ReLU,
# maxima and |x|, and one activation that falls on the other side of one is an error of 1e-2 some steps
# later. Behind 20 steps of re-training at a rate of 1e-3 one process in f32 and one in f64, on a CPU, were
# apart by 2e-7 to 4e-7 for four seeds of ten, and by 5e-3 to 0.15 for the others. So a step of each kind is
# compared, by plain SGD at a rate at which weights show their gradients: f32 and f64 are 4e-7 apart, and
# gradients of 1.01 times the size 6e-4.
# shellcheck source=tests/support/cli.sh
source "$(dirname "$0")/../support/cli.sh" "$1"
shift
[ $# -eq 0 ] && set -- same ways ends
skip() { echo "mpi_cuda: skipped: $*"; exit 77; }
command -v mpirun >/dev/null || skip "mpirun is not installed"
"$weft" doctor 2>/dev/null | grep -q 'NCCL [0-9]' || skip "this weft was built without NCCL"
cards=$(nvidia-smi -L 2>/dev/null | grep -c '^GPU')
[ "$cards" -ge 2 ] || skip "two GPUs are needed, this machine shows $cards"
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
export OMPI_MCA_btl_vader_single_copy_mechanism=none OMPI_MCA_rmaps_base_oversubscribe=1

# ranks N ARGUMENT...: the exit code is left in `got`, what was said in out and err.
ranks() {
  local n=$1
  shift
  timeout -k 5 "${limit:-40}" mpirun --bind-to none -np "$n" "$weft" "$@" >out 2>err </dev/null
  got=$?
}
# good NAME: the last of these came to its end.
good() {
  [ $got -eq 0 ] && return
  fail "$1: exit code $got"
  cat out err
}
said() {
  [ $got -eq "$1" ] && [ "$(grep -c '^weft: ' err)" -eq 1 ] && grep -qE -- "^weft: $2" err && return
  printf 'exit %d, expected %d and one line like "weft: %s"; got:\n' $got "$1" "$2"
  cat out err
  broken=1
}
# numbers FILE: the f32 of a checkpoint of weights, one a line.
numbers() {
  local header
  header=$(od -An -t u8 -N 8 "$1")
  tail -c +$((header + 9)) "$1" | od -An -v -w4 -t f4
}
# near BOUND A B
near() {
  paste <(numbers "$2") <(numbers "$3") | awk -v bound="$1" -v what="$2 and $3" '
    { d = $1 - $2; if (d < 0) d = -d; a = $1 < 0 ? -$1 : $1; d /= 1 + a; n++
      if (NF != 2 || d != d) bad++; else if (d > most) most = d }
    END { printf "%s: %d numbers, apart by at most %.3g\n", what, n, most
          exit !(n > 100 && bad == 0 && most <= bound) }' || fail "$2 and $3 differ by more than $1"
}
took() { printf '%s: %d s\n' "$1" $((SECONDS - began)); began=$SECONDS; }

slim_phases >slim.toml
all=(data.batch=4 data.count=24 device=cuda retrain.optimizer.kind=sgd)
began=$SECONDS

for part in "$@"; do
  case $part in
    same)
      single=("${all[@]}" warmup.optimizer.kind=sgd warmup.optimizer.lr=0.1 warmup.steps=1 policy.steps=2
        policy.weight_steps=1 policy.logit_steps=1 policy.logits.kind=sgd policy.logits.lr=1 retrain.steps=1)
      for seed in 1 2 3; do
        expect 0 "^run folder: one-$seed\$" train slim.toml "${single[@]}" seed=$seed --out one-$seed
        ranks 2 train slim.toml "${single[@]}" seed=$seed --out two-$seed
        good two-$seed
        for step in 1 3 4; do
          near 1e-5 {one,two}-$seed/checkpoints/step-$step.safetensors
        done
      done
      for run in first second; do
        ranks 2 train slim.toml "${all[@]}" --out $run
        good $run
        [ "$(grep -c '^run folder:' out)" -eq 1 ] || fail "$run: no folder, or two"
      done
      cmp first/checkpoints/last.safetensors second/checkpoints/last.safetensors || broken=1
      diff <(without_times first/metrics.jsonl) <(without_times second/metrics.jsonl) >/dev/null ||
        fail "metrics differ"
      # Started kernel by kernel: `debug` looks at every number, which a recorded step cannot.
      ranks 2 train slim.toml "${all[@]}" debug=true --out direct
      good direct
      for step in 20 60 80; do
        cmp <(numbers first/checkpoints/step-$step.safetensors) <(numbers direct/checkpoints/step-$step.safetensors) ||
          fail "step $step: other bits where steps are not recorded"
      done
      took same
      ;;
    ways)
      way() {
        local name=$1
        shift
        for run in "$name" "$name-again"; do
          ranks 2 train slim.toml "${all[@]}" "$@" --out "$run"
          good "$run"
        done
        cmp "$name/checkpoints/last.safetensors" "$name-again/checkpoints/last.safetensors" || broken=1
      }
      way by-rank model.bn.sync=false
      way upgrad balance.method=upgrad
      expect 0 '^run folder: upgrad-one$' train slim.toml "${all[@]}" balance.method=upgrad --out upgrad-one
      near 1e-3 upgrad-one/checkpoints/step-20.safetensors upgrad/checkpoints/step-20.safetensors
      way losses balance.method=uw
      way tf32 precision=tf32
      way bf16 precision=bf16
      # On with another number, and back.
      ranks 2 train slim.toml "${all[@]}" retrain.steps=10 --out on
      good on
      expect 0 '^run folder: on$' train --resume on retrain.steps=15
      ranks 2 train --resume on retrain.steps=20
      good "on, by two again"
      took ways
      ;;
    ends)
      ranks $((cards + 1)) train slim.toml "${all[@]}" data.batch=$((2 * (cards + 1))) --out none
      said 2 "rank [0-9]+ .*no GPU for rank $cards of the $((cards + 1)) on this host"
      CUDA_VISIBLE_DEVICES=0 ranks 2 train slim.toml "${all[@]}" --out none
      said 2 'rank 0 .*would share one GPU'
      children() {
        local pid
        for pid in $(pgrep -f -- "--(out|resume) $1( |\$)"); do
          [ "$(readlink "/proc/$pid/cwd")" = "$PWD" ] || continue
          tr '\0' '\n' <"/proc/$pid/environ" 2>/dev/null | sed -n "s/^OMPI_COMM_WORLD_RANK=\(.*\)/\1 $pid/p"
        done | sort -n
      }
      until_there() { for _ in $(seq 400); do [ -e "$1" ] && return; sleep 0.05; done; fail "$1 did not come"; }
      long=("${all[@]}" warmup.steps=4 policy.steps=8 retrain.steps=100000 eval.every=100000)
      for end in STOP KILL; do
        timeout -k 5 60 mpirun --bind-to none -np 2 "$weft" train slim.toml "${long[@]}" --rank-timeout 8 --out $end >out 2>err </dev/null &
        pid=$!
        until_there $end/checkpoints/step-12.safetensors
        sleep 0.3
        children $end | sed -n '2s/.* //p' | xargs -r kill -$end
        wait $pid
        got=$?
        if [ $end = STOP ]; then
          said 2 'rank 0 \(.*\): (the GPU of )?rank 1 \(.*\) did not answer for 8 s'
        else
          { [ $got -ne 0 ] && [ $got -ne 124 ] && grep -qE 'rank 1 with PID .* exited on signal 9' err; } ||
            { fail "killed: exit code $got"; cat out err; }
        fi
      done
      took ends
      ;;
    *) fail "unknown part $part" ;;
  esac
done
exit $broken
