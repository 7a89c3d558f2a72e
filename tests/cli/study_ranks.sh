#!/usr/bin/env bash
# study_ranks.sh WEFT: one study by several ranks under mpirun, which share its folder: each cell is run
# once, to the bits of a study by one process; tables are made once; what fails is tried once; a rank
# that dies leaves its cells to the others.
# shellcheck source=tests/support/cli.sh
source "$(dirname "$0")/../support/cli.sh" "$1"
command -v mpirun >/dev/null || { echo "mpirun is not installed"; exit 77; }
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 OMPI_MCA_rmaps_base_oversubscribe=1

{ slim_run; short_retrain; } >slim.toml
# study NAME LINE...: a study file of that name, three cells.
study() {
  printf 'seeds = [1, 2, 3]\nparallel = 1\n[[set]]\nname = "rooms"\nrun = "slim.toml"\n' >"$1.toml"
  printf '%s\n' "${@:2}" >>"$1.toml"
}
# ranks N ARGUMENT...: the exit code is left in `got`, what was said in out and err.
ranks() {
  local n=$1
  shift
  timeout -k 5 300 mpirun --bind-to none -np "$n" "$weft" "$@" >out 2>err </dev/null
  got=$?
}
found() { grep -hvE 'seconds|peak_bytes' "$1/study.csv" "$1/cells.csv"; }

study small '[[method]]' 'name = "single"' '[[method]]' 'name = "hard"'
expect 0 '^\| hard ' study small.toml --out plain
for n in 2 4; do
  ranks $n study small.toml --out by-$n
  [ $got -eq 0 ] || { fail "$n ranks: exit code $got"; cat out err; }
  [ "$(grep -c '/6  rooms/.* in ' err)" -eq 6 ] || { fail "$n ranks: not one line for each of six cells"; cat err; }
  [ "$(grep -c "^all in one page: " out)" -eq 1 ] || { fail "$n ranks: tables were not made once"; cat out; }
  cmp <(found plain | sed 's/plain/by/') <(found by-$n | sed "s/by-$n/by/") || fail "$n ranks found something else"
  for cell in single/seed-1 hard/seed-3; do
    cmp {plain,by-$n}/rooms/$cell/checkpoints/last.safetensors || fail "$n ranks: other bits in $cell"
  done
done
ranks 2 study small.toml --out by-2
{ [ $got -eq 0 ] && [ "$(grep -c '6 of 6 cells are finished already' err)" -eq 2 ]; } || { fail "what was finished was not seen"; cat err; }

# A cell that fails is tried by one rank of a job and counts on all; the next job tries it again.
study failing '[[method]]' 'name = "broken"' 'sharing = "hard"' 'settings = ["model.init=gone.safetensors"]' \
  '[[method]]' 'name = "hard"'
for try in first second; do
  ranks 2 study failing.toml
  [ $got -eq 2 ] || fail "$try try of cells that fail: exit code $got"
  [ "$(grep -c '^FAILED  rooms/broken/seed-[123]  exit code 2: weft: gone.safetensors: ' err)" -eq 3 ] ||
    { fail "$try try: not one line for each of three failures"; cat err; }
  grep -q '3 of 6 cells failed, as said above' err || fail "$try try: no word on how to go on after failures"
  grep -qE '^\| hard \| .*[0-9]' out || [ $try = second ] || fail "no table of what did finish"
done

# A rank that is killed in the middle of a cell: the other goes on with it from its checkpoint.
sed -i 's/steps = 4/steps = 40/' slim.toml
expect 0 '^\| hard ' study small.toml --out whole
timeout -k 5 300 mpirun --enable-recovery --bind-to none -np 2 "$weft" study small.toml --out killed >out 2>err </dev/null &
pid=$!
for _ in $(seq 600); do
  [ "$(cat killed/rooms/single/seed-1/metrics.jsonl 2>/dev/null | wc -l)" -ge 6 ] && break
  sleep 0.05
done
[ -e killed/rooms/single/seed-1/summary.json ] && fail "the first cell ended too soon to test anything"
owner=$(pgrep -f -- "train .*--out killed/rooms/single/seed-1( |\$)" | head -n 1)
kill -KILL "$(ps -o ppid= -p "$owner" | tr -d ' ')"
wait $pid
[ "$(find killed -name summary.json | wc -l)" -eq 6 ] || { fail "the cells of a killed rank were not taken over"; cat err; }
grep -q '^stopped at step' killed/rooms/single/seed-1.log || fail "the killed rank's cell was not stopped"
grep -q '^| hard ' out || fail "no tables after a rank was killed"
cmp <(found whole | sed 's/whole/x/') <(found killed | sed 's/killed/x/') || fail "a killed rank changed what was found"
cmp {whole,killed}/rooms/single/seed-1/checkpoints/last.safetensors || fail "a cell that was taken over has other bits"

ranks 2 study small.toml --table
{ [ $got -eq 2 ] && grep -q 'study --table is for one process' err; } || fail "--table by two ranks: exit code $got"
exit $broken
