#!/usr/bin/env bash
# check_all.sh [WEFT] [TRUNK...]: dumps of ResNet-18 with 2 tasks and ResNet-50 with 3, in every phase
# and curriculum stage, soft and hard, sound and compat, f64 and f32; each is recomputed by
# check_dump.py. One line a dump; the last line counts. PYTHON chooses the interpreter.
set -u
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
weft=${1:-$here/../../weft}
shift $(($# > 0))
python=${PYTHON:-/usr/bin/python3}
file=$(mktemp --suffix=.safetensors)
trap 'rm -f "$file"' EXIT
passed=0 failed=0

# one TRUNK PRECISION SEMANTICS HARD PHASE EPOCH
one() {
  local title="resnet$1 $2 $3 hard=$4 $5 epoch $6"
  "$weft" dump "$here/check_resnet$1.toml" --phase "$5" --epoch "$6" --steps 2 --precision "$2" \
    --threads 1 --out "$file" "semantics=$3" "policy.hard=$4" >"$file.log" 2>&1 &&
    "$python" "$here/check_dump.py" "$file" --brief >"$file.log" 2>&1
  local status=$?
  if [ $status -eq 0 ]; then passed=$((passed + 1)); else failed=$((failed + 1)); fi
  printf '%-48s %s\n' "$title" "$(cat "$file.log")"
  rm -f "$file.log"
}

for trunk in ${*:-18 50}; do
  last=$((trunk == 18 ? 7 : 15))
  for precision in f64 f32; do
    for semantics in sound compat; do
      one "$trunk" $precision $semantics false warmup 0
      one "$trunk" $precision $semantics false retrain 0
      for hard in false true; do
        for epoch in $(seq 0 $last); do
          one "$trunk" $precision $semantics $hard weights "$epoch"
          one "$trunk" $precision $semantics $hard policy "$epoch"
        done
      done
    done
  done
done
echo "$passed dumps within the limits, $failed not"
[ $failed -eq 0 ]
