#!/usr/bin/env bash
# coverage.sh [FILTER]: which lines of engine, ops, models, io and data the suite runs, on the CPU; fails
# where a folder is under 90 %; build/coverage/missed.txt has the lines that it does not run. It builds
# build/coverage (g++, -O1: the lines are counted before the optimiser moves them) and takes a while, which is
# why ./weft test --all does not. gcov writes one JSON a unit; a line is covered where any unit ran it.
set -euo pipefail
cd "$(dirname "$0")/.."
dir=build/coverage
cmake -S . -B $dir -DWEFT_CUDA=OFF -DWEFT_BUILD_TESTS=ON -DCMAKE_CXX_COMPILER=g++ \
  -DCMAKE_BUILD_TYPE=Debug -DCMAKE_CXX_FLAGS_DEBUG="-O1 --coverage" >/dev/null
cmake --build $dir -j "$(nproc)" -t weft_tests
find $dir -name '*.gcda' -delete
$dir/weft_tests "${1:-~[slow]}"
find "$PWD/$dir" -name '*.gcda' -print0 | (cd $dir && xargs -0 gcov --json-format --stdout 2>/dev/null) |
  python3 tests/coverage.py "$PWD" $dir/missed.txt 90 engine ops models io data
