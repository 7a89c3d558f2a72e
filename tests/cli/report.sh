#!/usr/bin/env bash
# report.sh WEFT: a run, one that is not finished and several as a page; what is refused; and, where
# Chromium is installed, that the page opens without a complaint and its slider moves.
# shellcheck source=tests/support/cli.sh
source "$(dirname "$0")/../support/cli.sh" "$1"

slim_run >slim.toml
cat >>slim.toml <<'RUN'
[warmup]
steps = 2
[policy]
steps = 8
weight_steps = 1
logit_steps = 1
[retrain]
steps = 4
[balance]
watch = 2
[eval]
every = 2
RUN
# page PATTERN...: the page `at` has each of these.
page() {
  [ -s "$at" ] || { fail "no $at"; return; }
  local pattern
  for pattern in "$@"; do grep -qE -- "$pattern" "$at" || fail "$at lacks $pattern"; done
  grep -qE '(src|href)="?(https?:|//)' "$at" && fail "$at needs something from elsewhere"
  [ "$(wc -c <"$at")" -lt 3000000 ] || fail "$at is too large to send"
}

expect 0 'run folder' train slim.toml --out ada
expect 0 'run folder' train slim.toml sharing=hard --out hard
expect 0 'ada/report.html' report ada
at=ada/report.html
page '<h2 id=s[0-9]+>Results' '>Cost<' '>Curves<' '>Sharing and policy<' 'type=range min=0 max=[1-9]' \
  '>Conflicts between tasks<' '>Predictions<' 'data:image/png' 'slim' 'peak MiB' '>Data<' \
  'who goes together' '[0-9]+ training samples' 'class=swatch' 'taken for' 'confidence 0\.' \
  '>Best and worst cases<' 'worst'
grep -q '>Significance<' "$at" && fail "a test over seeds of a run that has one"

# What a task costs is what its export costs.
page '>Cost of each task<' '>seg alone<' '>all together<' '>full network<'
expect 0 '^  seg alone' export ada
mflop=$(awk '/^  seg alone/ { printf "%.4g", $NF / 1000 }' out)
grep -q "<td>seg alone</td><td>[0-9.]*</td><td>[0-9.]*</td><td>$mflop</td>" $at || fail "the page has other FLOPs of seg than $mflop G"

expect 2 'say where with --out' report ada hard
expect 0 'both.html' report ada hard --out both.html
at=both.html
page 'slim-hard, seed 1' '<h3>' '>Curves<'

# Runs that differ by their seed are a row, and rows are tested against the one that is named.
for seed in 2 3; do
  expect 0 'run folder' train slim.toml seed=$seed --out ada$seed
  expect 0 'run folder' train slim.toml sharing=hard seed=$seed --out hard$seed
done
expect 0 'seeds.html' report ada ada2 ada3 hard hard2 hard3 --against slim-hard --out seeds.html
at=seeds.html
page '>Significance<' '<option selected>slim-hard' 'with 3 pairs .t. has to pass 4\.30' 'p (0|1|&lt;)'
expect 2 'there is no such row with finished runs; there are: slim-adashare, slim-hard' \
  report ada ada2 hard hard2 --against soft --out refused.html
[ ! -e refused.html ] || fail "a refused report left a page"

# A CSV has every metric and all digits.
expect 0 'balanced_accuracy' table ada hard --csv
[ "$(awk -F, 'NR == 1 { n = NF } NF != n' out | wc -l)" = 0 ] || fail "a CSV with rows of unlike length"
expect 2 '--csv and --style latex are two tables' table ada hard --csv --style latex
expect 2 'csv not in .*text' table ada hard --style csv

# What an older weft left out is said, what is damaged is named.
mkdir old && cp -r ada/. old && rm old/test.json old/data.json
expect 0 'old/report.html' report old
at=old/report.html
page 'old has no data.json' 'old has no test.json.* one of ranks \(mpirun\)'
cp -r ada broken && sed -i 's/"samples":/"sample":/' broken/test.json
expect 2 'broken/test.json' report broken

