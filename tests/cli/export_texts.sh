#!/usr/bin/env bash
# export_texts.sh WEFT: what a run on texts is exported as. weft-run predicts of its file what `predict`
# does of the run, and so does C from the text itself: characters of an alphabet or bytes, texts that are
# cut off, two columns as one text, tasks of the same texts and with texts of their own, both heads.
# shellcheck source=tests/support/table_run.sh
source "$(dirname "$0")/../support/table_run.sh"
# shellcheck source=tests/support/cli.sh
source "$(dirname "$0")/../support/cli.sh" "$1"
runner=$(dirname "$weft")/weft-run

# 40 texts of 3 to 27 characters; some are é, capitals, escapes (\n), or none of the alphabet.
texts() {
  awk -v seed="$1" 'BEGIN {
    srand(seed); n = split("a b c d é E x ! ? , \\n", letter, " "); print "head,body,sort,mark,whose"
    for (i = 0; i < 40; ++i) {
      text = ""; for (c = 0; c < 2 + int(rand() * 25); ++c) text = text letter[1 + int(rand() * n)]
      printf "\"%s\",\"%s\",%s,%d,%s\n", substr("xyz", 1 + i % 3, 1), text, i % 2 ? "odd" : "even", i % 3 == 0, i % 2 ? "sort" : "mark"
    } }'
}
# run_file NAME HEAD ALPHABET LINES_OF_DATA [LINES_OF_SORT LINES_OF_MARK]
run_file() {
  printf '%s\n' "name = \"$1\"" '[model]' 'trunk = "vdcnn9"' 'width = 0.0625' 'embedding = 4' 'head_width = 8' \
    "head = \"$2\"" "$( [ "$2" = k_max ] && echo 'k_max = 2')" '[data]' 'kind = "text"' 'root = "."' 'ratio = [0.2, 0.2]' \
    "$3" 'length = 20' 'batch = 4' 'workers = 0' "$4" \
    '[[task]]' 'name = "sort"' 'kind = "classification"' 'classes = 2' "${5:-}" \
    '[[task]]' 'name = "mark"' 'kind = "binary"' 'names = ["no", "marked"]' "${6:-}"
  phases
}
texts 1 >one.csv
texts 2 >two.csv
columns='columns = ["body"]'
letters='alphabet = "abcdé !?"'
run_file shared k_max "$letters" "index = \"one.csv\"
columns = [\"head\", \"body\"]" >shared.toml
run_file bytes linear "" "index = \"one.csv\"
$columns" >bytes.toml
run_file own k_max "$letters" "$columns
escapes = true" 'index = "one.csv"' 'index = "two.csv"' >own.toml
run_file rows linear "$letters" "index = \"one.csv\"
$columns
task_column = \"whose\"" >rows.toml

run_file apart linear "$letters" "$columns" 'index = "one.csv"
columns = ["head", "body"]' 'index = "two.csv"' >apart.toml

for run in shared bytes own rows; do
  expect 0 "^run folder: $run$" train $run.toml --threads 1 --out $run
  expect 0 'predicted.csv$' predict $run two.csv --out asked-$run
  expect 0 "^$run/export/$run.safetensors$" export $run
  if [ -x "$runner" ]; then
    "$runner" $run/export/$run.safetensors two.csv --out "run-$run" >said 2>times || fail "weft-run: $(cat times)"
    same_table asked-$run/two-predicted.csv "run-$run/two-predicted.csv"
  fi
done
[ -x "$runner" ] || echo "skipped: weft-run was not built"
awk -F, 'NR > 1 && $NF == "" { empty = 1 } END { exit !empty }' asked-rows/two-predicted.csv || fail "rows of a task have other tasks' predictions"

# Tasks that join columns of their own are asked for one by one, and read with theirs.
expect 0 '^run folder: apart$' train apart.toml --threads 1 --out apart
expect 2 'sort "head", "body", mark "body"; a file has one way, so ask for tasks that are read alike: --task sort' predict apart two.csv
expect 2 'sort "head", "body", mark "body"; a file has one way' export apart
expect 2 "there is no task 'sorts'; the run has sort, mark" predict apart two.csv --task sorts
for task in sort mark; do
  expect 0 'predicted.csv$' predict apart two.csv --task $task --out asked-$task
  expect 0 "^apart/export/apart_$task.safetensors$" export apart --task $task
  [ -x "$runner" ] || continue
  "$runner" apart/export/apart_$task.safetensors two.csv --out run-$task >said 2>times || fail "weft-run: $(cat times)"
  same_table asked-$task/two-predicted.csv run-$task/two-predicted.csv
done
expect 0 '^c/apart.c$' export apart --format c --out c
grep -q 'The text of sort: head, body, without' c/apart.h || fail "C does not say what each task's text is"

expect 0 '^own/export/own_mark.safetensors$' export own --task mark
expect 2 '--size is for pictures; a text.s length is the run.s data.length' export own --size 3x3
expect 2 'spice and verilog-a are of networks on tables' export own --format spice
expect 2 'networks of texts are exported in f32 alone' export own --format onnx --quantise
if "$weft" export own --format onnx >out 2>&1; then
  expect 0 '^own/export/own.onnx$' export own --format onnx
  grep -q 'size of pictures' out && fail "texts have a size of pictures: $(cat out)"
fi

command -v gcc >/dev/null || exit $broken
for run in shared bytes; do
  expect 0 "^c/$run.c$" export $run --format c --out c
  cat >main.c <<C
#include <stdio.h>
#include <string.h>
#include "c/$run.h"
int main(void) {
  static char line[1000];
  float ids[$(echo $run | tr a-z A-Z)_INPUT], sort[2];
  while (fgets(line, sizeof line, stdin)) {
    line[strcspn(line, "\n")] = 0;
    ${run}_encode(line, ids);
    ${run}_run_sort(ids, sort);
    puts(sort[1] > sort[0] ? "odd" : "even");
  }
  return 0;
}
C
  gcc -std=c99 -Wall -Wextra -Wpedantic -Werror -O2 main.c c/$run.c -o main -lm || broken=1
  # The texts have no quotes: cells end at them. Two columns are one text, with a space between them.
  sed -E '1d; s/^"([^"]*)","([^"]*)".*/\1 \2/' two.csv | if [ $run = bytes ]; then cut -c 3-; else cat; fi | ./main >c.txt
  awk '/,(sort|mark),sort,/ { sub(/.*,(sort|mark),sort,/, ""); sub(/,.*/, ""); print }' asked-$run/two-predicted.csv >predict.txt
  [ "$(wc -l <predict.txt)" = 40 ] || fail "predict gave $(wc -l <predict.txt) of 40 sorts"
  cmp c.txt predict.txt || fail "$run in C predicts other classes than predict"
done
exit $broken
