#!/usr/bin/env bash
# estimators.sh EXAMPLE: what examples/estimators.cpp prints is what it teaches. REINFORCE is within 4
# standard errors of the exact gradient, and a baseline leaves less variance; Gumbel-softmax and
# straight through are beyond 4 where they are warm, and colder they have less bias and more variance.
"$1" | awk -F '  +' '
  function fault(text) { print text; broken = 1 }
  { name = $1; sub(/, tau = .*/, "", name); bias = $4; errors = $5; variance = $6 }
  /^exact/ && ($2 != -0.5276 || $3 != -0.4125) { fault("the exact gradient is not: " $0) }
  /^REINFORCE/ {
    if (errors > 4) fault("biased: " $0)
    if (++score == 2 && variance > centred / 2) fault("a baseline that does not help: " $0)
    centred = variance
  }
  /tau = / {
    if (++count[name] == 1 && errors < 4) fault("no bias where it is warm: " $0)
    if (count[name] > 1 && bias >= last_bias[name]) fault("colder, and no less bias: " $0)
    if (count[name] > 1 && variance <= last_variance[name]) fault("colder, and no more variance: " $0)
    last_bias[name] = bias; last_variance[name] = variance
  }
  END {
    if (score != 2 || count["Gumbel-softmax"] != 5 || count["straight through"] != 5)
      fault("rows are missing")
    exit broken
  }'
