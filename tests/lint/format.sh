#!/usr/bin/env bash
# Every source is as clang-format 14 writes it (other versions differ in details: skipped).
cd "$(dirname "$0")/../.." || exit 1
for tool in clang-format-14 clang-format; do
  command -v $tool >/dev/null && $tool --version | grep -q 'version 14\.' && break
  tool=
done
[ -n "$tool" ] || { echo "clang-format 14 is not installed"; exit 77; }
find engine ops models io data train runner tests bench examples \( -name '*.h' -o -name '*.cpp' -o -name '*.cu' -o -name '*.cuh' \) \
  -print0 | xargs -0 -P "$(nproc)" -n 8 $tool --dry-run -Werror
