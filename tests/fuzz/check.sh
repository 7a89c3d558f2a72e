#!/usr/bin/env bash
# check.sh PROGRAM RUNS [SEED]: a libFuzzer target over its corpus and RUNS mutations, the same every
# time for one SEED (1). For longer: build/clang/fuzz_csv FOLDER tests/fuzz/corpus/csv. What ends it is kept in
# fuzz-NAME-* beside the program: add it to the corpus with the mend.
set -u
program=$(realpath "$1") runs=$2 seed=${3:-1}
name=${program##*/fuzz_}
corpus=$(cd "$(dirname "$0")" && pwd)/corpus/$name
[ -n "$(ls -A "$corpus" 2>/dev/null)" ] || { echo "no corpus in $corpus"; exit 1; }
found=$(mktemp -d)
trap 'rm -rf "$found"' EXIT
# Leaks are looked for by the suite's own run with the sanitizers: here threads' attributes look like some.
export ASAN_OPTIONS=quarantine_size_mb=16:malloc_context_size=4:detect_leaks=0
"$program" -runs="$runs" -seed="$seed" -max_len=700 -timeout=10 -rss_limit_mb=2048 \
  -artifact_prefix="${program%/*}/fuzz-$name-" -detect_leaks=0 -verbosity=0 "$found" "$corpus"
