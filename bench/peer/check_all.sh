#!/usr/bin/env bash
# check_all.sh [WEFT] [NET...]: dumps of ResNet-18 with 2 tasks, ResNet-50 with 3, and of 2 tasks with
# their own images and batch norm (nets: resnet18 resnet50 domains), in every phase and curriculum
# stage, soft and hard, f64 and f32 (and compat at three stages), each recomputed by check_dump.py.
# One line a dump: the worst error of each kind, weft's / PyTorch's own f32; the last line counts.
# PYTHON chooses the interpreter.
set -u
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
weft=${1:-$here/../../weft}
shift $(($# > 0))
python=${PYTHON:-/usr/bin/python3}
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT

# dump NET PRECISION SEMANTICS HARD PHASE EPOCH
dump() {
  local kind=soft
  [ "$4" = true ] && kind=hard
  "$weft" dump "$here/check_$1.toml" --phase "$5" --epoch "$6" --steps 2 --precision "$2" \
    --threads 1 --out "$dir/$1-$2-$3-$kind-$5-stage$(($6 + 1)).safetensors" \
    "semantics=$3" "policy.hard=$4" >/dev/null || echo "FAILED: $1 $2 $3 $kind $5 epoch $6"
}

for net in ${*:-resnet18 resnet50 domains}; do
  last=7
  [ "$net" = resnet50 ] && last=15
  for precision in f64 f32; do
    for semantics in sound compat; do
      epochs=$(seq 0 $last)
      [ $semantics = compat ] && epochs="0 3 $last"
      for hard in false true; do
        [ $hard = false ] && for phase in warmup retrain; do
          dump "$net" $precision $semantics false $phase 0
        done
        for epoch in $epochs; do
          dump "$net" $precision $semantics $hard weights "$epoch"
          dump "$net" $precision $semantics $hard policy "$epoch"
        done
        "$python" "$here/check_dump.py" --brief "$dir"/*.safetensors
        rm -f "$dir"/*
      done
    done
  done
done | tee "$dir.log"
passed=$(grep -c '^[a-z].* ok ' "$dir.log")
failed=$(grep -c '^[a-z].* FAILED\|^FAILED: ' "$dir.log")
rm -f "$dir.log"
echo "$passed dumps within the limits, $failed not"
[ "$failed" -eq 0 ]
