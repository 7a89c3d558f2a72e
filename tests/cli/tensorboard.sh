#!/usr/bin/env bash
# tensorboard.sh WEFT: TensorBoard's own reader takes what log.tensorboard wrote, where Python has it
# (WEFT_TENSORBOARD_PYTHON names one).
# shellcheck source=tests/support/cli.sh
source "$(dirname "$0")/../support/cli.sh" "$1"

slim_run >slim.toml
expect 0 'run folder' train slim.toml sharing=hard retrain.steps=4 eval.every=2 log.tensorboard=true --out run
ls run/events.out.tfevents.* >/dev/null || fail "no event file"
expect 0 'run folder' train slim.toml sharing=hard retrain.steps=2 --out plain
ls plain/events.out.tfevents.* 2>/dev/null && fail "an event file that nobody asked for"

python=${WEFT_TENSORBOARD_PYTHON:-python3}
if ! "$python" -c 'import tensorboard' 2>/dev/null; then
  echo "skipped: no Python with tensorboard (WEFT_TENSORBOARD_PYTHON names one)"
  exit $broken
fi
"$python" - run <<'PY' || fail "TensorBoard reads something else"
import json, sys
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
events = EventAccumulator(sys.argv[1]).Reload()
tags = events.Tags()["scalars"]
assert "rate/trunk" in tags, tags
for line in map(json.loads, open(sys.argv[1] + "/metrics.jsonl")):
    of = f"{line['split']}/{line['task']}"
    for name, value in [("loss", line["loss"]), *line["metrics"].items()]:
        if not isinstance(value, (int, float)):
            continue
        seen = [s.value for s in events.Scalars(f"{name}/{of}") if s.step == line["step"]]
        assert any(abs(v - value) <= 1e-6 * abs(value) for v in seen), (name, of, value, seen)
pictures = events.Tags()["images"]
for name in "samples", "predictions", "extremes":
    assert name in pictures, (name, pictures)
    (shown,) = events.Images(name)
    assert shown.step == 4 and shown.width > 41 and shown.height >= 33, shown
PY
exit $broken
