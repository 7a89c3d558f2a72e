#!/usr/bin/env bash
# weft_run.sh WEFT: build/weft-run predicts of an export what `predict` does of its run: rows of a
# table, whichever way they are normalised, and pictures of any size, in folders too, in both semantics.
# shellcheck source=tests/support/table_run.sh
source "$(dirname "$0")/../support/table_run.sh"
# shellcheck source=tests/support/cli.sh
source "$(dirname "$0")/../support/cli.sh" "$1"

runner=$(dirname "$weft")/weft-run
[ -x "$runner" ] || { echo "skipped: weft-run was not built"; exit 0; }

write_table_run .
sed -i 's/^kind = "binary"/&\nnames = ["no", "sure"]/' run.toml
expect 0 '^run folder: whole$' train run.toml --threads 1 --out whole
table=table.csv
name=table
expect 0 "predicted" predict whole "$table" --out asked
grep -qE ',yes,(no|sure),[01][.0-9]*(,[0-9.e-]+){2}$' asked/table-predicted.csv || fail "no class names in asked/table-predicted.csv"
for normalise in outside inside; do
  expect 0 '^whole/export/tiny.safetensors$' export whole --normalise "$normalise"
  "$runner" whole/export/tiny.safetensors "$table" --out "$normalise" >said 2>times || fail "weft-run: $(cat times)"
  same_table "asked/$name-predicted.csv" "$normalise/$name-predicted.csv"
  grep -q "^$table: $normalise/$name-predicted.csv$" said || fail "weft-run said: $(cat said)"
  grep -qE '^all +[0-9]+( +[0-9.]+){3}$' times || fail "no latency of all tasks: $(cat times)"
  grep -qE '^processor +[0-9]+( +[0-9.]+){3}$' times || fail "no processor time: $(cat times)"
  grep -qE '^much +[0-9]+( +[0-9.]+){3}$' times || fail "no latency of a task: $(cat times)"
done
expect 0 '^whole/export/one.safetensors$' export whole --task much --name one
"$runner" whole/export/one.safetensors "$table" --out one >said 2>times || fail "weft-run: $(cat times)"
# It has no classes, so no probabilities.
grep -vE ',yes(,[^,]*){4}$' "asked/$name-predicted.csv" | sed -E 's/(,[^,]*){3}$//' >much.csv
same_table much.csv "one/$name-predicted.csv"

write_rooms_run .
printf '%s\n' '[[task]]' 'name = "room"' 'kind = "classification"' 'classes = 6' >>rooms.toml
expect 0 '^run folder: pictures$' train rooms.toml --threads 1 --out pictures
python3 - <<'P' || { echo "skipped: no python3 to make photographs"; exit $broken; }
import os, struct, zlib
os.mkdir("photographs")
def chunk(kind, data): return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
for name, h, w in (("tall", 56, 40), ("wide", 33, 50)):
    rows = b"".join(b"\0" + bytes((x * 5 + c * 70) % 256 if (x // 8 + y // 8) % 2 else (y * 4 + c * 30) % 256
                                   for x in range(w) for c in range(3)) for y in range(h))
    with open(f"photographs/{name}.png", "wb") as f:
        f.write(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", w, h, 8, 2, 0, 0, 0)) +
                chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b""))
P
# pictures_agree RUN: as its exports are normalised, maps and labels of every photograph are predict's.
pictures_agree() {
  local run=$1 normalise file
  expect 0 '.png, .npy' predict "$run" photographs/* --out "$run-asked"
  for normalise in outside inside; do
    expect 0 "^$run/export/rooms.safetensors\$" export "$run" --normalise "$normalise"
    "$runner" "$run/export/rooms.safetensors" photographs --out "$run-$normalise" >said 2>times || fail "weft-run: $(cat times)"
    sed "s,$run-asked/,$run-$normalise/," "$run-asked/predictions.csv" >predictions.csv
    same_table predictions.csv "$run-$normalise/predictions.csv"
    for file in "$run-asked"/*.png "$run-asked"/*.npy; do
      [ -s "$run-$normalise/$(basename "$file")" ] || fail "weft-run wrote no $run-$normalise/$(basename "$file")"
      [ "$(stat -c %s "$file")" = "$(stat -c %s "$run-$normalise/$(basename "$file")")" ] || [ "${file##*.}" = png ] ||
        fail "$file is of another size than $normalise's"
    done
  done
  python3 -c 'import numpy' 2>/dev/null || return 0
  python3 - "$run" <<'P' || fail "predictions of weft-run and weft differ"
import glob, numpy, os, sys
for path in glob.glob(sys.argv[1] + "-asked/*.npy"):
    a = numpy.load(path)
    for other in ("outside", "inside"):
        b = numpy.load(os.path.join(f"{sys.argv[1]}-{other}", os.path.basename(path)))
        if a.shape != b.shape: sys.exit(f"{path}: shapes")
        whole = (a == a.round()).all()  # class ids: a tie may fall the other way
        off = (a != b).mean() if whole else abs(a - b).max() / abs(a).max()
        if off > (1e-3 if whole else 1e-4): sys.exit(f"{path}, {other}: {off}")
P
}
pictures_agree pictures

# The official code's semantics: bottlenecks stride in their first convolution, and outputs grow to the
# photograph's size by another rule.
sed -e '1i semantics = "compat"' -e 's/^\[model\]$/&\ntrunk = "resnet50"/' rooms.toml >compat.toml
expect 0 '^run folder: compat$' train compat.toml --threads 1 --out compat
pictures_agree compat
exit $broken
