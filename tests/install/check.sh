#!/usr/bin/env bash
# check.sh BUILD: installs weft into a folder of its own, then builds and runs examples/ against it
# with find_package(weft) alone.
set -euo pipefail
build=$1
root=$(cd "$(dirname "$0")/../.." && pwd)
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cmake --build "$build" -t weft weft_cli >/dev/null
cmake --install "$build" --prefix "$folder/prefix" >/dev/null
"$folder/prefix/bin/weft" --version
cp -r "$root/examples" "$folder/examples"
cmake -S "$folder/examples" -B "$folder/build" -DCMAKE_PREFIX_PATH="$folder/prefix" \
  -DCMAKE_BUILD_TYPE=Release
cmake --build "$folder/build" -j "$(nproc)"
cd "$folder/build"
ctest --output-on-failure
