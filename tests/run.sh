# shellcheck shell=bash
# run_tests [--all] [FILTER]: what ./weft test does; sourced by ./weft. The last line printed is
# "N passed, N failed" (", N skipped" where some were).

passed=0 failed=0 skipped=0
cores=$(nproc)
checks=()  # names of those begun since the last finish

# seconds N: " (N s)" where it took long enough to be worth a look.
seconds() { [ "$1" -lt 10 ] || printf ' (%d s)' "$1"; }

# build_targets FOLDER TARGET...: make_targets, with a line that says how long it took.
build_targets() {
  local start=$SECONDS
  make_targets "$@" || return 1
  printf -- '-- built %s%s\n' "${1#"$root/"}" "$(seconds $((SECONDS - start)))"
}

# aside NUMBER COMMAND...: beside others, as many as there are cores; leaves NUMBER.log and NUMBER.end:
# the exit status and the seconds.
aside() {
  local to=$build/checks/$1
  shift
  mkdir -p "$build/checks"
  rm -f "$to.end"
  while [ "$(jobs -rp | wc -l)" -ge "$cores" ]; do wait -n; done
  {
    start=$SECONDS
    "$@" >"$to.log" 2>&1 </dev/null
    echo "$? $((SECONDS - start))" >"$to.end"
  } &
}

# check NAME COMMAND...: one test that is a command, begun; finish waits for all, and prints what came of
# each in their order: its output where it failed. A command that ends with 77 is skipped, and says why; of one
# that passes, lines "skipped: ..." name parts.
check() {
  checks+=("$1")
  aside "${#checks[@]}" "${@:2}"
}

finish() {
  local number=0 name status took log
  wait
  for name in "${checks[@]}"; do
    number=$((number + 1))
    status=crashed took=0
    log=$build/checks/$number.log
    read -r status took <"${log%.log}.end"
    name+=$(seconds "$took")
    case $status in
      0)
        passed=$((passed + 1))
        printf 'ok       %s\n' "$name"
        grep -a '^skipped: ' "$log" && skipped=$((skipped + $(grep -ac '^skipped: ' "$log")))
        ;;
      77) skipped=$((skipped + 1)); printf 'skipped  %s: %s\n' "$name" "$(cat "$log")" ;;
      *) failed=$((failed + 1)); printf 'FAILED   %s\n' "$name"; cat "$log" ;;
    esac
  done
  checks=()
}

# suite NAME PROGRAM FILTER...: a Catch2 program in parts beside each other, counted by its test cases. On a
# GPU one after the other: what tests count there is the card's.
suite() {
  local name=$1 program=$2 folder=$build/checks/suite count part log summary ok bad assertions=0 all=0 wrong=0
  local none=0 status took start=$SECONDS list=(--list-test-names-only)
  shift 2
  printf -- '-- %s\n' "$name"
  rm -rf "$folder"
  mkdir -p "$folder"
  [[ $("$program" --help) == *"${list[0]}"* ]] || list=(--list-tests --verbosity quiet)  # Catch2 3
  "$program" "${list[@]}" "$@" >"$folder/names"
  grep -q . "$folder/names" || { failed=$((failed + 1)); echo "no test is meant by: $*"; return; }
  count=$((4 * cores))
  nvidia-smi -L >/dev/null 2>&1 && count=1
  # Catch2 takes commas and brackets for its own.
  awk -v folder="$folder" -v count=$count 'NF { gsub(/[],[\\]/, "\\\\&"); print > (folder "/part" NR % count) }' \
    "$folder/names"
  for part in "$folder"/part*; do
    [ -f "$part" ] && aside "suite/${part##*part}" "$program" --input-file "$part"
  done
  wait
  for log in "$folder"/*.log; do
    [ -f "$log" ] || continue
    ok=0 bad=0 status=crashed
    read -r status took <"${log%.log}.end"
    summary=$(grep -aE '^(All tests passed|test cases:|No tests? )' "$log" | tail -n 1)
    [[ $summary =~ \(([0-9]+)\ assertion ]] && assertions=$((assertions + BASH_REMATCH[1]))
    if [[ $summary =~ in\ ([0-9]+)\ test\ case ]]; then
      ok=${BASH_REMATCH[1]}
    else
      [[ $summary =~ ([0-9]+)\ passed ]] && ok=${BASH_REMATCH[1]}
      [[ $summary =~ ([0-9]+)\ failed ]] && bad=${BASH_REMATCH[1]}
    fi
    [ "$status" != 0 ] && [ "$bad" -eq 0 ] && bad=1  # a crash
    [ "$status" != 0 ] && tail -n 120 "$log"
    all=$((all + ok)) wrong=$((wrong + bad))
    none=$((none + $(grep -ac '^skipped: ' "$log")))
  done
  # Each of those that were listed has run, and no other.
  [ $((all + wrong)) -eq "$(grep -c . "$folder/names")" ] || wrong=$((wrong + 1))
  cat "$folder"/*.log | grep -a '^skipped: ' | sort | uniq -c
  passed=$((passed + all - none)) failed=$((failed + wrong)) skipped=$((skipped + none))
  if [ $wrong -eq 0 ]; then
    printf 'All tests passed (%d assertions in %d test cases)' $assertions $all
  else
    printf '%s: %d passed, %d failed' "$name" $all $wrong
  fi
  printf '%s\n' "$(seconds $((SECONDS - start)))"
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
  if ! compgen -G "$(clang++ -print-resource-dir)/lib/*/libclang_rt.fuzzer*" >/dev/null; then
    skipped=$((skipped + 1))
    echo "skipped  fuzz: this clang has no libFuzzer (libclang-rt-14-dev)"
    return
  fi
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
    finish
  fi
  if [ -n "$all" ]; then
    check "demo" bash "$root/tests/demo.sh" "$build/weft"
    suite "slow tests" "$build/weft_tests" '[slow]'
    finish
    # libomp never frees what it keeps of a thread that is not its own.
    export UBSAN_OPTIONS=print_stacktrace=1 LSAN_OPTIONS=suppressions=$root/tests/leaks.txt:print_suppressions=0
    other_build "tests with clang++ and the sanitizers" "$build/clang" -DCMAKE_CXX_COMPILER=clang++ \
      -DWEFT_SANITIZE=ON -DWEFT_FUZZ=ON -DCMAKE_BUILD_TYPE=Debug -DCMAKE_CXX_FLAGS_DEBUG="-O1 -g1"
    fuzz_targets
    races
    check "install and find_package" bash "$root/tests/install/check.sh" "$build"
    finish
  fi
  printf 'took %d s\n%d passed, %d failed' $((SECONDS - start)) "$passed" "$failed"
  if [ "$skipped" -gt 0 ]; then printf ', %d skipped\n' "$skipped"; else printf '\n'; fi
  [ "$failed" -eq 0 ] || exit 1
}
