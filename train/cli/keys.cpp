// weft keys: every key of the run file and the study file, from what reads them.
#include <fmt/format.h>

#include "engine/error.h"
#include "train/cli/command.h"
#include "train/study/keys.h"

namespace weft::cli {
namespace {

class Keys final : public Command {
 public:
  const char* name() const override { return "keys"; }
  const char* help() const override {
    return "List what run files can say: types, defaults, meaning";
  }
  void options(Options& o) override {
    o.add("group", group_, "A table such as policy, a table inside or a key; all without").group();
    o.add("--markdown", markdown_, "As docs/run_file.md, which is written so");
  }
  void run() override {
    if (markdown_ && group_.empty()) return fmt::print("{}", keys_page());
    std::vector<KeyGroup> groups = all_key_groups();
    if (!group_.empty()) groups = part_of(groups, group_);
    fmt::print("{}", markdown_ ? keys_markdown(groups) : keys_text(groups));
  }

 private:
  std::string group_;
  bool markdown_ = false;
};

}  // namespace

std::unique_ptr<Command> keys_command() { return std::make_unique<Keys>(); }

}  // namespace weft::cli
