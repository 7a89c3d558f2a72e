#!/usr/bin/env bash
# patience.sh WEFT: a run that patience ends says so wherever it is looked at, and goes on when it is
# given more of it; the best networks are there to be evaluated.
# shellcheck source=tests/support/cli.sh
source "$(dirname "$0")/../support/cli.sh" "$1"

{ echo 'sharing = "hard"'; slim_run; printf '[retrain]\nsteps = 40\noptimizer = { lr = 0.05 }\n[eval]\nevery = 1\n'; } >slim.toml
expect 0 '^retrain: stopped at step [0-9]+ of 40: 3 evaluations without a better validation score since run step [0-9]+$' \
  train slim.toml eval.patience=3 eval.keep=2 --threads 1 --out ended
cat err out | grep -q '^run folder: ended$' || fail "no end: $(cat err)"
[ "$(ls ended/checkpoints/best*)" = "$(printf 'ended/checkpoints/best-1.safetensors\nended/checkpoints/best.safetensors')" ] ||
  fail "not two best networks: $(ls ended/checkpoints)"
[ "$(grep -c '"stopped":1' ended/metrics.jsonl)" = 2 ] || fail "not a line of each task says where it stopped"
grep -q '"stopped": {' ended/summary.json || fail "summary.json does not say that it stopped"
grep -q 'retrain: stopped at step' ended/log.txt || fail "log.txt does not say that it stopped"
expect 0 'best-1.safetensors' eval ended --checkpoint best-1
expect 0 'ended.html|page' report ended --out ended.html
grep -q 're-training ended at its step' ended.html || fail "the report does not say that it stopped"
grep -q 'kept as best, best-1' ended.html || fail "the report does not name what is kept"
cp ended/checkpoints/last.safetensors whole.safetensors
# More steps alone would end at the same place; more patience goes on.
expect 2 'eval.patience = 3 ended this run at step [0-9]+ of 40.*raise eval.patience' train --resume ended retrain.steps=50
expect 0 '^run folder: ended$' train --resume ended --threads 1
cmp ended/checkpoints/last.safetensors whole.safetensors || broken=1
expect 0 '^run folder: ended$' train --resume ended eval.patience=0 --threads 1
grep -q '"steps": 40' ended/summary.json || fail "it did not go on to its end"
grep -q '"stopped": {}' ended/summary.json || fail "a run with all its steps was not stopped"
expect 0 'in all, less where eval.patience ends a phase$' train slim.toml eval.patience=3 --dry-run --threads 1
exit $broken
