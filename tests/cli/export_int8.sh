#!/usr/bin/env bash
# export_int8.sh WEFT: --quantise prints what int8 costs beside f32, on data that may have moved; the C
# file predicts nearly what `predict` does; what has no int8 refuses, before the data are read.
# shellcheck source=tests/support/table_run.sh
source "$(dirname "$0")/../support/table_run.sh"
# shellcheck source=tests/support/transistors.sh
source "$(dirname "$0")/../support/transistors.sh"
# shellcheck source=tests/support/cli.sh
source "$(dirname "$0")/../support/cli.sh" "$1"

write_table_run .
expect 0 '^run folder: whole$' train run.toml --threads 1 --out whole
expect 0 '^whole/export/net.c$' export whole --format c --quantise --name net --normalise inside
grep -qE '^int8 by [0-9]+ training rows, on 8 rows of val:$' out || fail "not said on what: $(cat out)"
grep -qE '^much rmse +[0-9.]+ +[0-9.]+$' out || fail "no metric of much, f32 and int8: $(cat out)"
grep -qE '^yes accuracy +[0-9.]+ +[0-9.]+$' out || fail "no metric of yes: $(cat out)"
bytes=$(cat whole/export/net.h whole/export/net.c | wc -c)
grep -qE "^bytes of files +[0-9]+ +$bytes\$" out || fail "not the files' $bytes bytes: $(cat out)"
memory=$(sed -nE 's/^#define NET_MEMORY ([0-9]+) .*/\1/p' whole/export/net.h)
grep -qE "^static memory, bytes +[0-9]+ +$memory\$" out || fail "not the memory that net.h says: $(cat out)"
"$weft" eval whole --split val >evaluated 2>err || fail "eval: $(cat err)"
rmse=$(sed -nE 's/^much .* rmse ([0-9.]+).*/\1/p' evaluated)
grep -qE "^much rmse +$rmse " out || fail "f32's rmse is not eval's $rmse: $(cat out)"
expect 0 '^int8 by 5 training rows, on 8 rows of test:$' export whole --format c --quantise --name few --calibrate 5 --split test
mkdir elsewhere && mv table.csv elsewhere/
expect 2 'table.csv' export whole --format c --quantise
# What needs no data is refused before they are opened, let alone run through the network.
expect 2 "'9a' is no name for C functions" export whole --format c --quantise --name 9a
expect 0 '^whole/export/tiny_much.c$' export whole data.root=elsewhere --format c --quantise --task much
grep -q '^yes ' out && fail "--task much: measured yes"
mv elsewhere/table.csv .

for format in safetensors spice verilog-a; do
  expect 2 "--quantise: $format holds f32; int8 is for --format onnx and --format c" export whole --format $format --quantise
done
expect 2 'int8 weights of --quantise lie in the C source' export whole --format c --quantise --blob
expect 2 'data are read by --quantise alone' export whole data.root=. --format c
expect 2 'data are read by --quantise alone' export whole --calibrate 9 --format c
expect 2 'data are read by --quantise alone' export whole --calibrate 256 --format c  # the default, too
expect 2 'keeps its run file' export whole model.hidden=4 --format c --quantise
head -n 30 table.csv >short && mv short table.csv
expect 2 'export --quantise: the samples changed since training' export whole --format c --quantise
[ -e whole/export/tiny.c ] && fail "a refused export wrote a file"
write_table_run .

# Rooms: dense tasks; ONNX where this weft has its library.
write_rooms_run .
expect 0 '^run folder: pictures$' train rooms.toml --threads 1 --out pictures
expect 0 '^pictures/export/rooms.c$' export pictures --format c --quantise
grep -qE '^int8 by 6 training images, on 2 images of val:$' out || fail "not said on what: $(cat out)"
grep -qE '^seg miou +[0-9.]+ +[0-9.]+$' out || fail "no metric of seg: $(cat out)"
grep -qE '^depth rel +[0-9.]+ +[0-9.]+$' out || fail "no metric of depth: $(cat out)"
if "$weft" export whole --format onnx >out 2>&1; then
  expect 0 '^size of pictures: any$' export pictures --format onnx --quantise
  grep -q QuantizeLinear pictures/export/rooms.onnx || fail "an ONNX file without int8"
fi

# Slopes: an int8 network has none to measure, and says so rather than leave them out.
write_transistors .
awk -F, -v OFS=, '{ print $0, NR == 1 ? "gm" : 5 * $8 }' transistors.csv >with_gm.csv
sed -e 's/transistors.csv/with_gm.csv/' -e 's/steps = 800/steps = 4/' -e 's/warmup = 50/warmup = 1/' \
  -e 's/every = 400/every = 4/' -e 's/^floor = .*/&\nslopes = ["gm: vgs"]/' transistors.toml >slopes.toml
expect 0 '^run folder: fets$' train slopes.toml --threads 1 --out fets
expect 0 '^id-nfet gm: not measured: int8 outputs are constant from step to step' export fets --format c --quantise
grep -qE '^id-pfet target_rmse +[0-9.]+ +[0-9.]+$' out || fail "no metric of the other transistor: $(cat out)"
grep -q 'percent_slope' out && fail "slopes of an int8 network: $(cat out)"

command -v gcc >/dev/null || exit $broken
gcc -std=c99 -Wall -Wextra -Wpedantic -Werror -O2 -c pictures/export/rooms.c -o rooms.o || broken=1
main_of_table whole/export >main.c
gcc -std=c99 -Wall -Wextra -Wpedantic -Werror -O2 main.c whole/export/net.c -o main || broken=1  # without -lm
expect 0 'table-predicted.csv$' predict whole table.csv --out rows
tail -n +2 table.csv | ./main >c
awk -F, '$5 == "much" { print $6 }' rows/table-predicted.csv >predicted
[ "$(wc -l <c)" = 40 ] || fail "C predicted $(wc -l <c) rows of 40"
# By 256 steps a layer: within 5 % of what the predictions span.
paste c predicted | awk '{ if (NR == 1 || $2 > high) high = $2; if (NR == 1 || $2 < low) low = $2
  d = $1 - $2; if (d < 0) d = -d; if (d > off) off = d; differ += d > 1e-6 }
  END { if (off > 0.05 * (high - low) || !differ) { print "C is off by " off " of " low " .. " high; exit 1 } }' || broken=1
exit $broken