# Samples that training never met and that cannot be read: the run ends well, its report says less.
"$weft" data scenes --out rooms --count 24 --height 17 --width 17 >/dev/null 2>&1
printf 'image,kind,split\n' >rooms/index.csv
find rooms -name '*image*.png' -printf '%f\n' | sort | awk '{ print $0 "," NR % 2 "," (NR > 20 ? "test" : "train") }' >>rooms/index.csv
printf '[model]\nwidth = 0.1\nhead = "linear"\n[data]\nkind = "csv"\nroot = "rooms"\nbatch = 1\nworkers = 0\n[[task]]\nname = "kind"\nkind = "binary"\n' >unread.toml
cat >>unread.toml <<'RUN'
[retrain]
steps = 1
RUN
for image in $(sed -n '12,14p' rooms/index.csv | cut -d, -f1); do head -c 100 "rooms/$image" >part && mv part "rooms/$image"; done
expect 0 '^left out of the report: the data: .*png' train unread.toml sharing=hard --out unread
expect 0 'unread/report.html' report unread
at=unread/report.html
page '>Results<' 'unread has no data.json'

# Before its end: what there is.
mkdir half && cp -r hard/run.toml hard/metrics.jsonl half/
sed -i '/"infer"/d' half/metrics.jsonl
expect 0 'half/report.html' report half
at=half/report.html
page 'is not finished: step 4 of 4' 'train --resume half' '>Curves<' '>Run file<'
grep -q '>Results<' "$at" && fail "results of a run that has none"
expect 2 'no run folder: it has no run.toml, nor a study.s: it has no study.toml' report gone
expect 2 'a page ends in .html' report ada --out ada/run.toml
cp -r ada edited && sed -i 's/^seed = 1/seed = 2/' edited/run.toml
expect 2 'run.toml' report edited
mkdir 'a|b' 'x**y**z' && cp -r ada/. 'a|b' && cp -r ada/. 'x**y**z'
expect 0 'both.html' report 'a|b' 'x**y**z' ada --out both.html
at=both.html
page '<th>a\?b</th><th>x\?\?y\?\?z</th><th>ada</th>'
sed 's/"checksum": "[0-9a-f]*",//; s/"version": 2/"version": 1/; s/"blocks": \[/"blocks": ["one more",/' \
  ada/summary.json >edited/summary.json
cp ada/run.toml edited/run.toml
expect 2 'edited/summary.json: what it says of tasks and blocks' report edited
[ ! -e gone ] || fail "a refused report left a folder"

if ! browser=$(command -v chromium || command -v chromium-browser); then
  echo 'skipped: no chromium: cli/report.sh, what a browser says of the page'
  exit $broken
fi
echo '<script>addEventListener("error", e => document.title = "broken: " + e.message)</script>' >page.html
cat ada/report.html >>page.html
cat >>page.html <<'PAGE'
<script>
const slider = document.querySelector('input[type=range]'), cell = document.querySelector('td.p');
const last = slider.nextElementSibling.textContent;
slider.value = 0; slider.dispatchEvent(new Event('input'));
document.body.append('moved: ' + (slider.nextElementSibling.textContent !== last));
</script>
PAGE
timeout 120 "$browser" --headless --no-sandbox --disable-gpu --user-data-dir=profile --dump-dom \
  --enable-logging=stderr "file://$PWD/page.html" >dom 2>console
grep -q 'moved: true' dom || fail "the slider does not move: $(tail -n 3 console)"
grep 'CONSOLE' console && fail "Chromium complains of the page"
# The chooser of the row shows its table, and no other.
cat seeds.html >page.html
cat >>page.html <<'PAGE'
<script>
const choice = document.querySelector('select'), shown = () =>
  [...document.querySelectorAll('[data-of]')].map(t => t.hidden ? 0 : 1).join('');
const before = shown();
choice.selectedIndex = 0; choice.dispatchEvent(new Event('input'));
document.body.append('chosen: ' + before + ' to ' + shown());
</script>
PAGE
timeout 120 "$browser" --headless --no-sandbox --disable-gpu --user-data-dir=profile --dump-dom \
  --enable-logging=stderr "file://$PWD/page.html" >chosen 2>console
grep -q 'chosen: 01 to 10' chosen || fail "the chooser chooses nothing: $(grep -o 'chosen:.*' chosen)"
grep 'CONSOLE' console && fail "Chromium complains of the page"
grep -q '<title>broken' dom && fail "an error in the page: $(grep '<title>' dom)"
exit $broken
