#!/usr/bin/env bash
# kills.sh WEFT SHIM [KILLS]: so many times (200), a run is killed by SIGKILL at a moment drawn at
# random (after a time; or at the n-th write, rename, fsync or malloc, which falls into saving,
# evaluating, drawing and the steps between phases), and goes on by the advised command, or by the
# same where it died before its first checkpoint; one in three is killed again on the way. Every one
# ends with the bits of a run that was left alone. The ways of sharing take turns, on a table
# and on rendered rooms. SEED=N draws other moments.
# shellcheck source=tests/support/table_run.sh
source "$(dirname "${BASH_SOURCE[0]}")/../support/table_run.sh"
weft=$(realpath "$1") shim=$(realpath "$2") wanted=${3:-200}
RANDOM=${SEED:-1}
folder=$(mktemp -d -p "$([ -w /dev/shm ] && echo /dev/shm || echo /tmp)")  # in memory: fsync costs nothing
trap 'rm -rf "$folder"' EXIT
cd "$folder" || exit 1
write_table_run .
write_rooms_run .
ways=(run:adashare run:hard rooms:nddr run:single run:cross_stitch rooms:mtan run:sluice run:soft rooms:adashare)
settings=(--threads 1 policy.from=best policy.curriculum_speed=0)
kills=0 runs=0 equal=0 early=0

# A kill before the first checkpoint: the same command goes on.
count_early() { [ -e run/checkpoints/last.safetensors ] || early=$((early + 1)); }

big() { echo $((RANDOM * 32768 + RANDOM)); }
# go FAULT: the run in the folder `run`, from its beginning or its checkpoint.
go() {
  if [ -e run/checkpoints/last.safetensors ]; then
    set -- "$1" --resume run --threads 1
  else
    set -- "$1" "${way%:*}.toml" "${settings[@]}" "sharing=${way#*:}" --out run
  fi
  WEFT_FAULT=$1 LD_PRELOAD=${1:+$shim} "$weft" train "${@:2}" >out 2>err </dev/null
}

declare -A micros calls
for way in "${ways[@]}"; do
  [ -e "whole-$way" ] && continue
  began=$(date +%s%N)
  "$weft" train "${way%:*}.toml" "${settings[@]}" "sharing=${way#*:}" --out "whole-$way" >out 2>err || { cat err; exit 1; }
  micros[$way]=$((($(date +%s%N) - began) / 1000))
  WEFT_FAULT_COUNTS=counts LD_PRELOAD=$shim "$weft" train "${way%:*}.toml" "${settings[@]}" "sharing=${way#*:}" --out counted >out 2>err
  while read -r kind n; do calls[$way $kind]=$n; done <counts
  rm -rf counted
done

while [ $kills -lt "$wanted" ]; do
  way=${ways[$((runs % ${#ways[@]}))]}
  runs=$((runs + 1))
  rm -rf run
  for round in 1 2 3; do
    [ $round -gt 1 ] && [ $((RANDOM % 3)) -gt 0 ] && break
    if [ $((RANDOM % 2)) -eq 0 ]; then
      kind=(write rename fsync malloc)
      kind=${kind[$((RANDOM % 4))]}
      go "$kind:$((1 + $(big) % ${calls[$way $kind]}))!"
      code=$?
    else
      go "" &
      pid=$!
      micro=$(($(big) % ${micros[$way]}))
      sleep "$(printf '%d.%06d' $((micro / 1000000)) $((micro % 1000000)))"
      # The subshell waits for weft, its only child.
      child=$(cat "/proc/$pid/task/$pid/children" 2>/dev/null)
      # shellcheck disable=SC2086
      [ -n "$child" ] && kill -KILL $child 2>/dev/null
      wait $pid
      code=$?
    fi 2>/dev/null
    [ $code -eq 0 ] && break
    [ $code -eq 137 ] || { echo "$way: exit code $code"; cat err; exit 1; }
    kills=$((kills + 1))
    count_early
  done
  if [ $code -ne 0 ]; then
    go "" || { echo "$way: going on ends with $?: $(tail -n 1 err)"; continue; }
  fi
  if same_run "whole-$way" run && [ -z "$(find run -name '*.tmp')" ]; then
    equal=$((equal + 1))
  else
    echo "$way: other bits, or litter"
  fi
done
printf '%d kills in %d runs (%d of them before the first checkpoint): %d of %d runs ended bitwise equal\n' \
  $kills $runs $early $equal $runs
[ $equal -eq $runs ]
