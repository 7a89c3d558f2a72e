#!/usr/bin/env bash
# check.sh BUILD: installs weft into a folder of its own, then builds and runs examples/ against it
# with find_package(weft) alone.
set -euo pipefail
build=$1
root=$(cd "$(dirname "$0")/../.." && pwd)
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cmake --build "$build" -t weft_train weft_cli >/dev/null
cmake --install "$build" --prefix "$folder/prefix" >/dev/null
"$folder/prefix/bin/weft" --version
for page in man/man1/weft.1 bash-completion/completions/weft zsh/site-functions/_weft; do
  grep -q 'policy.sharing' "$folder/prefix/share/$page" || { echo "share/$page knows no keys"; exit 1; }
done
cp -r "$root/examples" "$folder/examples"
cmake -S "$folder/examples" -B "$folder/build" -DCMAKE_PREFIX_PATH="$folder/prefix" \
  -DCMAKE_BUILD_TYPE=Release
cmake --build "$folder/build" -j "$(nproc)"
cd "$folder/build"
ctest --output-on-failure

without=()
for package in CLI11 PNG ZLIB JPEG; do without+=("-DCMAKE_DISABLE_FIND_PACKAGE_$package=ON"); done
cmake -S "$root" -B "$folder/models" -DCMAKE_BUILD_TYPE=Debug -DCMAKE_CXX_FLAGS_DEBUG=-O0 -DWEFT_COMPONENTS=models -DWEFT_CUDA=OFF "${without[@]}"
cmake --build "$folder/models" -j "$(nproc)"
cmake --install "$folder/models" --prefix "$folder/bare" >/dev/null
mkdir "$folder/user"
cp "$root/examples/tape.cpp" "$root/examples/save_load.cpp" "$folder/user"
cat >"$folder/user/CMakeLists.txt" <<'END'
cmake_minimum_required(VERSION 3.22)
project(user LANGUAGES CXX)
find_package(weft REQUIRED COMPONENTS core)
add_executable(tape tape.cpp)
target_link_libraries(tape PRIVATE weft::core)
find_package(weft REQUIRED COMPONENTS models)
add_executable(save_load save_load.cpp)
target_link_libraries(save_load PRIVATE weft::models)
END
for package in Eigen3 nlohmann_json; do without+=("-DCMAKE_DISABLE_FIND_PACKAGE_$package=ON"); done
cmake -S "$folder/user" -B "$folder/user/build" -DCMAKE_PREFIX_PATH="$folder/bare" "${without[@]}"
cmake --build "$folder/user/build"
"$folder/user/build/tape"
"$folder/user/build/save_load"
