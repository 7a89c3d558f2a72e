// weft man: the manual page, section 1, as roff (man macros). Commands and options are CLI11's, keys
// those of the run file's reader, so that the page says what this build does.
#include <fmt/format.h>

#include "engine/version.h"
#include "train/cli/command.h"
#include "train/cli/program.h"
#include "train/study/keys.h"

namespace weft::cli {
namespace {

/// Text as roff takes it for text: no escapes, no requests at a line's start, hyphens as typed.
std::string roff(const std::string& text) {
  std::string out;
  for (const char c : text) {
    if (c == '\\') {
      out += "\\e";
    } else if (c == '-') {
      out += "\\-";
    } else if ((c == '.' || c == '\'') && (out.empty() || out.back() == '\n')) {
      out += "\\&";
      out += c;
    } else {
      out += c;
    }
  }
  return out;
}

std::string bold(const std::string& text) { return "\\fB" + roff(text) + "\\fR"; }
std::string italic(const std::string& text) { return "\\fI" + roff(text) + "\\fR"; }

/// "[--out TEXT]", "run", "[settings KEY=VALUE ...]".
std::string synopsis(const ProgramOption& o) {
  std::string text = o.positional ? italic(o.is_setting() ? o.value : o.name) : bold(o.name);
  if (!o.positional && !o.value.empty()) text += " " + italic(o.value);
  if (o.many) text += " ...";
  return o.required ? text : "[" + text + "]";
}

std::string described(const ProgramOption& o) {
  std::string head = o.positional ? italic(o.name) : bold(o.name);
  if (!o.value.empty()) head += " " + italic(o.value);
  std::string text = ".TP\n" + head + "\n" + roff(o.help);
  if (!o.words.empty()) text += roff(fmt::format(" (one of {})", fmt::join(o.words, ", ")));
  if (!o.standard.empty()) text += roff(fmt::format(" [{}]", o.standard));
  return text + "\n";
}

std::string commands(const Program& program) {
  std::string text;
  for (const ProgramCommand& command : program.commands) {
    text += fmt::format(".SS {}\n{}.\n.PP\n{}", roff(command.name), roff(command.help),
                        bold("weft " + command.name));
    std::string options;
    for (const ProgramOption& o : command.options) {
      if (o.name == "-h,--help") continue;  // said once, for all
      text += " " + synopsis(o);
      options += described(o);
    }
    text += "\n" + options;
  }
  return text;
}

std::string keys() {
  std::string text;
  for (const KeyGroup& group : all_key_groups()) {
    text += fmt::format(".SS {}\n{}\n", roff(group.heading), roff(group.meaning));
    for (const KeyRow& row : group.rows) {
      const std::string standard = !row.unset.empty() ? row.unset : row.value;
      text += fmt::format(
          ".TP\n{} ({})\n{}", bold(row.path),
          row.words.empty() ? roff(row.type) : roff(fmt::to_string(fmt::join(row.words, ", "))),
          roff(row.meaning));
      if (!row.owners.empty()) text += roff(fmt::format("; of {} alone", row.owners));
      text += standard.empty() ? "\n" : roff(fmt::format(" [{}]", standard)) + "\n";
    }
  }
  return text;
}

std::string manual() {
  const Program weft = program();
  std::string text = fmt::format(
      ".\\\" Written by `weft man`.\n"
      ".TH WEFT 1 \"\" \"weft {}\" \"User Commands\"\n"
      ".SH NAME\nweft \\- networks that learn what their tasks should share\n"
      ".SH SYNOPSIS\n.B weft\n.I command\n.RI [ argument\n.RI ...]\n"
      ".SH DESCRIPTION\nweft trains networks for several tasks at once, on a CPU or a GPU, as a "
      "run "
      "file says, and compares ways of sharing. A run is a folder: \\fBtrain\\fR makes it, "
      "\\fBeval\\fR, \\fBpredict\\fR, \\fBexport\\fR, \\fBplan\\fR, \\fBtable\\fR and "
      "\\fBreport\\fR read it.\n",
      version());
  text += "In brackets [ ] behind a meaning stands what holds where nothing is said.\n";
  for (const ProgramOption& o : weft.options) text += described(o);
  text += ".SH COMMANDS\n" + commands(weft);
  text +=
      ".SH RUN FILE AND STUDY FILE\nTOML files; \\fBweft keys\\fR prints these tables. On the "
      "command line KEY=VALUE is a setting that wins over the file.\n" +
      keys();
  text +=
      ".SH EXIT STATUS\n.TP\n0\nAll went well.\n.TP\n1\nA mistake of weft's own, or a failed "
      "comparison.\n.TP\n2\nSomething in a command, a file or the machine that the one line on "
      "stderr names.\n.TP\n128 + N\nStopped by signal N; \\fBweft train \\-\\-resume\\fR goes "
      "on.\n";
  text +=
      ".SH ENVIRONMENT\n.TP\n.B WEFT_DATA\nA folder of data sets, for \\fBdata.root\\fR = "
      "\"$WEFT_DATA/...\".\n.TP\n.B NO_COLOR\nNo colours on a terminal.\n.TP\n.B "
      "CUDA_VISIBLE_DEVICES\nThe cards that a process may see.\n.TP\n.B WEFT_CACHE_MIB\nHow much a "
      "run keeps of decoded samples; a study shares a quarter of the memory out to its cells.\n";
  return text;
}

class Man final : public Command {
 public:
  const char* name() const override { return "man"; }
  const char* help() const override { return "Print the manual page: weft man | man -l -"; }
  void options(Options&) override {}
  void run() override { fmt::print("{}", manual()); }
};

}  // namespace

std::unique_ptr<Command> man_command() { return std::make_unique<Man>(); }

}  // namespace weft::cli
