#!/usr/bin/env bash
# README.md's reading path ("`FILE` LINES" between "## Reading it" and the next heading): every file
# is there, no count is more than 10 % off, and the path stays under 7,000 lines, as long as an
# evening. Its sum, which README.md names twice, may be 10 % off too.
cd "$(dirname "$0")/../.." || exit 1
page=README.md most=7000 broken=0 files=0 sum=0

fault() {
  echo "$page: $1"
  broken=1
}
# check WHAT SAID FOUND
check() {
  local off=$(($2 > $3 ? $2 - $3 : $3 - $2))
  [ $((10 * off)) -le "$3" ] || fault "$1 has $3 lines, not $2"
}

path=$(sed -n '/^## Reading it/,/^### /p' $page)
while read -r file said; do
  files=$((files + 1))
  [ -f "$file" ] || { fault "the reading path names $file, which is not there"; continue; }
  lines=$(wc -l <"$file")
  sum=$((sum + lines))
  check "$file" "$said" "$lines"
done < <(grep -oE '`[^` ]+` [0-9]+' <<<"$path" | tr -d '`')
[ $files -gt 0 ] || fault "there is no reading path"
[ $sum -le $most ] || fault "the reading path has $sum lines; $most are an evening's: leave a file to the shelves"
said=$(grep -oE '[0-9],[0-9]{3}( |$)' <<<"$path" | head -n 1 | tr -d ', ')
check "the reading path" "${said:-0}" "$sum"
said=$(sed '/^## Reading it/q' $page | grep -oE 'path of [0-9],[0-9]{3}' | tr -dc 0-9)
check "the reading path, at the head of the page," "${said:-0}" "$sum"
exit $broken
