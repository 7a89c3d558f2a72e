// weft completion: scripts for bash and zsh that complete commands, options, words, and keys of the
// run file with their values. What they know is written into them from CLI11's account of the
// commands and from the run file's reader; a shell asks them alone, so that a key press starts no
// weft. Names of tasks are those of the run file on the line.
#include <fmt/format.h>

#include "train/cli/command.h"
#include "train/cli/program.h"
#include "train/run_file/keys.h"
#include "train/study/keys.h"

namespace weft::cli {
namespace {

std::string quoted(const std::string& text) {
  std::string out = "'";
  for (const char c : text) out += c == '\'' ? "'\\''" : std::string(1, c);
  return out + "'";
}

/// "    'PATTERN') echo 'a b' ;;".
std::string says(const std::string& pattern, const std::vector<std::string>& words) {
  return fmt::format("    {}) echo {} ;;\n", pattern,
                     quoted(fmt::to_string(fmt::join(words, " "))));
}

std::vector<std::string> values_of(const KeyRow& row) {
  if (row.type == "boolean") return {"true", "false"};
  return row.words;
}

/// What both shells need, in words that both understand.
std::string common_part(const Program& weft) {
  std::string commands, options, valued, words, settings;
  for (const ProgramCommand& command : weft.commands) {
    std::vector<std::string> names, with_value;
    int position = 0;
    for (const ProgramOption& o : command.options) {
      const std::string name = o.name.substr(o.name.rfind(',') + 1);  // the long one
      const std::string at = o.positional ? fmt::to_string(position++) : name;
      if (!o.positional) {
        names.push_back(name);
        if (!o.value.empty()) with_value.push_back(name);
      }
      std::vector<std::string> some = o.words;
      if (o.value == "GROUP")
        for (const KeyGroup& group : all_key_groups()) some.push_back(group.name);
      if (o.value == "COMMAND")
        for (const ProgramCommand& named : weft.commands) some.push_back(named.name);
      if (!some.empty()) words += says(fmt::format("'{} {}'", command.name, at), some);
      if (o.is_setting()) settings += says(command.name, {at});
    }
    commands += " " + command.name;
    options += says(command.name, names);
    if (!with_value.empty()) valued += says(command.name, with_value);
  }

  std::string values, keys;
  std::vector<std::pair<std::string, std::string>> lists;
  for (const KeyGroup& group : run_file_groups()) {
    std::string of_item;
    for (const KeyRow& row : group.rows) {
      const size_t item = row.path.find(".NAME.");
      const std::string pattern =
          item == std::string::npos ? row.path : group.name + ".*" + row.path.substr(item + 5);
      if (const auto some = values_of(row); !some.empty()) values += says(pattern, some);
      if (row.is_table()) continue;
      if (item == std::string::npos)
        keys += " " + row.path;
      else
        of_item += row.path.substr(item + 5) + " ";
    }
    if (!of_item.empty()) lists.emplace_back(group.name, of_item);
  }
  std::string of_items;
  for (const auto& [list, endings] : lists)
    of_items += fmt::format(
        "  for name in $(_weft_items {0} \"$@\"); do\n"
        "    for key in {1}; do echo \"{0}.$name$key\"; done\n  done\n",
        list, endings.substr(0, endings.size() - 1));

  const auto chosen = [](const std::string& name, const std::string& about,
                         const std::string& cases) {
    return fmt::format("# {}\n{}() {{\n  case $1 in\n{}  esac\n}}\n", about, name, cases);
  };
  return fmt::format("_weft_commands={}\n", quoted(commands.substr(1))) +
         chosen("_weft_options", "COMMAND: its options.", options) +
         chosen("_weft_valued", "COMMAND: those that a value follows.", valued) +
         chosen("_weft_settings", "COMMAND: the first argument that is a KEY=VALUE, from 0.",
                settings) +
         chosen("_weft_words", "\"COMMAND OPTION\" or \"COMMAND ARGUMENT\": what it is one of.",
                words) +
         chosen("_weft_values", "KEY: what it is one of.", values) +
         R"sh(# LIST FILE...: what the [[LIST]] tables of those that are run files are called.
_weft_items() {
  local list=$1 file
  shift
  for file in "$@"; do
    case $file in *.toml) ;; *) continue ;; esac
    [ -r "$file" ] && awk -v list="[[$list]]" '
      function say(  word) {  # a name that is none might be a command of the shell
        word = name != "" ? name : kind
        if (inside && word ~ /^[A-Za-z0-9_.-]+$/) print word
      }
      /^[ \t]*\[/ { say(); inside = index($1, list) == 1; name = kind = "" }
      inside && /^[ \t]*(name|kind)[ \t]*=[ \t]*"/ {
        split($0, part, "\"")
        if ($0 ~ /^[ \t]*name/) name = part[2]; else kind = part[2]
      }
      END { say() }' "$file"
  done
}
# WORD...: every key that a setting can have beside these words of the line.
_weft_keys() {
  local key name
  for key in)sh" +
         keys + "; do echo \"$key\"; done\n" + of_items +
         R"sh(}
# COMMAND WORD...: which argument comes after these words.
_weft_position() {
  local n=0 skip= valued=" $(_weft_valued "$1") " word
  shift
  for word in "$@"; do
    if [ -n "$skip" ]; then skip=; continue; fi
    case $word in
      -*=*) ;;
      -*) case $valued in *" $word "*) skip=1 ;; esac ;;
      *) n=$((n + 1)) ;;
    esac
  done
  echo $n
}
# COMMAND POSITION: whether a setting may stand there.
_weft_takes_setting() {
  local first=$(_weft_settings "$1")
  [ -n "$first" ] && [ "$2" -ge "$first" ]
}
)sh";
}

