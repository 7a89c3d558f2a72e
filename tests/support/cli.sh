# shellcheck shell=bash
# What the scripts in tests/cli begin with: source .../cli.sh WEFT makes $weft absolute and goes to an
# empty folder that is removed at the end. A script ends with `exit $broken`.
weft=$(realpath "$1")
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder" || exit 1
broken=0

fail() { echo "$*"; broken=1; }

# expect CODE PATTERN ARGUMENT...: the exit code, and a line of stdout (left in `out`) or stderr (`err`).
expect() {
  local code=$1 pattern=$2 got
  shift 2
  "$weft" "$@" >out 2>err </dev/null
  got=$?
  [ $got -eq "$code" ] && cat out err | grep -qE -- "$pattern" && return
  printf 'weft %s: exit %d, expected %d and a line like "%s"; got:\n' "$*" $got "$code" "$pattern"
  cat out err
  broken=1
}
