#!/usr/bin/env bash
# tables.sh WEFT: a table through every command: one [[task]] that stands for three, trained under
# AdaShare, resumed, evaluated, its plan; and the commands that are for pictures say so.
# shellcheck source=tests/support/cli.sh
source "$(dirname "$0")/../support/cli.sh" "$1"

{
  echo 'shop,kind,size,price'
  for i in $(seq 120); do
    echo "$((i % 3)),$([ $((i % 4)) -eq 0 ] && echo big || echo small),$((i % 7)),$((i % 7 * (i % 3 + 1)))"
  done
} >prices.csv
cat >prices.toml <<'RUN'
[model]
trunk = "mlp"
hidden = 8
blocks = 3
[data]
kind = "tabular"
root = "."
index = "prices.csv"
categorical = ["kind"]
task_column = "shop"
ratio = [0.2, 0.2]
batch = 8
[[task]]
name = "price"
kind = "regression"
standardize = true
[warmup]
steps = 4
[policy]
steps = 9
weight_steps = 2
logit_steps = 1
curriculum_speed = 1
draws = 2
[retrain]
steps = 6
[eval]
every = 5
RUN

expect 0 'about [0-9.]* s in all' train prices.toml --dry-run
expect 0 '^run folder: first$' train prices.toml --out first --threads 1
[ "$(grep -c '^\[\[task\]\]' first/run.toml)" = 3 ] || fail "run.toml: not 3 tasks"
grep -q '^in_channels = 3$' first/run.toml || fail "run.toml: no in_channels = 3"
expect 0 '^run folder: second$' train prices.toml --out second --threads 2
cmp first/checkpoints/last.safetensors second/checkpoints/last.safetensors || broken=1
# A run folder's own run file is complete: the table is read again, and adds nothing to it.
expect 0 '^run folder: second$' train --resume second --threads 1
cmp first/checkpoints/last.safetensors second/checkpoints/last.safetensors || broken=1
expect 0 '^price-2 .*r2' eval first
# The first rows of the test, as they stand in the table, with labels and predictions, in the page.
[ "$(head -1 first/rows.csv)" = 'shop,kind,size,price,predicted.task,predicted' ] || fail "rows.csv: $(head -1 first/rows.csv)"
[ "$(wc -l <first/rows.csv)" -eq 7 ] || fail "rows.csv: not 6 rows"
while read -r row; do grep -qx "${row%,price-*}" prices.csv || fail "rows.csv: $row is no row of the table"; done < <(sed 1d first/rows.csv)
expect 0 '^first/report.html' report first
grep -q '<th>price</th><th>predicted.task</th><th>predicted</th>' first/report.html || fail "the page has no rows"
expect 0 'blocks.2' plan first
expect 0 'blocks.2' plan prices.toml
expect 0 '^run folder: one$' train prices.toml 'task.price.rows="1"' sharing=hard --out one --threads 1
# Ten tasks are too many to name in a line of progress.
awk -F, -v OFS=, 'NR > 1 { $1 = NR % 10 } 1' prices.csv >ten.csv
expect 0 'mean loss of 10 tasks' train prices.toml data.index=ten.csv sharing=hard --out ten --threads 1
expect 0 'prices\.csv: rows/prices-predicted\.csv$' predict first prices.csv --out rows
[ "$(wc -l <rows/prices-predicted.csv)" = "$(wc -l <prices.csv)" ] || fail "predict: not every row"
head -1 rows/prices-predicted.csv | grep -q ',predicted.task,predicted$' || fail "predict: no columns"
mkdir -p again && cp prices.csv again/
expect 2 'prices.csv and again/prices.csv would both be written to twice/prices-predicted.csv' predict first prices.csv again/prices.csv --out twice
[ -e twice ] && fail "predict: a refused prediction left a folder"
# A column that curves cannot be drawn over is refused before any row is predicted.
expect 2 "--curves: 'weight' is no numeric input column.*size" predict first prices.csv --out curves --curves weight
expect 2 "--curves: 'kind' is no numeric input column" predict first prices.csv --out curves --curves kind
[ -e curves ] && fail "predict: refused curves left a folder"
expect 0 'curves/prices-predicted-price-1.svg$' predict first prices.csv --out curves --curves size
expect 0 '^least loss at .*a beginning: warmup.optimizer.lr=' lr prices.toml --steps 30 --threads 1 --out lr.svg
grep -q '</svg>' lr.svg || fail "lr: no picture"
expect 0 'a beginning: policy.optimizer.lr=' lr prices.toml warmup.steps=0 --steps 10 --threads 1 --out lr.svg
expect 2 'the loss burst at once.*less than --low 1e\+35' lr prices.toml --low 1e35 --high 1e36 --threads 1 --out no.svg
expect 2 'rates rise from low to high' lr prices.toml --low 1 --high 0.1 --out no.svg
[ -e no.svg ] && fail "lr: a refused test left a picture"
sed '3s/^[0-9]*/9/' prices.csv >odd.csv
expect 2 "odd.csv:3: column 'shop' says '9', which is not among the 3 values" predict first odd.csv --out odd
[ -e odd ] && fail "predict: a refused prediction left a folder"
# What predict wrote, or a second file that is wrong, is refused before anything is written.
expect 2 "prices-predicted.csv: has a column 'predicted.task' already" predict first rows/prices-predicted.csv --out twice
expect 2 "odd.csv:3: column 'shop'" predict first prices.csv odd.csv --out twice
[ -e twice ] && fail "predict: a refused prediction left a folder"
# A row that names no task has all of them, and empty cells stay in their columns.
{ head -1 prices.csv; echo ',big,3,'; echo '2,small,,5'; } >few.csv
expect 0 'few-predicted.csv$' predict first few.csv --out few
sed 's/[^,]*$/N/' few/few-predicted.csv | tail -n +2 >few.txt
printf '%s\n' ,big,3,,price-{0,1,2},N 2,small,,5,price-2,N | cmp - few.txt || fail "predict: $(cat few/few-predicted.csv)"
expect 2 "'small' is no number.*data.categorical" train prices.toml data.categorical=[] --out no
expect 2 "there is no 'weight'|no column 'weight'" train prices.toml task.price.column=weight --out no
expect 2 'vgg16.*has none' train prices.toml model.trunk=vgg16 data.kind=scenes data.task_column= data.categorical=[] \
  task.price.kind=binary task.price.standardize=false --out no
