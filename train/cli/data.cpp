// weft data scenes: pictures of the embedded data set and its labels.
#include <fmt/format.h>

#include <string>

#include "train/cli/command.h"
#include "train/pictures/scene_pictures.h"

namespace weft::cli {
namespace {

class Data final : public Command {
 public:
  const char* name() const override { return "data"; }
  const char* help() const override { return "Write rendered rooms and their labels as PNG"; }
  void options(Options& o) override {
    o.add("what", what_, "scenes").required().one_of({"scenes"});
    o.add("--out", out_, "Folder to write to").required();
    o.add("--count", count_, "How many").within(1, 1000000);
    o.add("--seed", seed_, "Which world");
    o.add("--height", height_, "Height in pixels").within(8, 8192);
    o.add("--width", width_, "Width in pixels").within(8, 8192);
  }
  void run() override {
    write_scenes(out_, count_, seed_, height_, width_);
    fmt::print("{} scenes in {}; sheet.svg shows them all\n", count_, out_);
  }

 private:
  std::string what_, out_;
  int count_ = 16, height_ = 192, width_ = 256;
  uint64_t seed_ = 0;
};

}  // namespace

std::unique_ptr<Command> data_command() { return std::make_unique<Data>(); }

}  // namespace weft::cli
