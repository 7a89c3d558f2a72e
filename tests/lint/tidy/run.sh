#!/usr/bin/env bash
# run.sh BUILD: clang-tidy's checks of .clang-tidy over the library and the command.
cd "$(dirname "$0")/../../.." || exit 1
command -v clang-tidy >/dev/null || { echo "clang-tidy is not installed"; exit 77; }
find engine ops models io data train -name '*.cpp' -print0 |
  xargs -0 -P "$(nproc)" -n 4 clang-tidy --quiet -p "$1" --warnings-as-errors='*' \
    --extra-arg=-Wno-unknown-warning-option 2>/dev/null
