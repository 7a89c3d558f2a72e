#!/usr/bin/env bash
# demo.sh WEFT: the demo as README.md shows it ends well, and in its table every task of every way of
# sharing lies below the best constant prediction by a fifth or more. Minutes: ./weft test --all has it.
# shellcheck source=tests/support/cli.sh
source "$(dirname "$0")/support/cli.sh" "$1"

expect 0 '^Pictures: demo/adashare/pictures/predictions.svg' demo --out demo
losses=$(grep ' constant .* single .* hard .* adashare ' out)
for task in seg normals depth; do
  below=$(grep -E "^ *$task " <<<"$losses" | grep -oE '\(-[0-9]+ %\)' | tr -dc '0-9\n')
  [ "$(grep -c . <<<"$below")" -eq 3 ] && [ "$(sort -n <<<"$below" | head -n 1)" -ge 20 ] ||
    fail "$task: not three losses a fifth below the constant's: $losses"
done
for picture in predictions policy history; do
  [ -s "demo/adashare/pictures/$picture.svg" ] || fail "no picture $picture.svg"
done
exit $broken
