#!/usr/bin/env bash
# weft_run.sh WEFT: build/weft-run predicts of an export what `predict` does of its run: rows of a
# table, whichever way they are normalised, and pictures of any size, in folders too.
# shellcheck source=tests/support/table_run.sh
source "$(dirname "$0")/../support/table_run.sh"
# shellcheck source=tests/support/cli.sh
source "$(dirname "$0")/../support/cli.sh" "$1"

runner=$(dirname "$weft")/weft-run
[ -x "$runner" ] || { echo "skipped: weft-run was not built"; exit 0; }

# The same lines, and numbers that differ in their last digit at most; of probabilities that is the fourth.
same_table() {
  awk -F, 'NR == FNR { a[FNR] = $0; n = FNR; next }
    { k = split(a[FNR], x); m = split($0, y); if (k != m) bad = 1
      if (FNR == 1) for (i = 1; i <= m; ++i) chance[i] = y[i] ~ /probability$|[.]p[.]/
      for (i = 1; i <= m; ++i) if (x[i] != y[i]) { d = x[i] - y[i]; if (d < 0) d = -d
        s = y[i] < 0 ? -y[i] : y[i]; if (y[i] + 0 == 0 || d > (chance[i] ? 2e-3 : 2e-5) * s) bad = 1 } }
    END { exit bad || n != FNR }' "$1" "$2" || fail "$1 and $2 differ"
}

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
expect 0 '.png, .npy' predict pictures photographs/* --out asked
for normalise in outside inside; do
  expect 0 '^pictures/export/rooms.safetensors$' export pictures --normalise "$normalise"
  "$runner" pictures/export/rooms.safetensors photographs --out "$normalise" >said 2>times || fail "weft-run: $(cat times)"
  sed "s,asked/,$normalise/," asked/predictions.csv >predictions.csv
  same_table predictions.csv "$normalise/predictions.csv"
  for file in asked/*.png asked/*.npy; do
    [ -s "$normalise/$(basename "$file")" ] || fail "weft-run wrote no $normalise/$(basename "$file")"
    [ "$(stat -c %s "$file")" = "$(stat -c %s "$normalise/$(basename "$file")")" ] || [ "${file##*.}" = png ] ||
      fail "$file is of another size than $normalise's"
  done
done
if python3 -c 'import numpy' 2>/dev/null; then
  python3 - <<'P' || fail "predictions of weft-run and weft differ"
import glob, numpy, os, sys
for path in glob.glob("asked/*.npy"):
    a = numpy.load(path)
    for other in ("outside", "inside"):
        b = numpy.load(os.path.join(other, os.path.basename(path)))
        if a.shape != b.shape: sys.exit(f"{path}: shapes")
        whole = (a == a.round()).all()  # class ids: a tie may fall the other way
        off = (a != b).mean() if whole else abs(a - b).max() / abs(a).max()
        if off > (1e-3 if whole else 1e-4): sys.exit(f"{path}, {other}: {off}")
P
fi
exit $broken
