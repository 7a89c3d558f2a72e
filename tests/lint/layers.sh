#!/usr/bin/env bash
# The house rules that grep can see: who may include whom, and what belongs where.
# rule TEXT PATTERN FOLDER... [-- ALLOWED-PATH-PATTERN]: no line of the sources matches PATTERN.
cd "$(dirname "$0")/../.." || exit 1
broken=0

rule() {
  local text=$1 pattern=$2 allowed='^$' hits
  shift 2
  local folders=()
  while [ $# -gt 0 ] && [ "$1" != -- ]; do folders+=("$1"); shift; done
  [ $# -gt 1 ] && allowed=$2
  hits=$(grep -rnE --include='*.h' --include='*.cpp' --include='*.cu' --include='*.cuh' \
    "$pattern" "${folders[@]}" 2>/dev/null | grep -vE "$allowed")
  [ -z "$hits" ] && return
  printf '%s:\n%s\n' "$text" "$hits"
  broken=1
}

code='engine ops models train'
rule "engine includes no op, model or trainer" '#include "(ops|models|train)/' engine
rule "ops include no model or trainer" '#include "(models|train)/' ops
rule "models include no trainer" '#include "train/' models
rule "nothing below the command line includes it" '#include "train/cli/' $code -- '^train/cli/'
rule "only tests include tests" '#include "tests/' $code bench examples
rule "Eigen is for engine/cpu and *_cpu.cpp" '#include <Eigen/' $code -- '^engine/cpu/|_cpu\.(h|cpp):'
rule "CUDA is for engine/cuda and *_cuda.cu" '#include <(cuda|cublas|cub/)' $code -- '^engine/cuda/|_cuda\.cuh?:'
rule "OpenMP is for engine/cpu" '#pragma omp|<omp\.h>' $code -- '^engine/cpu/'
rule "JSON, TOML and CLI11 are for train" '#include <(nlohmann|toml|CLI)' engine ops models
rule "PNG, JPEG and zlib are for train/data" '#include <(png|turbojpeg|jpeglib|zlib)' $code -- '^train/data/'
rule "randomness is Philox" '#include <random>|std::rand\b|\bsrand\(|std::shuffle' $code bench examples
rule "only the command line prints or exits" '\b(std::)?(exit|abort|printf|puts)\(|std::c(out|err)\b|fmt::print\(' \
  $code -- '^train/cli/'

for file in $(find $code bench examples tests -name '*.h' -o -name '*.cpp' -o -name '*.cu' -o -name '*.cuh'); do
  grep -q '^// ' <(head -n 1 "$file") || { echo "$file: opens with no comment"; broken=1; }
  [ "${file##*.}" != h ] || grep -q '^#pragma once' "$file" || { echo "$file: no #pragma once"; broken=1; }
  lines=$(wc -l <"$file")
  [ "$lines" -le 400 ] || grep -qs "^$file: " tests/lint/long_files.txt ||
    { echo "$file: $lines lines; past 400 it wants a reason in tests/lint/long_files.txt"; broken=1; }
done
if grep -rnI --exclude-dir=.git --exclude-dir=build --exclude-dir=lint '\.\./shared' . | grep -v '^\./\.ci/run:'; then
  echo "only .ci/run names the folder beside the clone"
  broken=1
fi
exit $broken
