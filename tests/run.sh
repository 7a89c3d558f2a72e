# shellcheck shell=bash
# run_tests [--all] [FILTER]: what ./weft test does; sourced by ./weft. The last line printed is
# "N passed, N failed" (", N skipped" where some were).

passed=0 failed=0 skipped=0

# after START: " (N s)" where it took long enough to be worth a look.
after() { [ $((SECONDS - $1)) -lt 10 ] || printf ' (%d s)' $((SECONDS - $1)); }

# build_targets FOLDER TARGET...: make_targets, with a line that says how long it took.
build_targets() {
  local start=$SECONDS
  make_targets "$@" || return 1
  printf -- '-- built %s%s\n' "${1#"$root/"}" "$(after "$start")"
}

# check NAME COMMAND...: one test that is a command; its output is shown where it fails.
# A command that ends with 77 is skipped, and says why; of one that passes, lines "skipped: ..." name parts.
check() {
  local name=$1 output status start=$SECONDS
  shift
  output=$("$@" 2>&1)
  status=$?
  name+=$(after "$start")
  case $status in
    0)
      passed=$((passed + 1))
      printf 'ok       %s\n' "$name"
      grep -a '^skipped: ' <<<"$output" && skipped=$((skipped + $(grep -ac '^skipped: ' <<<"$output")))
      ;;
    77) skipped=$((skipped + 1)); printf 'skipped  %s: %s\n' "$name" "$output" ;;
    *) failed=$((failed + 1)); printf 'FAILED   %s\n%s\n' "$name" "$output" ;;
  esac
}

# suite NAME PROGRAM FILTER...: a Catch2 program, counted by its test cases.
suite() {
  local name=$1 program=$2 log summary ok=0 bad=0 none status start=$SECONDS
  shift 2
  log=${program%/*}/test.log
  printf -- '-- %s\n' "$name"
  "$program" "$@" >"$log" 2>&1
  status=$?
  none=$(grep -ac '^skipped: ' "$log")
  summary=$(grep -aE '^(All tests passed|test cases:|No tests? )' "$log" | tail -n 1)
  if [[ $summary =~ in\ ([0-9]+)\ test\ case ]]; then
    ok=${BASH_REMATCH[1]}
  else
    [[ $summary =~ ([0-9]+)\ passed ]] && ok=${BASH_REMATCH[1]}
    [[ $summary =~ ([0-9]+)\ failed ]] && bad=${BASH_REMATCH[1]}
  fi
  # A crash, or a filter that matches nothing, is a failure as well.
  [ $status -ne 0 ] && [ "$bad" -eq 0 ] && bad=1
  [ $((ok + bad)) -eq 0 ] && bad=1
  [ $status -ne 0 ] && tail -n 120 "$log"
  grep -a '^skipped: ' "$log" | sort | uniq -c
  passed=$((passed + ok - none)) failed=$((failed + bad)) skipped=$((skipped + none))
  printf '%s%s\n' "${summary:-$name ended with status $status}" "$(after "$start")"
}

# other_build NAME FOLDER CMAKE-ARGUMENT...: another compiler or other flags, without CUDA;
# everything but [slow].
other_build() {
  local name=$1 dir=$2
  shift 2
  configure "$dir" -DWEFT_BUILD_TESTS=ON -DWEFT_CUDA=OFF "$@"
  if build_targets "$dir" weft_tests weft_examples weft_cli; then
    suite "$name" "$dir/weft_tests" '~[slow]'
  else
    failed=$((failed + 1))
  fi
}

examples_and_commands() {
  local program script
  for program in "$build"/example_*; do
    [ -f "$program" ] && [ -x "$program" ] && check "${program##*/}" "$program"
  done
  check "examples/estimators.sh" bash "$root/tests/examples/estimators.sh" "$build/example_estimators"
  for script in "$root"/tests/cli/*.sh; do
    [ -f "$script" ] && check "cli/${script##*/}" bash "$script" "$build/weft"
  done
}

# A sample of what the full forms do: faults.sh with 1200 faults and all pairs, kills.sh with 200 kills.
faults_and_kills() {
  check "faults (a sample)" bash "$root/tests/faults/faults.sh" "$build/weft" "$build/libweft_faults.so" 60 40
  check "kills (a sample)" bash "$root/tests/faults/kills.sh" "$build/weft" "$build/libweft_faults.so" 20
}

