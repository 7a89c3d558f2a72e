#!/usr/bin/env bash
# export.sh WEFT: what a trained run is exported as. A table's network in C gives the numbers that
# `predict` gives, from the columns' own numbers; files, counts and refusals.
# shellcheck source=tests/support/table_run.sh
source "$(dirname "$0")/../support/table_run.sh"
# shellcheck source=tests/support/cli.sh
source "$(dirname "$0")/../support/cli.sh" "$1"

write_table_run .
expect 0 '^run folder: whole$' train run.toml --threads 1 --out whole
expect 0 '^whole/export/tiny.safetensors$' export whole
expect 0 '^  much alone ' export whole --out shipped --name net --format c --normalise inside
grep -qE '^full network +[0-9]+ +[0-9]+ +[0-9.]+$' out || fail "no line of the full network: $(cat out)"
grep -q 'output yes: binary, .*; above 0 it is 1, else 0; the chance' shipped/net.h || fail "net.h does not say what yes is: $(cat shipped/net.h)"
memory=$(sed -n 's/^static memory between layers: \([0-9]*\) bytes$/\1/p' out)
grep -qE "^#define NET_MEMORY $memory " shipped/net.h || fail "not the memory that net.h says: $memory"
expect 0 '^whole/export/tiny_much.bin$' export whole --format c --blob --task much
grep -q 'out_yes' whole/export/tiny_much.h && fail "--task much: a function has an output of yes"

expect 2 "there is no task 'mch'; the network has yes, much" export whole --task mch
expect 2 'weights lie beside a C source' export whole --blob
expect 2 '--size is for pictures' export whole --size 3x3
expect 2 "'3' is no HEIGHTxWIDTH" export whole --size 3
expect 2 "'9a' is no name for C functions" export whole --format c --name 9a
expect 2 'there is no such checkpoint' export shipped
expect 2 "'../net' is a path" export whole --name ../net

# An export may be written anew; nothing else is written over.
expect 0 '^whole/export/tiny.safetensors$' export whole
expect 0 '^shipped/net.c$' export whole --out shipped --name net --format c --normalise inside
echo 'int mine;' >mine.c
expect 2 '^weft: ./mine.c: is there, and no export' export whole --format c --out . --name mine
[ "$(cat mine.c)" = 'int mine;' ] && [ ! -e mine.h ] || fail "an export wrote over mine.c, or half of itself"
expect 2 'best.safetensors: is there, and no export' export whole --out whole/checkpoints --name best

# Rooms of another size than they were trained on.
write_rooms_run .
expect 0 '^run folder: pictures$' train rooms.toml --threads 1 --out pictures
expect 0 '^  depth alone ' export pictures --format c --size 40x24 --normalise inside
grep -qE '^#define ROOMS_INPUT 2880 ' pictures/export/rooms.h || fail "no input of 40 x 24 x 3"

# ONNX, where this weft was built with its library.
if "$weft" export whole --format onnx >out 2>&1; then
  expect 0 '^whole/export/tiny.onnx$' export whole --format onnx --normalise inside
  expect 0 '^size of pictures: any$' export pictures --format onnx
  expect 0 '^size of pictures: 40x24 alone$' export pictures --format onnx --size 40x24 --task depth
  expect 2 'safetensors and onnx hold them' export whole --format onnx --blob
  echo 'another model' >mine.onnx
  expect 2 '^weft: ./mine.onnx: is there, and no export' export whole --format onnx --out . --name mine
else
  grep -q 'install libonnx-dev (1.12 or later) and libprotobuf-dev' out || fail "export --format onnx: $(cat out)"
fi

command -v gcc >/dev/null || exit $broken
for header in shipped/net.h pictures/export/rooms.h; do
  gcc -std=c99 -Wall -Wextra -Wpedantic -Werror -O2 -c "${header%.h}.c" -o "${header%.h}.o" || broken=1
done
main_of_table shipped >main.c
gcc -std=c99 -O2 main.c shipped/net.o -o main -lm || broken=1
expect 0 'table-predicted.csv$' predict whole table.csv --out rows
tail -n +2 table.csv | ./main >c
awk -F, '$5 == "much" { print $6 }' rows/table-predicted.csv >predicted
[ "$(wc -l <c)" = 40 ] || fail "C predicted $(wc -l <c) rows of 40"
paste c predicted | awk '{ d = $1 - $2; if (d * d > 1e-10 * (1 + $2 * $2)) { print "C says " $1 ", predict " $2; exit 1 } }' || broken=1
exit $broken
