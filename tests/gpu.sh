#!/usr/bin/env bash
# What needs a GPU, in one go: tests/gpu.sh [build|tests|compare|sanitize|bench]... (default: all)
#   build     build/gpu with CUDA
#   tests     the op tests, the trainer's and whole steps on the device; the convolution ladder
#   compare   weft compare: ops and whole steps against f64, every precision
#   sanitize  compute-sanitizer's memcheck, racecheck and initcheck on the op tests, memcheck also on
#             recorded work
#   bench     whole steps beside PyTorch, in turn (bench/peer/alternate.py)
# Nothing is installed. WEFT_CMAKE holds further arguments for CMake, such as where a header lies.
set -u
cd "$(dirname "$0")/.." || exit 1
build=build/gpu status=0
[ $# -eq 0 ] && set -- build tests compare sanitize bench

run() {
  printf -- '-- %s\n' "$*"
  "$@" || { status=1; printf 'FAILED (%d): %s\n' $? "$*"; }
}

# sanitize TOOL TESTS [OPTION]...
sanitize() {
  local tool=$1 tests=$2
  shift 2
  run compute-sanitizer --tool "$tool" --error-exitcode 3 --print-limit 20 "$@" \
    $build/weft_tests --device cuda "$tests"
}

# racecheck TESTS: a hazard in any kernel but cuBLAS's own (nvjet) fails. They are not left out by
# --kernel-name-exclude, which ends in an error of the tool's own at the first such bf16 product.
racecheck() {
  local log
  log=$(mktemp)
  run compute-sanitizer --tool racecheck --print-limit 1000 $build/weft_tests --device cuda "$1" |
    tee "$log"
  if ! grep -q '^All tests passed' "$log" || ! grep -q 'RACECHECK SUMMARY' "$log" ||
    grep ' access at ' "$log" | grep -qv ' access at nvjet_'; then
    status=1
    echo "FAILED: racecheck $1"
  fi
  rm -f "$log"
}

for what in "$@"; do
  case $what in
    build)
      # shellcheck disable=SC2086
      run cmake -S . -B $build -DWEFT_CUDA=ON -DWEFT_BUILD_TESTS=ON ${WEFT_CMAKE:-}
      run cmake --build $build -j "$(nproc)" -t weft_tests weft_cli weft_bench \
        example_conv_ladder
      ;;
    tests)
      run $build/weft_tests --device cuda '~[slow]'
      run $build/example_conv_ladder
      ;;
    compare) run $build/weft compare ;;
    sanitize)
      sanitize memcheck '[ops]'
      # Other kernels than the graph at hand holds are an answer to weft, and an error to the tool.
      sanitize memcheck '[cuda][engine]' --report-api-errors no
      racecheck '[ops]'
      # initcheck does not see what the TMA writes, in Hopper's convolutions and in cuBLAS's bf16
      # products, and calls it uninitialised where it is read: a program of one cuBLAS call and one
      # kernel that reads its result shows the same.
      sanitize initcheck '[ops]~[bf16]~[tma]'
      ;;
    bench)
      run python3 bench/peer/alternate.py --bench $build/weft_bench --device cuda --batch 16 \
        --crop 321 --mode channels_last --precision tf32 --rounds 3 --reps 10
      ;;
    *) echo "tests/gpu.sh: build, tests, compare, sanitize or bench, not '$what'"; exit 2 ;;
  esac
done
exit $status