# From a CSV to predictions: what new guesses trains, and predict says classes and how sure it is.
awk -F, -v OFS=';' 'NR == 1 { print "row", $2, $3, $4, "note", "cheap" } NR > 1 { print NR, $2, $3, (NR % 9 ? $4 : "NA"), "n" NR, ($4 > 5 ? "dear" : "fair") }' \
  prices.csv >flats.csv
expect 0 '^  cheap binary: 120 labels; the most frequent class alone is right in [0-9.]* %$' new --data flats.csv
grep -q '^  inputs: kind, size, price$' out || fail "new does not say the inputs: $(cat out)"
grep -q '^  left out: row, note$' out || fail "new does not say what is left out: $(cat out)"
grep -q '^the tasks are guessed .*; --task a,b says otherwise$' out || fail "new does not say that it guessed"
expect 2 'flats.toml exists' new --data flats.csv
expect 0 '^  price regression: 10[0-9] of 120 labels; their mean alone' new --data flats.csv --task cheap,price --out two.toml
grep -q '^categorical = \["kind"\]$' two.toml || fail "new: $(cat two.toml)"
expect 0 '^run folder: flats$' train flats.toml retrain.steps=20 eval.every=10 data.workers=0 --out flats --threads 1
expect 0 'flats-predicted.csv$' predict flats flats.csv --out sure
[ "$(wc -l <sure/flats-predicted.csv)" = 121 ] || fail "predict: not a line for each flat: $(cat sure/flats-predicted.csv)"
head -1 sure/flats-predicted.csv | grep -q ',predicted.task,predicted,predicted.probability,cheap.p.dear,cheap.p.fair$' ||
  fail "predict: no column for each class: $(head -1 sure/flats-predicted.csv)"
sed 1d sure/flats-predicted.csv | grep -vE ',cheap,(dear|fair)(,[0-9.e-]+){3}$' && fail "predict: no class, or no probabilities"
# The class that is named is the likelier one, and they are all.
awk -F, 'NR > 1 { dear = $(NF - 1); fair = $NF; named = $(NF - 3) == "dear" ? dear : fair
  if (named != $(NF - 2) || named < 0.5 || (s = dear + fair) < 0.999 || s > 1.001) exit 1 }' sure/flats-predicted.csv ||
  fail "predict: $(head -3 sure/flats-predicted.csv)"
expect 0 '^run folder: two$' train two.toml warmup.steps=2 policy.steps=6 policy.weight_steps=1 policy.logit_steps=1 \
  retrain.steps=4 data.workers=0 --out two --threads 1
expect 0 'flats-predicted.csv$' predict two flats.csv --out both
grep -qE ',price,-?[0-9.e+-]+,,,$' both/flats-predicted.csv || fail "predict: a number with probabilities"
[ -e no ] && fail "a run that cannot start left a folder"
exit $broken