constexpr const char* bash_part = R"sh(_weft() {
  local IFS=$' \t\n' command=${COMP_WORDS[1]} cur key= head= position i
  local -a line=()
  # "=" parts words here: "KEY", "=", "VALUE" are put together again.
  for ((i = 1; i <= COMP_CWORD; ++i)); do
    if ((${#line[@]} > 1)) && [[ ${COMP_WORDS[i]} == =* || ${line[-1]} == *= ]]; then
      line[-1]+=${COMP_WORDS[i]}
    else
      line+=("${COMP_WORDS[i]}")
    fi
  done
  cur=${line[-1]}
  unset 'line[-1]'
  COMPREPLY=()
  if ((COMP_CWORD == 1)); then
    COMPREPLY=($(compgen -W "$_weft_commands" -- "$cur"))
    return
  fi
  if [[ $cur == *=* ]]; then
    key=${cur%%=*} cur=${cur#*=}
    [[ $COMP_WORDBREAKS == *=* ]] || head=$key=
  fi
  if [[ $key == -* ]]; then
    COMPREPLY=($(compgen -P "$head" -W "$(_weft_words "$command $key")" -- "$cur"))
  elif [[ -n $key ]]; then
    COMPREPLY=($(compgen -P "$head" -W "$(_weft_values "$key")" -- "$cur"))
  elif [[ " $(_weft_valued "$command") " == *" ${line[-1]} "* ]]; then
    COMPREPLY=($(compgen -W "$(_weft_words "$command ${line[-1]}")" -- "$cur"))
  elif [[ $cur == -* ]]; then
    COMPREPLY=($(compgen -W "$(_weft_options "$command")" -- "$cur"))
  else
    position=$(_weft_position "$command" "${line[@]:1}")
    if _weft_takes_setting "$command" "$position"; then
      COMPREPLY=($(compgen -S = -W "$(_weft_keys "${line[@]}")" -- "$cur"))
      compopt -o nospace 2>/dev/null
    else
      COMPREPLY=($(compgen -W "$(_weft_words "$command $position")" -- "$cur"))
    fi
  fi
}
complete -o default -F _weft weft
)sh";

constexpr const char* zsh_part = R"sh(_weft() {
  local command=$words[2] cur=$words[CURRENT] key
  if (( CURRENT == 2 )); then
    compadd -- ${=_weft_commands}
  elif [[ $cur == *=* ]]; then
    key=${cur%%=*}
    compset -P '*='
    if [[ $key == -* ]]; then
      compadd -- $(_weft_words "$command $key") || _files
    else
      compadd -- $(_weft_values "$key") || _files
    fi
  elif [[ " $(_weft_valued "$command") " == *" $words[CURRENT-1] "* ]]; then
    compadd -- $(_weft_words "$command $words[CURRENT-1]") || _files
  elif [[ $cur == -* ]]; then
    compadd -- $(_weft_options "$command")
  else
    local position=$(_weft_position "$command" "${(@)words[3,CURRENT-1]}")
    if _weft_takes_setting "$command" "$position"; then
      compadd -S '=' -- $(_weft_keys "${(@)words[3,CURRENT-1]}") || _files
    else
      compadd -- $(_weft_words "$command $position") || _files
    fi
  fi
}
if [ "$funcstack[1]" = _weft ]; then _weft "$@"; else compdef _weft weft; fi
)sh";

class Completion final : public Command {
 public:
  const char* name() const override { return "completion"; }
  const char* help() const override {
    return "Print a shell's completion: source <(weft completion bash)";
  }
  void options(Options& o) override {
    o.add("shell", shell_, "bash or zsh").required().one_of({"bash", "zsh"});
  }
  void run() override {
    const bool zsh = shell_ == "zsh";
    fmt::print("{}# Written by `weft completion {}`; loaded by: source <(weft completion {})\n{}{}",
               zsh ? "#compdef weft\n" : "", shell_, shell_, common_part(program()),
               zsh ? zsh_part : bash_part);
  }

 private:
  std::string shell_;
};

}  // namespace

std::unique_ptr<Command> completion_command() { return std::make_unique<Completion>(); }

}  // namespace weft::cli
