#!/usr/bin/env bash
# small_stem.sh WEFT: a ResNet for pictures of 32 x 32 from its plan to every export; where a trunk has
# no such stem, or a file has another one, that is said.
# shellcheck source=tests/support/cli.sh
source "$(dirname "$0")/../support/cli.sh" "$1"

cat >tiny.toml <<'RUN'
name = "tiny"
sharing = "hard"
[model]
stem = "small"
form = "plain"
width = 0.0625
head = "linear"
[data]
size = [32, 32]
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
name = "room"
kind = "classification"
classes = 6
[retrain]
steps = 4
RUN
# 4, 8, 16 and 32 channels: the stem has 3 x 3 x 3 x 4 weights, the large one 7 x 7 x 3 x 4.
expect 0 'layer4.1' plan tiny.toml
cp out small
sed 's/^stem = "small"/stem = "large"/' tiny.toml >large.toml
expect 0 'layer4.1' plan large.toml
cmp -s small out && fail "plans of both stems are the same"
expect 0 '^run folder: run$' train tiny.toml --threads 1 --out run
expect 0 '^seg ' eval run
expect 0 'scenes in rooms' data scenes --out rooms --count 1 --height 32 --width 32
expect 0 'room ' predict run rooms/scene-0000-image.png --out asked
expect 0 '^run/export/tiny.onnx$' export run --format onnx
expect 0 '^run/export/tiny.c$|tiny\.c' export run --format c
expect 0 '^run/export/tiny.safetensors$' export run
gcc -std=c99 -Wall -Werror -O1 -c run/export/tiny.c -o tiny.o || broken=1
runner=$(dirname "$weft")/weft-run
if [ -x "$runner" ]; then
  "$runner" run/export/tiny.safetensors rooms/scene-0000-image.png --out ran >said 2>&1 || fail "weft-run: $(cat said)"
  cmp asked/scene-0000-image-seg.png ran/scene-0000-image-seg.png || broken=1
fi
mkdir new
# A trunk of the other stem is not taken for it.
expect 2 'conv1.weight' train tiny.toml model.stem=large model.init=run/checkpoints/best.safetensors --out other
expect 0 'taken' train tiny.toml model.init=run/checkpoints/best.safetensors --out tuned --threads 1
expect 0 'run/checkpoints/best.safetensors: 100 of 100 tensors of the trunk taken; heads taken: seg, room$' \
  train tiny.toml model.init=run model.init_heads=true --out heads --threads 1
expect 2 'new/checkpoints/last.safetensors: there is no such checkpoint' train tiny.toml model.init=new --out other
expect 2 "'model.init_heads' takes the heads of model.init, which is not given" train tiny.toml model.init_heads=true --out other
expect 2 "'model.stem' is \"small\", which ResNets alone have; vgg16 begins with" train tiny.toml --out other model.trunk=vgg16
expect 2 "'model.stem' is \"small\", which ResNets alone have; mlp sees no" train tiny.toml --out other model.trunk=mlp
[ -e other ] && fail "a refused run left a folder"
exit $broken
