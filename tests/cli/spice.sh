#!/usr/bin/env bash
# spice.sh WEFT: transistors learned from a table, as circuits: in ngspice a sweep gives what `predict`
# gives, and an inverter of two of them switches, without a word of trouble. Files and refusals.
# shellcheck source=tests/support/table_run.sh
source "$(dirname "$0")/../support/table_run.sh"
# shellcheck source=tests/support/transistors.sh
source "$(dirname "$0")/../support/transistors.sh"
root=$(realpath "$(dirname "$0")/../..")
# shellcheck source=tests/support/cli.sh
source "$root/tests/support/cli.sh" "$1"

write_transistors .
expect 0 '^run folder: fets$' train transistors.toml --threads 1 --out fets
expect 0 '^fets/export/transistors.sp$' export fets --format spice
expect 0 '^transistors_id_nfet: a device with terminals d g s b; voltages in V$' export fets --format verilog-a --out va --name transistors
grep -q '^module transistors_id_pfet(d, g, s, b);$' va/transistors.va || fail "no module of the p-channel device"
expect 0 '^fets/export/one.sp$' export fets --format spice --task id-pfet --name one
grep -q nfet fets/export/one.sp && fail "--task id-pfet: a subcircuit of the other"
expect 2 'a circuit takes volts and parameters as they are' export fets --format spice --normalise outside
expect 2 "'my amp' is no name for circuits" export fets --format spice --name 'my amp'
[ -e 'fets/export/my amp.sp' ] && fail "a refused name is a file"
echo 'a deck of mine' >mine.sp
expect 2 '^weft: ./mine.sp: is there, and no export' export fets --format spice --out . --name mine
[ "$(cat mine.sp)" = 'a deck of mine' ] || fail "an export wrote over mine.sp"
write_table_run .
expect 0 '^run folder: tiny$' train run.toml --threads 1 --out tiny
expect 2 "task 'yes' is a binary task" export tiny --format spice
[ -e tiny/export ] && fail "a refused export left a folder"
expect 0 '^tiny_much: terminals a b much, to ground' export tiny --format spice --task much --name tiny
write_rooms_run .
expect 0 '^run folder: rooms$' train rooms.toml --threads 1 --out rooms
expect 2 'this run is on pictures' export rooms --format spice

if ! command -v ngspice >/dev/null; then
  echo 'skipped: no ngspice: cli/spice.sh, what simulates'
  exit $broken
fi

# quiet DECK: ngspice runs it, and complains of nothing.
quiet() {
  ngspice -b "$1" >log 2>&1 || fail "ngspice $1: $(tail -5 log)"
  grep -iE 'error|warning|too small|singular|iteration limit|failed|aborted' log && fail "ngspice $1 complains"
}

# A sweep of vds, as predict has it; predict prints six digits.
awk -F, 'NR == 1 || ($1 == "nfet" && $3 == 1 && $4 == 0.15 && $5 == 1.2 && $7 == 0)' transistors.csv >sweep.csv
expect 0 'sweep-predicted.csv$' predict fets sweep.csv --out rows
cat >sweep.cir <<'DECK'
* sweep
.include fets/export/transistors.sp
Vd d 0 0
Vg g 0 1.2
X1 d g 0 0 transistors_id_nfet W_um=1 L_um=0.15
.options reltol=1e-6 vntol=1e-9 abstol=1e-15
.control
set numdgt=12
dc Vd 0.1 1.7 0.2
wrdata sweep.txt i(vd)
quit
.endc
.end
DECK
quiet sweep.cir
awk '{ print -$2 }' sweep.txt >spice
tail -n +2 rows/sweep-predicted.csv | awk -F, '{ print $10 }' >weft
[ "$(wc -l <spice)" = 9 ] || fail "ngspice swept $(wc -l <spice) points of 9"
paste spice weft | awk '{ d = $1 / $2 - 1; if (d * d > 1e-10) { print "ngspice says " $1 ", predict " $2; exit 1 } }' || broken=1

# An inverter that drives another: out is high, low, and high again.
cp "$root/examples/inverter.cir" fets/export/transistors.sp .
quiet inverter.cir
for volts in high:1.7:1.9 low:-0.1:0.1 again:1.7:1.9 second:1.7:1.9; do
  IFS=: read -r what least most <<<"$volts"
  awk -v what="$what" -v least="$least" -v most="$most" \
    '$1 == what && $2 == "=" { there = $3 > least && $3 < most } END { exit !there }' log ||
    fail "the inverter's output ($what) is not between $least and $most V: $(grep "^$what" log)"
done
exit $broken
