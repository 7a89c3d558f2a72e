#!/usr/bin/env bash
# moved.sh WEFT: a run goes on without its data, or with data that moved: predict and plan open no
# set, eval and --resume are told where it is, a relative root works from any folder, and data that
# changed in the meantime are named.
# shellcheck source=tests/support/cli.sh
source "$(dirname "$0")/../support/cli.sh" "$1"

"$weft" data scenes --count 6 --height 32 --width 32 --out scenes >/dev/null
mkdir set
i=0
echo 'photo,seg,pet,split' >set/index.csv
for photo in scenes/scene-*-image.png; do
  cp "$photo" "set/p$i.png"
  cp "${photo%-image.png}-segmentation.png" "set/s$i.png"
  echo "p$i.png,s$i.png,$([ $((i % 2)) -eq 0 ] && echo cat || echo bee),$([ $i -lt 4 ] && echo train || echo test)"
  i=$((i + 1))
done >>set/index.csv
cat >pets.toml <<'RUN'
sharing = "hard"
[model]
trunk = "resnet18"
width = 0.1
head = "linear"
[data]
kind = "csv"
root = "set"
image = "photo"
split = "split"
size = [32, 32]
batch = 2
workers = 0
[[task]]
name = "pet"
kind = "classification"
classes = 3
[retrain]
steps = 2
[eval]
every = 2
RUN
expect 0 '^run folder: r$' train pets.toml --out r --threads 1
grep -q "^root = \"$folder/set\"" r/run.toml || fail "run.toml: no absolute root"
expect 0 '^pet +loss' eval r
cp out before
(mkdir elsewhere && cd elsewhere && "$weft" eval ../r >../out 2>../err) || fail "eval from another folder: $(cat err)"
[ "$(tail -n 1 out)" = "$(tail -n 1 before)" ] || fail "another folder, another result: $(cat out)"

mv set moved
expect 0 'p1.png: pet (cat|bee)$' predict r moved/p1.png --out labels
grep -qE '^moved/p1.png,pet,(cat|bee),(0\.[0-9]+|1)$' labels/predictions.csv || fail "no probability: $(cat labels/predictions.csv)"
expect 0 'layer1.0' plan r
expect 2 "no folder $folder/set.*data.root=FOLDER" eval r
expect 2 "no folder $folder/set.*data.root=FOLDER" train --resume r
expect 0 '^pet +loss' eval r data.root=moved
[ "$(tail -n 1 out)" = "$(tail -n 1 before)" ] || fail "a moved root, another result: $(cat out)"
mv moved/p0.png p0.png # a training picture
expect 0 '^pet +loss' eval r data.root=moved
expect 2 'the data changed.*p0.png' train --resume r data.root=moved
mv p0.png moved/p0.png
expect 2 'data.root' eval r data.size='[16,16]'
cp -r r r2
expect 0 '^run folder: r2$' train --resume r2 data.root=moved --threads 1

# A new first line renumbers nothing; a new word is none that the network learned.
cp moved/index.csv index.csv
sed -i '1a p0.png,s0.png,bee,train' moved/index.csv
expect 0 '^pet +loss' eval r data.root=moved
[ "$(tail -n 1 out)" = "$(tail -n 1 before)" ] || fail "a new line, another result: $(cat out)"
cp -r r r3
expect 2 'the data changed.*7 samples, there were 6' train --resume r3 data.root=moved
expect 2 'the parts in a column' eval r data.root=moved --split val
sed -i '2s/bee/ant/' moved/index.csv
expect 2 "index.csv:2: column 'pet': 'ant' is not among the 2 classes" eval r data.root=moved
sed '2s/cat/bee/' index.csv >moved/index.csv
expect 2 'labels among p0.png differ' train --resume r3 data.root=moved
cp index.csv moved/index.csv
cmp r/checkpoints/last.safetensors r3/checkpoints/last.safetensors || fail "a refused resume wrote"
expect 0 '^run folder: r3$' train --resume r3 data.root=moved --threads 1
rm -r moved
expect 0 'image.png: pet (cat|bee)$' predict r scenes/scene-0001-image.png --out labels
exit $broken
