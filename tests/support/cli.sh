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

# A run of moments: two dense tasks on a few rendered rooms. Stages are the script's to add.
slim_run() {
  cat <<'RUN'
name = "slim"
[model]
width = 0.07
head_width = 8
[data]
size = [33, 41]
batch = 2
count = 12
val_count = 2
test_count = 2
workers = 0
[[task]]
name = "seg"
kind = "segmentation"
classes = 13
[[task]]
name = "depth"
kind = "depth"
RUN
}

# The same through all stages, as ranks are held against one process: 20 steps of each kind.
slim_phases() {
  slim_run
  cat <<'RUN'
[warmup]
steps = 20
[policy]
steps = 40
weight_steps = 2
logit_steps = 2
curriculum_speed = 1
draws = 2
[retrain]
steps = 20
[eval]
every = 20
[checkpoint]
every = 5
RUN
}
# without_times FILE: metrics.jsonl as two runs of the same bits write it.
without_times() { sed 's/,"seconds":[^,]*//' "$1"; }

# Its one stage in a study: four steps, with a checkpoint each.
short_retrain() { printf '[retrain]\nsteps = 4\n[eval]\nevery = 2\n[checkpoint]\nevery = 1\n'; }
