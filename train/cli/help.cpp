// weft help: what --help prints, for those who ask in words: of the command line, or of a command.
#include <memory>
#include <string>
#include <vector>

#include "train/cli/command.h"

namespace weft::cli {
namespace {

class Help final : public Command {
 public:
  const char* name() const override { return "help"; }
  const char* help() const override { return "Print this help, or that of a command"; }
  void options(Options& o) override {
    o.add("command", command_, "As in weft COMMAND --help").command();
  }
  void run() override {
    std::vector<std::string> words{"weft", command_, "--help"};
    std::erase(words, "");
    std::vector<char*> argv;
    for (std::string& word : words) argv.push_back(word.data());
    run_command_line(static_cast<int>(argv.size()), argv.data());
  }

 private:
  std::string command_;
};

}  // namespace

std::unique_ptr<Command> help_command() { return std::make_unique<Help>(); }

}  // namespace weft::cli