# Every target over its corpus and 20,000 mutations, the same every time.
fuzz_targets() {
  local target
  build_targets "$build/clang" weft_fuzz || { failed=$((failed + 1)); return; }
  for target in "$root"/tests/fuzz/targets/*.cpp; do
    target=$(basename "$target" .cpp)
    check "fuzz/$target" bash "$root/tests/fuzz/check.sh" "$build/clang/fuzz_$target" 20000
  done
}

# What threads share, under ThreadSanitizer.
races() {
  # Without precompiled headers, so that a file which leans on them is found.
  configure "$build/threads" -DWEFT_BUILD_TESTS=ON -DWEFT_CUDA=OFF -DWEFT_SANITIZE=thread \
    -DCMAKE_DISABLE_PRECOMPILE_HEADERS=ON \
    -DCMAKE_CXX_COMPILER=clang++ -DCMAKE_BUILD_TYPE=Debug -DCMAKE_CXX_FLAGS_DEBUG="-O1 -g1"
  build_targets "$build/threads" weft_tests || { failed=$((failed + 1)); return; }
  check "races" bash "$root/tests/races.sh" "$build/threads/weft_tests"
}

# Peers that Debian lacks, in a Python environment of the build's; tests that miss them are skipped by name.
peers() {
  local python=$build/peers/bin/python
  "$python" -c 'import numpy, onnxruntime, tensorboard' 2>/dev/null ||
    { python3 -m venv "$build/peers" && "$python" -m pip install -q numpy onnxruntime tensorboard; } \
      >"$build/peers.log" 2>&1 || return 0
  export WEFT_ONNX_PYTHON=${WEFT_ONNX_PYTHON:-$python}
  export WEFT_TENSORBOARD_PYTHON=${WEFT_TENSORBOARD_PYTHON:-$python}
}

run_tests() {
  local all='' start=$SECONDS script
  if [ "${1:-}" = --all ]; then all=1; shift; fi
  cd "$root" || exit 1
  need "${build_packages[@]}" "${test_packages[@]}" ${all:+"${all_packages[@]}"}
  configure "$build" -DWEFT_BUILD_TESTS=ON
  build_targets "$build" weft_tests weft_examples weft_cli weft_bench weft_faults || { echo '0 passed, 1 failed'; exit 1; }
  [ -z "$all" ] || peers
  suite "tests" "$build/weft_tests" "${@:-~[slow]}"
  if [ $# -eq 0 ]; then
    examples_and_commands
    faults_and_kills
    check "wrapper" bash "$root/tests/wrapper.sh"
    check "bench" bash "$root/tests/bench.sh" "$build/weft_bench"
    check "bench/compare" bash "$root/tests/compare.sh"
    for script in "$root"/tests/lint/*.sh; do check "lint/${script##*/}" bash "$script"; done
  fi
  if [ -n "$all" ]; then
    suite "slow tests" "$build/weft_tests" '[slow]'
    check "demo" bash "$root/tests/demo.sh" "$build/weft"
    # libomp never frees what it keeps of a thread that is not its own.
    export UBSAN_OPTIONS=print_stacktrace=1 LSAN_OPTIONS=suppressions=$root/tests/leaks.txt:print_suppressions=0
    other_build "tests with clang++ and the sanitizers" "$build/clang" -DCMAKE_CXX_COMPILER=clang++ \
      -DWEFT_SANITIZE=ON -DWEFT_FUZZ=ON -DCMAKE_BUILD_TYPE=Debug -DCMAKE_CXX_FLAGS_DEBUG="-O1 -g1"
    if compgen -G "$(clang++ -print-resource-dir)/lib/*/libclang_rt.fuzzer*" >/dev/null; then
      fuzz_targets
    else
      skipped=$((skipped + 1))
      echo "skipped  fuzz: this clang has no libFuzzer (libclang-rt-14-dev)"
    fi
    races
    check "install and find_package" bash "$root/tests/install/check.sh" "$build"
  fi
  printf 'took %d s\n%d passed, %d failed' $((SECONDS - start)) "$passed" "$failed"
  if [ "$skipped" -gt 0 ]; then printf ', %d skipped\n' "$skipped"; else printf '\n'; fi
  [ "$failed" -eq 0 ] || exit 1
}
