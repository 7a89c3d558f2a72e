#!/usr/bin/env bash
# A type outside unnamed namespaces is defined in one place. Two of one name link without a word, and
# one's destructor may then run on the other's bytes: no linker, and no sanitizer, looks for it.
cd "$(dirname "$0")/../.." || exit 1
find engine ops models io data train runner bench tests -name '*.h' -o -name '*.cpp' -o -name '*.cu' -o -name '*.cuh' | sort | xargs awk '
  FNR == 1 { depth = 0; unnamed = 0 }
  /^namespace \{/ { unnamed = 1 }
  /^}  \/\/ namespace$/ { unnamed = 0 }
  /^namespace [A-Za-z_:]+ \{/ { within[++depth] = $2 }
  /^}  \/\/ namespace ./ { --depth }
  !unnamed && /^(struct|class|enum class|enum) [A-Za-z_0-9]+( final)?( : .*| \{.*)$/ {
    space = ""
    for (i = 1; i <= depth; ++i) space = space within[i] "::"
    name = space ($1 == "enum" && $2 == "class" ? $3 : $2)
    if (name in seen) { printf "%s: %s and %s:%d\n", name, seen[name], FILENAME, FNR; broken = 1 }
    seen[name] = FILENAME ":" FNR
  }
  END { exit broken }'
