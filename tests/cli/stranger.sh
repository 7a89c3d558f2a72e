#!/usr/bin/env bash
# stranger.sh WEFT [--timed]: from a CSV to a C file that predicts, by the commands of README.md alone, as its
# chapter "Your own data" has them: they are read from it and run in an empty folder, and its C is compiled.
# With --timed as many steps as `weft new` asks for, and what each command took, as bench/results/stranger.md
# has it; else a few.
readme=$(realpath "$(dirname "$0")/../../README.md")
# shellcheck source=tests/support/cli.sh
source "$(dirname "$0")/../support/cli.sh" "$1"
timed=${2:-}

# flats.csv as a stranger may have it: numbers, words, a label that is missing here and there.
flats() {
  awk -v rows="$1" -v labels="$2" 'BEGIN {
    srand(7); print "area,rooms,heating" (labels ? ",rent,sold" : "")
    for (i = 0; i < rows; ++i) {
      area = 20 + int(rand() * 1000) / 10; rooms = 1 + int(area / 25 + rand()); gas = rand() < 0.5
      rent = 150 + 9.5 * area + 40 * rooms + 80 * gas + 30 * (rand() - 0.5)
      sold = rent < 900 + 200 * rand() ? "yes" : "no"
      printf "%.1f,%d,%s", area, rooms, gas ? "gas" : "oil"
      if (labels) printf ",%s,%s", i % 41 == 7 ? "" : sprintf("%.2f", rent), sold
      print ""
    } }'
}
flats 1500 1 >flats.csv
{ flats 20 ""; echo 62.5,3,gas; } >new.csv

# The commands of the chapter: "./weft ...  # what it does".
sed -n '/^A table, from its CSV to a C file/,/^`new` says/p' "$readme" | sed -n 's/^\.\/weft \([^#]*[^# ]\) *#.*/\1/p' >commands
[ "$(wc -l <commands)" = 4 ] || fail "README.md has not four commands from a CSV to C: $(cat commands)"
ln -s "$weft" weft

took() { printf '| `./weft %s` | %s |\n' "$1" "$2"; }
all=0
while read -r command; do
  start=$(date +%s.%N)
  # shellcheck disable=SC2086
  ./weft $command >out 2>err </dev/null || fail "./weft $command: $(cat out err)"
  seconds=$(date +%s.%N | awk -v start="$start" '{ printf "%.1f", $1 - start }')
  all=$(echo "$all $seconds" | awk '{ print $1 + $2 }')
  [ -z "$timed" ] || took "$command" "$seconds"
  case $command in
    new*)
      grep -qE 'rent' out || fail "new says nothing of rent: $(cat out)"
      [ -n "$timed" ] || sed -i -E 's/^steps = .*/steps = 30/; s/^every = .*/every = 10/' flats.toml
      ;;
  esac
done <commands

# The C of the chapter, within a main, compiled by the line that it has as a comment.
sed -n '/^`flats.h` lists inputs and outputs:/,/^Pictures:/p' "$readme" | sed -n '/^```c/,/^```$/p' | sed '1d; $d' >snippet.c
compile=$(sed -n 's|^#include "flats.h".*/\* \(cc .*\) \*/$|\1|p' snippet.c)
[ -n "$compile" ] || fail "README.md does not say how flats.c is compiled: $(cat snippet.c)"
{ echo '#include <stdio.h>'; head -n 1 snippet.c; echo 'int main(void) {'; tail -n +2 snippet.c
  printf '%s\n' 'printf("%.9g\n", rent[0]); return 0; }'; } >runs/out/flats-1/export/main.c
command -v cc >/dev/null || { echo "skipped: no C compiler"; exit $broken; }
start=$(date +%s.%N)
(cd runs/out/flats-1/export && $compile -o flats) || fail "$compile"
seconds=$(date +%s.%N | awk -v start="$start" '{ printf "%.1f", $1 - start }')
[ -z "$timed" ] || { printf '| `%s` | %s |\n' "$compile" "$seconds"; echo "$all $seconds" | awk '{ printf "| all of it | %.1f |\n", $1 + $2 }'; }

# Its number, brought to the label as the header says, is what predict wrote of the same flat.
label=$(sed -n 's/.*output rent: .*the label is \([^ ]*\) + \([^ ]*\) times it.*/\1 \2/p' runs/out/flats-1/export/flats.h)
predicted=$(grep '^62.5,3,gas,rent,' runs/out/flats-1/predictions/new-predicted.csv | cut -d, -f 5)
echo "$(runs/out/flats-1/export/flats) $label $predicted" |
  awk '{ rent = $2 + $3 * $1; d = rent - $4; if (NF != 4 || d * d > 1e-9 * $4 * $4) { print "C says " rent ", predict " $4 ": " $0; exit 1 } }' || broken=1
if [ -n "$timed" ]; then  # the rent of this flat is 150 + 9.5 * 62.5 + 40 * 3 + 80 = 943.75, give or take 15
  echo "rent of 62.5 square metres, 3 rooms, gas: $predicted"
fi
exit $broken
