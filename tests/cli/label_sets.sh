#!/usr/bin/env bash
# label_sets.sh WEFT: a column of several classes a cell, from `new` to weft-run: guessed, learned to
# better than a constant, measured, predicted in cells like those that it was learned from, exported.
# shellcheck source=tests/support/cli.sh
source "$(dirname "$0")/../support/cli.sh" "$1"

{
  echo 'x,h,tags'
  for i in $(seq 0 239); do
    x=$((i * 7 % 11)) h=$((i * 5 % 13)) tags=
    [ $x -gt 4 ] && tags=wide
    [ $h -gt 6 ] && tags=${tags:+$tags;}tall
    [ $((x + h)) -gt 14 ] && tags=${tags:+$tags;}large
    [ $((i % 40)) = 3 ] && tags= || tags=${tags:-;}
    echo "$x,$h,$tags"
  done
} >boxes.csv
expect 0 'tags multilabel.*234 of 240 labels of 1\.[0-9] classes each' new --data boxes.csv --out boxes.toml
grep -q '^kind = "multilabel"  # large = 0, tall = 1, wide = 2$' boxes.toml || fail "boxes.toml: $(cat boxes.toml)"
expect 0 '^run folder: run$' train boxes.toml --threads 1 --out run retrain.steps=400 eval.every=50
expect 0 '^tags .*map 9[0-9]\.|^tags .*map 100' eval run
expect 0 '^tags .*f1 .*micro_f1 .*exact_match' eval run
grep -q '"classes":\["large","tall","wide"\]' run/data.json || fail "data.json names no classes"
printf 'x,h\n10,12\n0,0\n9,1\n' >new.csv
expect 0 'predicted' predict run new.csv --out asked
grep -qx '10,12,tags,large;tall;wide,[01][.0-9]*;[01][.0-9]*;[01][.0-9]*,[01][.0-9]*,[01][.0-9]*,[01][.0-9]*' asked/new-predicted.csv || fail "$(cat asked/new-predicted.csv)"
grep -qx '0,0,tags,;,,0[.0-9]*,0[.0-9]*,0[.0-9]*' asked/new-predicted.csv || fail "no empty set in $(cat asked/new-predicted.csv)"
expect 0 '^run/export/boxes.onnx$' export run --format onnx
expect 0 'boxes\.c' export run --format c
grep -q 'a class is there where its number x is above 0.*0 large, 1 tall, 2 wide' run/export/boxes.h || fail "boxes.h says not what its numbers are"
expect 0 '^run/export/boxes.safetensors$' export run
runner=$(dirname "$weft")/weft-run
if [ -x "$runner" ]; then
  "$runner" run/export/boxes.safetensors new.csv --out ran >said 2>&1 || fail "weft-run: $(cat said)"
  cut -d, -f1-4 asked/new-predicted.csv >a && cut -d, -f1-4 ran/new-predicted.csv >b && cmp a b || broken=1
fi
expect 0 'page.html' report run --out page.html
for part in 'tags: class by class' '<td>tall</td><td>[0-9]' 'tags: how sure, how right' '<td>tags alone</td>' \
  '<th>tags</th><th>predicted.task</th><th>predicted</th><th>predicted.probability</th>'; do
  grep -qE "$part" page.html || fail "the page lacks $part"
done
sed -i 's/^10,12,.*/&/; 3s/,[^,]*$/,cow/' boxes.csv
expect 2 "boxes.csv: column 'tags' names 4 classes, but task 'tags' has 3" train boxes.toml --out other
# Pictures learn sets by the same head.
expect 0 'scenes' data scenes --out rooms --count 12 --height 32 --width 32
{
  echo 'image,things'
  for i in $(seq 0 11); do
    things=$([ $((i % 2)) = 0 ] && echo 'bed|lamp' || echo 'lamp')
    [ $((i % 3)) = 0 ] && things="$things|chair"
    printf 'scene-%04d-image.png,%s\n' "$i" "$things"
  done
} >rooms/index.csv
expect 0 'things multilabel' new --data rooms --out rooms.toml
expect 0 '^run folder: pictures$' train rooms.toml model.width=0.06 \
  model.head=linear warmup.steps=2 policy.steps=4 policy.weight_steps=1 policy.logit_steps=1 \
  retrain.steps=3 eval.every=2 --threads 1 --out pictures
expect 0 'things ' predict pictures rooms/scene-0001-image.png --out shown
exit $broken
