#!/usr/bin/env bash
# describe.sh WEFT: what the command says of itself, keys, completion, the manual page, doctor.
root=$(cd "$(dirname "$0")/../.." && pwd)
# shellcheck source=tests/support/cli.sh
source "$root/tests/support/cli.sh" "$1"

# Keys.
expect 0 '^\[policy\]  The search: ' keys
expect 0 '^  policy\.sharing +number +0\.05 ' keys policy
grep -q '^  data' out && fail "weft keys policy prints other groups"
expect 0 '^  task\.NAME\.weight ' keys task.weight
[ "$(wc -l <out)" -eq 2 ] || fail "weft keys task.weight prints more than a key"
expect 2 "^weft: keys: there is no 'polcy'; did you mean 'policy'\? The groups: run, model, " keys polcy
"$weft" keys --markdown | diff - "$root/docs/run_file.md" >/dev/null ||
  fail "docs/run_file.md is out of date; write it anew: ./weft keys --markdown > docs/run_file.md"

# bash: complete WORD... prints what the last, perhaps empty, word may become.
"$weft" completion bash >weft.bash
bash -n weft.bash || fail "weft completion bash is no bash"
cat >evil.toml <<'END'
[[task]]
name = "$(touch${IFS}here)"
kind = "depth"
[[task]]
name = "*"
kind = "depth"
END
cat >my.toml <<'END'
name = "mine"
[[task]]
name = "seg"   # rooms
kind = "segmentation"
[[task]]
kind = "depth"
[[column]]
name = "age"
END
complete() {
  bash --norc --noprofile -c 'source ./weft.bash
    COMP_WORDS=(weft "$@") COMP_CWORD=$#
    _weft; printf "%s\n" "${COMPREPLY[@]}"' bash "$@" 2>&1
}
# completes WANTED WORD...: all of what is offered, in order, on one line.
completes() {
  local wanted=$1 got
  shift
  got=$(complete "$@" | tr '\n' ' ' | sed 's/ *$//')
  [ "$got" = "$wanted" ] || fail "weft $* completes to '$got', not '$wanted'"
}
completes 'train table' t
completes '--threads' train --th
completes 'test val train' eval runs/out/x --split ''
completes 'test train' eval runs/out/x --split = t
completes 'scenes' data ''
completes 'cpu cuda' train my.toml --device ''
completes 'bash zsh' completion ''
completes 'train table' help t
completes 'policy' keys pol
completes 'policy.sparsity= policy.sparsity_form=' train my.toml policy.sp
# Every key of the run file (tables as wholes are no keys) is offered, and nothing else.
"$weft" keys | sed '/^study  /,$d' | grep -vE '^  [^ ]+ +table ' | sed -nE 's/^  ([a-zA-Z_.]+) .*/\1=/p' >keys
{
  grep -v NAME keys
  grep '^column' keys | sed 's/NAME/age/'
  for task in seg depth; do grep '^task' keys | sed "s/NAME/$task/"; done
} | sort >listed
complete train my.toml '' | sort | diff listed - >difference ||
  fail "keys that are listed (<) and completed (>): $(cat difference)"
completes 'task.seg.weight=' train my.toml task.seg.we
completes '' train evil.toml task.
[ ! -e here ] || fail "a run file's name was run as a command"
completes 'task.depth.weight=' train --threads 2 my.toml seed = 3 task.depth.we
completes 'column.age.scale=' train my.toml column.age.sc
completes 'resnet18 resnet34 resnet50 resnet101' train my.toml model.trunk = res
completes 'true false' train my.toml policy.hard =
completes 'normals' train my.toml task.seg.kind = no
completes '' train m
completes '' train --out poli
completes 'policy.draws=' demo policy.dr
completes '' eval x policy.dr
complete=$(complete nothing '')
[ -z "$complete" ] || fail "an unknown command completes to '$complete'"
grep -q '^complete -o default -F _weft weft$' weft.bash || fail "bash is told of no completion"

# zsh.
"$weft" completion zsh >_weft
grep -q '^#compdef weft$' _weft || fail "zsh is told of no completion"
if command -v zsh >/dev/null; then
  # What zsh would be given, by stand-ins for its builtins of completion.
  zsh_offers() {
    zsh -f -c 'compdef() { }; compset() { }; _files() { echo files }
      compadd() {
        while [[ $1 != -- ]]; do shift; done; shift
        local -a hit; hit=(${(M)@:#${~want}*}); print -r -- $hit; (( $#hit ))
      }
      words=(weft "$@") CURRENT=$(( $# + 1 )) want=${@[-1]##*=}
      source ./_weft; _weft' zsh "$@" 2>&1
  }
  zsh_completes() {
    local wanted=$1 got
    shift
    got=$(zsh_offers "$@" | tr '\n' ' ' | sed 's/^ *//; s/ *$//')
    [ "$got" = "$wanted" ] || fail "zsh: weft $* completes to '$got', not '$wanted'"
  }
  zsh_completes 'train table' t
  zsh_completes 'policy.sparsity policy.sparsity_form' train my.toml policy.sp
  zsh_completes 'task.depth.weight' train --threads 2 my.toml seed=3 task.depth.we
  zsh_completes 'resnet18 resnet34 resnet50 resnet101' train my.toml model.trunk=res
  zsh_completes 'test train' eval runs/out/x --split t
  zsh_completes 'files' train m
fi
expect 2 'shell is required' completion
expect 2 'fish not in' completion fish

# The manual page names every command, option and key, and is roff without complaints.
"$weft" man >weft.1
for section in NAME SYNOPSIS DESCRIPTION COMMANDS 'RUN FILE AND STUDY FILE' 'EXIT STATUS' ENVIRONMENT; do
  grep -qx "\.SH $section" weft.1 || fail "the manual page has no section $section"
done
plain=$(sed -E 's/\\f[BRI]//g; s/\\-/-/g; s/\\&//g' weft.1)
for command in $("$weft" --help | sed -n '/^Subcommands/,$s/^  \([a-z]*\) .*/\1/p'); do
  grep -qx "\.SS $command" <<<"$plain" || fail "the manual page leaves out weft $command"
  for option in $("$weft" "$command" --help | grep -oE '^  --[a-z-]+'); do
    grep -qE -- "^$option( |\$)" <<<"$plain" || fail "the manual page leaves out $option of weft $command"
  done
done
while read -r key _; do
  grep -qF "$key (" <<<"$plain" || fail "the manual page leaves out $key"
done < <("$weft" keys | grep -E '^  [a-zA-Z_.]+ ')
grep -nE "^'|^\.[^A-Z\\]" weft.1 && fail "the manual page has lines that roff takes for requests"
if command -v mandoc >/dev/null; then
  mandoc -Tlint -Werror weft.1 || fail "mandoc complains"
fi
if command -v man >/dev/null && command -v groff >/dev/null; then
  man --warnings -E UTF-8 -l weft.1 >page 2>warnings || fail "man -l fails"
  [ ! -s warnings ] || fail "man: $(head -n 3 warnings)"
  grep -q 'policy.sharing' page || fail "man -l shows no keys"
fi

# doctor: everything has its line, and this machine trains.
expect 0 '^weft trains on this machine' doctor
for subject in build packages processor memory disk gpu data 'train on cpu'; do
  grep -qE "^(ok|note) +$subject " out || fail "doctor says nothing of $subject"
done
grep -q '^ok  *train on cpu .* all phases' out || fail "doctor did not train"
[ -z "$(ls runs 2>/dev/null)" ] || fail "doctor left files"
exit $broken
