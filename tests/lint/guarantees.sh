#!/usr/bin/env bash
# docs/guarantees.md names no test that does not exist: test cases in "quotes", `[tags]` and paths.
cd "$(dirname "$0")/../.." || exit 1
page=docs/guarantees.md broken=0
# Every source on one line, with strings that go on in the next line joined.
sources=$(find tests -name '*.cpp' -exec cat {} + | tr '\n' ' ' | sed -E 's/"[[:space:]]+"//g')

missing() {
  echo "$page: no such test: $1"
  broken=1
}
while IFS= read -r name; do
  case $name in NAME | 'hazards: ...') continue ;; esac
  [[ $sources == *"TEST_CASE(\"$name\""* ]] || missing "$name"
done < <(grep -oE '"[^"]+"' $page | tr -d '"')
while IFS= read -r tag; do
  [[ $sources == *"$tag"* ]] || missing "$tag"
done < <(grep -oE '`\[[a-z_]+\]`' $page | tr -d '`')
while IFS= read -r path; do
  [ -e "$path" ] || missing "$path"
done < <(grep -oE '`tests/[^ `]+' $page | tr -d '`')
exit $broken
