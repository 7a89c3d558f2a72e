# shellcheck shell=bash
# phases: all of them, a few steps each, a checkpoint after every step.
phases() {
  printf '%s\n' '[warmup]' 'steps = 2' \
    '[policy]' 'steps = 6' 'weight_steps = 2' 'logit_steps = 1' 'curriculum_speed = 1' 'draws = 2' \
    '[retrain]' 'steps = 4' '[eval]' 'every = 2' '[checkpoint]' 'every = 1'
}

# A run that takes a blink, for the scripts that start hundreds: two tasks of a table of 40 rows, all
# phases, a checkpoint after every step. write_table_run FOLDER makes table.csv and run.toml there.
write_table_run() {
  local i
  mkdir -p "$1"
  {
    echo a,b,yes,much
    for i in $(seq 40); do
      echo "$((i * 7 % 11)).5,$((i * 5 % 13)),$((i % 2)),$((i * 3 % 7)).25"
    done
  } >"$1/table.csv"
  cat - <(phases) >"$1/run.toml" <<'RUN'
name = "tiny"
[model]
trunk = "mlp"
hidden = 8
blocks = 2
[data]
kind = "tabular"
root = "."
index = "table.csv"
ratio = [0.2, 0.2]
batch = 4
workers = 0
[[task]]
name = "yes"
kind = "binary"
[[task]]
name = "much"
kind = "regression"
RUN
}

# The same for ways of sharing that want convolutions: rooms of 16 x 16 pixels, the slimmest ResNet.
# write_rooms_run FOLDER makes rooms.toml there.
write_rooms_run() {
  mkdir -p "$1"
  cat - <(phases) >"$1/rooms.toml" <<'RUN'
name = "rooms"
[model]
width = 0.0625
head = "linear"
[data]
kind = "scenes"
size = [16, 16]
batch = 2
count = 6
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

# same_run FOLDER OTHER: two finished runs hold the same, bit for bit; times apart.
same_run() {
  local file
  for file in "$1"/checkpoints/*; do
    cmp "$file" "$2/checkpoints/${file##*/}" || return 1
  done
  for file in metrics.jsonl policy/search.jsonl; do
    [ -e "$1/$file" ] || continue
    diff <(sed 's/,"seconds":[^,]*//' "$1/$file") <(sed 's/,"seconds":[^,]*//' "$2/$file") || return 1
  done
  [ ! -e "$1/policy/drawn.json" ] || cmp "$1/policy/drawn.json" "$2/policy/drawn.json"
}

# main_of_table FOLDER: C that prints `much` of each row on its input, by FOLDER/net.h.
main_of_table() {
  cat <<C
#include <stdio.h>
#include "$1/net.h"
int main(void) {
  float row[NET_INPUT], much[NET_OUT_MUCH];
  while (scanf("%f,%f,%*[^\n]", &row[0], &row[1]) == 2) {
    net_run_much(row, much);
    printf("%.6g\n", (double)much[0]);
  }
  return 0;
}
C
}

# same_table FILE OTHER: predictions of the same lines, and numbers that differ in their last digit at most;
# of probabilities that is the fourth.
same_table() {
  awk -F, 'NR == FNR { a[FNR] = $0; n = FNR; next }
    { k = split(a[FNR], x); m = split($0, y); if (k != m) bad = 1
      if (FNR == 1) for (i = 1; i <= m; ++i) chance[i] = y[i] ~ /probability$|[.]p[.]/
      for (i = 1; i <= m; ++i) if (x[i] != y[i]) { d = x[i] - y[i]; if (d < 0) d = -d
        s = y[i] < 0 ? -y[i] : y[i]; if (y[i] + 0 == 0 || d > (chance[i] ? 2e-3 : 2e-5) * s) bad = 1 } }
    END { exit bad || n != FNR }' "$1" "$2" || fail "$1 and $2 differ"
}
