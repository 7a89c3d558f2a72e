#!/usr/bin/env bash
# basics.sh WEFT: exit codes, the one-line complaints, and that results and errors keep apart.
# shellcheck source=tests/support/cli.sh
source "$(dirname "$0")/../support/cli.sh" "$1"

# exactly CODE STDERR ARGUMENT...: the exit code, and all of stderr.
exactly() {
  local code=$1 complaint=$2 got
  shift 2
  "$weft" "$@" >out 2>err </dev/null
  got=$?
  [ $got -eq "$code" ] && [ "$(cat err)" = "$complaint" ] && return
  printf 'weft %s: exit %d, expected %d; stderr:\n%s\nexpected:\n%s\n' "$*" $got "$code" "$(cat err)" "$complaint"
  broken=1
}
# output PATTERN: stdout of the last command has a line like this.
output() {
  grep -qE "$1" out && return
  printf 'no line like "%s" in:\n%s\n' "$1" "$(cat out)"
  broken=1
}

exactly 0 '' --version
output '^weft [0-9]+\.[0-9]+\.[0-9]+ \('
exactly 0 '' --help
output '^  doctor '
cp out help
exactly 0 '' help
cmp -s out help || fail "weft help is not weft --help"
exactly 0 '' table --help
cp out help
exactly 0 '' help table
cmp -s out help || fail "weft help table is not weft table --help"
exactly 2 "weft: unknown command 'trian'; did you mean 'train'? (weft --help lists them)" help trian
exactly 0 '' doctor
output '^ok +build +weft '
exactly 2 'weft: A subcommand is required'
exactly 2 "weft: unknown command 'dotcor'; did you mean 'doctor'? (weft --help lists them)" dotcor
exactly 2 'weft: --out is required' data scenes
exactly 2 'weft: Could not convert: --seed = x' data scenes --out x --seed x
exactly 0 '' data scenes --out scenes --count 2 --height 24 --width 32 --seed 3
output '^2 scenes in scenes'
[ "$(find scenes -name '*.png' | wc -l)" -ge 3 ] || fail "data scenes wrote too few pictures"

mkdir own
cp scenes/*image*.png own/ 2>/dev/null
first=$(cd own && printf '%s\n' *image*.png | head -n 1)
printf 'image,kind\n%s,1\n%s,0\n' "$first" "$first" >own/index.csv
exactly 0 '' new --data own
output '^wrote own.toml:'
output '^  kind binary'
exactly 2 'weft: own.toml exists; --out gives another name' new --data own
exactly 2 'weft: gone: no such file or folder' new --data gone
printf 'image,kind\nmissing.png,1\n' >own/index.csv
exactly 2 "weft: own/missing.png: cannot open: No such file or directory" new --data own --out b.toml
[ ! -e b.toml ] || fail "a failed new left b.toml behind"
"$weft" keys >/dev/full 2>err
[ $? -eq 2 ] || fail "a full standard output went unseen"
exit $broken
