#!/usr/bin/env bash
# faults.sh WEFT SHIM [FAULTS [PAIRS]]: a short run with one answer of the system turned into a
# failure, for every n of its writes, fsyncs, renames, opens, closes, mmaps, threads and forks, and for
# as many mallocs, evenly spread, as make FAULTS in all (1200). Each run either ends well, with all its
# results, or with exit code 2 and one line of what was wrong; then the same command, or --resume
# where there is a checkpoint, ends with the bits of a run that met no fault. With fewer FAULTS than
# there are, each kind is sampled evenly. Then two mallocs in a row fail, so that the one that gets
# the memory kept back fails as well, at every n of a shorter run (or PAIRS of them, evenly spread);
# at every tenth of them six in a row, which leave none for an exception and the destructors on its way.
# shellcheck source=tests/support/table_run.sh
source "$(dirname "${BASH_SOURCE[0]}")/../support/table_run.sh"
weft=$(realpath "$1") shim=$(realpath "$2") wanted=${3:-1200}
folder=$(mktemp -d -p "$([ -w /dev/shm ] && echo /dev/shm || echo /tmp)")  # in memory: fsync costs nothing
trap 'rm -rf "$folder"' EXIT
cd "$folder" || exit 1
write_table_run .
export OMP_NUM_THREADS=1
done=0 tolerated=0 refused=0 bad=0
declare -A whole_of=([one]=whole-one [two]=whole-two [brief]=whole-brief)
declare -A settings=([one]='--threads 1' [two]='--threads 2 data.workers=2'
  [brief]='--threads 1 warmup.steps=1 policy.steps=0 retrain.steps=0')

# train WAY OUT FAULT: one run; its exit code.
train() {
  # shellcheck disable=SC2086
  timeout 60 env WEFT_FAULT="$3" LD_PRELOAD="${3:+$shim}" "$weft" train run.toml ${settings[$1]} --out "$2" >out 2>err </dev/null
}
# wrong TEXT: a fault that was not met as it should be.
wrong() { bad=$((bad + 1)); printf '%s\n' "$1"; tail -n 3 err; }

# inject WAY FAULT
inject() {
  local code again=()
  rm -rf run
  train "$1" run "$2"
  code=$?
  done=$((done + 1))
  case $code in
    0) tolerated=$((tolerated + 1)) ;;
    2)
      refused=$((refused + 1))
      [ "$(grep -c '^weft: ' err)" -eq 1 ] || grep -q '^libgomp: ' err || { wrong "$1 $2: not one line of error"; return; }
      if [ -e run/checkpoints/last.safetensors ]; then
        again=(train --resume run)
        [ "$1" = two ] && again+=(--threads 2) || again+=(--threads 1)
        "$weft" "${again[@]}" >out 2>err </dev/null || { wrong "$1 $2: --resume ends with $?"; return; }
      else
        train "$1" run "" || { wrong "$1 $2: the same command ends with $?"; return; }
      fi
      ;;
    *) wrong "$1 $2: exit code $code"; return ;;
  esac
  grep -q '^run folder: run$' out || { wrong "$1 $2: no results"; return; }
  same_run "${whole_of[$1]}" run >why 2>&1 || wrong "$1 $2: other bits: $(head -n 1 why)"
}

for way in one two brief; do train $way "${whole_of[$way]}" "" || { cat err; exit 1; }; done
# count WAY: how many of each kind there are, into `counts` and `mallocs`.
count() {
  # shellcheck disable=SC2086
  WEFT_FAULT_COUNTS=counts LD_PRELOAD=$shim "$weft" train run.toml ${settings[$1]} --out "counted-$1" >/dev/null 2>&1
  mallocs=$(sed -n 's/^malloc //p' counts)
}
count one
few=$(awk '$1 != "malloc" { n += $2 } END { print n }' counts)
stride=$((few * 2 / wanted + 1))  # at most half of the faults are calls to the system
while read -r kind n; do
  [ "$kind" = malloc ] && continue
  for ((i = 1; i <= n; i += stride)); do inject one "$kind:$i"; done
done <counts
for i in 1 2 3; do inject two "thread:$i"; inject one "malloc:$i+2"; done
rest=$((wanted - done))
for ((i = 0; i < rest; ++i)); do
  n=$((1 + i * mallocs / rest))
  if [ $((i % 4)) -eq 3 ]; then inject two "malloc:$n"; else inject one "malloc:$n"; fi
done
count brief
pairs=${4:-$mallocs}
for ((i = 0; i < pairs; ++i)); do
  n=$((1 + i * mallocs / pairs))
  inject brief "malloc:$n+2"
  [ $((i % 10)) -ne 9 ] || inject brief "malloc:$n+6"
done
printf '%d faults: %d tolerated with complete results, %d refused with exit code 2 and gone on from bitwise, %d wrong\n' \
  $done $tolerated $refused $bad
[ $bad -eq 0 ] && [ $tolerated -gt 0 ] && [ $refused -gt 0 ]
