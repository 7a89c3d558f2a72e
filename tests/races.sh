#!/usr/bin/env bash
# races.sh WEFT_TESTS: data races among a loader's workers, the trainer that waits for them, and the
# chunks of parallel loops; WEFT_TESTS is built with WEFT_SANITIZE=thread. libomp is not, so its
# barriers look like races of what they order; archer, which comes with it, tells the sanitizer of
# them. (One OpenMP thread would silence that as well, and leave the loops unexamined.)
set -u
program=$(realpath "$1")
log=$(mktemp)
trap 'rm -f "$log"' EXIT
export OMP_TOOL_LIBRARIES=libarcher.so TSAN_OPTIONS=ignore_noninstrumented_modules=1:halt_on_error=1
# Newer kernels spread addresses further than the sanitizer of clang 14 has room for.
fixed=()
setarch -R true 2>/dev/null && fixed=(setarch -R)

# Planted races, or the silence of what follows would mean nothing.
for race in chunks workers; do
  OMP_TOOL_VERBOSE_INIT=stderr "${fixed[@]}" "$program" "[race_of_$race]" >"$log" 2>&1
  grep -q 'WARNING: ThreadSanitizer: data race' "$log" ||
    { cat "$log"; echo "the planted race of $race was not seen"; exit 1; }
  [ $race = workers ] || grep -q '^Tool was started' "$log" ||
    { cat "$log"; echo "archer (libarcher.so) did not start"; exit 1; }
done

"${fixed[@]}" "$program"
