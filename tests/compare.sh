#!/usr/bin/env bash
# compare.sh: bench/compare on a project of two commits whose benchmark is a script that tells times
# of its own. A step that is slower than the noise ends with 1; noise, a faster step and a GPU that is
# not there end with 0; what cannot be built or run with 2 and a line that says why.
root=$(cd "$(dirname "$0")/.." && pwd)
command -v python3 >/dev/null || { echo 'python3 is not installed'; exit 77; }
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
mkdir "$folder/bench"
cp "$root/bench/compare" "$folder/bench"
cd "$folder" || exit 1
broken=0
cat >CMakeLists.txt <<'END'
cmake_minimum_required(VERSION 3.22)
project(tiny LANGUAGES NONE)
add_custom_target(weft_bench COMMAND ${CMAKE_COMMAND} -E copy ${CMAKE_SOURCE_DIR}/bench.sh ${CMAKE_BINARY_DIR}/weft_bench)
END
# bench TIME [COMMAND]: a benchmark whose infer takes so long. Its times wander a little from call to
# call of both sides, which `far` counts; what the base is asked first is call 1.
bench() {
  cat >bench.sh <<END
#!/bin/sh
case "\$*" in *cuda*) echo 'weft bench: no GPU here' >&2; exit 2 ;; esac
echo call >>$folder/calls
far=\$(wc -l <$folder/calls)
$2
echo '# a benchmark'
echo 'phase median_ms min max peak_MiB'
echo "warmup 10.\$((far % 3)) 10 10 5"
echo "infer \$((${1} + far % 4)) 1 1 7"
END
  chmod +x bench.sh
}
git() { command git -c user.name=a -c user.email=a@b "$@" >/dev/null 2>&1; }
# expect CODE PATTERN ARGUMENT...
expect() {
  local code=$1 pattern=$2 got
  shift 2
  rm -f calls
  bench/compare "$@" >out 2>&1
  got=$?
  [ $got -eq "$code" ] && grep -qE -- "$pattern" out && return
  printf 'bench/compare %s: exit %d, expected %d and a line like "%s"; got:\n' "$*" $got "$code" "$pattern"
  cat out
  broken=1
}

bench 1000
git init && git add -A && git commit -m 'the first' || { echo 'no repository could be made'; exit 1; }
expect 0 '^no phase is slower by more than 1 % beyond the noise$' HEAD
expect 0 '^# base: [0-9a-f]+ the first;' HEAD --rounds 6
expect 0 '^cuda not measured: .*no GPU here' HEAD --rounds 6

bench 1050
expect 1 '^slower: cpu infer 1\.0[45][0-9] \(at least 1\.0[45]' HEAD
expect 1 '^infer +100[0-9]\.[0-9]+ +105[0-9]\.[0-9]+ .* 7 +1\.000 slower$' HEAD
expect 0 '^no phase is slower by more than 10 %' HEAD --threshold 10
bench 900
expect 0 '^infer .* faster$' HEAD
# In seven rounds 3 % slower, in five 2 % faster: the median is slower, and it may be by chance.
bench '1000 + (far < 16 ? 30 : -20)'
expect 0 '^infer .* 1\.0[23][0-9]   0\.9[78].* 1\.0' HEAD --rounds 12
expect 0 '^no phase is slower' HEAD --rounds 12

expect 2 "'nothing' is no commit" nothing
expect 2 'nothing was measured' HEAD --devices cuda
expect 2 'bench/compare: --rounds is 6 or more' HEAD --rounds 3
bench 1000 'exit 3'
expect 2 'weft_bench steps .*ended with 3' HEAD
echo 'message(FATAL_ERROR "no such library")' >>CMakeLists.txt
expect 2 'ended with 1: CMake Error .*\(all of it in .*configure.log\)' HEAD
command git checkout -q HEAD CMakeLists.txt
bench 1000 && cp -r "$folder" "$folder.other" && bench 1100
expect 1 '^slower: cpu infer' "$folder.other"
rm -rf "$folder.other"
exit $broken
