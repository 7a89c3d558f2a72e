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

code='engine ops models io data train'
rule "engine includes nothing above it" '#include "(ops|models|io|data|train)/' engine
rule "ops include the engine alone" '#include "(models|io|data|train)/' ops
rule "models include ops and engine (and io's safetensors)" '#include "(data|train|io/[^s])' models
rule "io includes the engine alone" '#include "(ops|models|data|train)/' io
rule "data include io and engine, no model and no run file" '#include "(ops|models|train)/' data

# The rooms of train/ from the lowest floor up: each includes those before it, none after it.
rooms=(ranks run_file metrics step run_folder export compare pictures loop study report cli)
for ((i = 0; i < ${#rooms[@]}; i++)); do
  above=$(IFS='|'; echo "${rooms[*]:i+1}")
  [ -z "$above" ] || rule "train/${rooms[i]} includes no room above it" "#include \"train/($above)/" "train/${rooms[i]}"
done
rule "pictures know data, io and engine alone" '#include "(train/[^p]|models|ops)' train/pictures
for entry in train/*; do
  [[ " ${rooms[*]} " == *" ${entry#train/} "* ]] || { echo "$entry: no room of train/ (tests/lint/layers.sh)"; broken=1; }
done
for folder in engine ops models io data data/sets data/scenes "${rooms[@]/#/train/}"; do
  [ -s "$folder/README.md" ] || { echo "$folder: no README.md that says what it is and who may enter"; broken=1; }
done

rule "nobody includes the runner" '#include "runner/' $code bench examples
rule "the runner has no Eigen, no tape and no models of its own" '#include ["<](Eigen/|omp|engine/tape|models/|ops/|train/(step|cli)/)' runner
rule "only tests include tests" '#include "tests/' $code runner bench examples
rule "Eigen is for engine/cpu and *_cpu.cpp" '#include <Eigen/' $code -- '^engine/cpu/|_cpu\.(h|cpp):'
rule "CUDA is for engine/cuda and *_cuda.cu" '#include <(cuda|cublas|cub/)' $code -- '^engine/cuda/|_cuda\.cuh?:'
rule "only engine/backend.h knows what is built" 'WEFT_WITH_CUDA' $code bench examples tests -- '^engine/backend\.h:|^tests/lint/'
# Compilers and libraries differ by #if, and kernels by what they are compiled for; backends by files and overloads.
rule "no #if outside the engine" '^# *(if|ifdef|ifndef|elif)\b' ops models io data train bench examples tests \
  -- '__has_(include|feature)|__SANITIZE_|__OPTIMIZE__|WEFT_CATCH_V2|(_cuda\.cuh?|conv_ladder/\w+\.cu):[0-9]+:# *ifdef WEFT_WGMMA'
rule "OpenMP is for engine/cpu" '#pragma omp|<omp\.h>' $code -- '^engine/cpu/'
rule "JSON is for io, data and train; TOML and CLI11 for train" '#include <(nlohmann|toml|CLI)' engine ops models
rule "TOML is for the run file, CLI11 for the command line" '#include <(toml|CLI)' $code -- '^train/(run_file|cli)/'
rule "ONNX and protobuf are for one file, and the graph that it writes" '#include <(onnx|google)/' $code -- '^train/export/onnx_(model\.cpp|graph\.h):'
rule "MPI is for one file" '#include <mpi\.h>' $code -- '^train/ranks/job_mpi\.cpp:'
rule "ranks know the engine alone" '#include "(train/[^r]|models|ops|data|io)' train/ranks
rule "PNG, JPEG and zlib are for io" '#include <(png|turbojpeg|jpeglib|zlib)' $code -- '^io/'
rule "randomness is Philox" '#include <random>|std::rand\b|\bsrand\(|std::shuffle' $code bench examples
rule "only the command line prints or exits" '\b(std::)?(exit|abort|printf|puts)\(|std::c(out|err)\b|fmt::print\(' \
  $code -- '^train/cli/'

for file in $(find $code runner bench examples tests -name '*.h' -o -name '*.cpp' -o -name '*.cu' -o -name '*.cuh'); do
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
