#!/usr/bin/env bash
# wrapper.sh: ./weft on a project of two files. What goes wrong is one line that says where, and a
# forgotten file costs no rebuild of the others.
root=$(cd "$(dirname "$0")/.." && pwd)
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cp "$root/weft" "$folder"
cd "$folder" || exit 1
broken=0
export WEFT_NO_INSTALL=1

project() {
  cat >CMakeLists.txt <<END
cmake_minimum_required(VERSION 3.22)
project(tiny LANGUAGES CXX)
set(CMAKE_RUNTIME_OUTPUT_DIRECTORY \${CMAKE_BINARY_DIR})
add_executable(weft_cli a.cpp b.cpp $1)
set_target_properties(weft_cli PROPERTIES OUTPUT_NAME weft)
add_executable(weft_bench a.cpp b.cpp $1)
END
}
# expect CODE PATTERN MOST-LINES ARGUMENT...: exit code, a line of output, and no more than so many.
expect() {
  local code=$1 pattern=$2 most=$3 got
  shift 3
  ./weft "$@" >out 2>&1 </dev/null
  got=$?
  [ $got -eq "$code" ] && { [ -z "$pattern" ] || grep -qE -- "$pattern" out; } && [ "$(wc -l <out)" -le "$most" ] && return
  printf './weft %s: exit %d, expected %d, a line like "%s" and at most %d lines; got:\n' "$*" $got "$code" "$pattern" "$most"
  cat out
  broken=1
}

project ''
echo 'int b(); int main() { return b(); }' >a.cpp
echo 'int b() { return 0; }' >b.cpp
expect 0 'building build' 3 doctor
built=$(find build -name 'a.cpp.o' -path '*weft_cli*')
before=$(stat -c %y "$built")

project forgotten.cpp
expect 2 '^CMake Error at CMakeLists.txt:4 .*Cannot find source file: forgotten.cpp' 3 bench
expect 1 '^CMake Error at CMakeLists.txt:4 .*Cannot find source file: forgotten.cpp' 4 doctor
project ''
expect 0 '' 3 doctor
[ "$(stat -c %y "$built")" = "$before" ] || { echo "a forgotten file rebuilt the others"; broken=1; }

echo 'int b() { return c; }' >b.cpp
expect 1 "^b.cpp:1:[0-9]+: error: .c. was not declared" 4 doctor
echo 'int b(int) { return 0; }' >b.cpp
expect 1 "undefined reference to .b\(\)" 4 doctor
echo 'int b() { return 0; }' >b.cpp
expect 0 '' 4 doctor

# Without ccache a first build says so, once.
mkdir bin
for tool in /usr/bin/*; do [ "${tool##*/}" = ccache ] || ln -s "$tool" bin/ 2>/dev/null; done
rm -rf build
PATH=$folder/bin expect 0 '^weft: ccache is not installed' 4 doctor
PATH=$folder/bin expect 0 '' 0 doctor
exit $broken
