// weft data scenes: pictures of the embedded data set and its labels.
#include <fmt/format.h>

#include <memory>
#include <string>

#include "train/cli/command.h"
#include "train/data/scenes.h"

namespace weft::cli {

void add_data(CLI::App& app) {
  CLI::App* data = app.add_subcommand("data", "Look at data sets");
  data->require_subcommand(1);

  struct Options {
    std::string out;
    int count = 16, height = 192, width = 256;
    uint64_t seed = 0;
  };
  auto options = std::make_shared<Options>();
  CLI::App* scenes = data->add_subcommand("scenes", "Write rendered rooms and their labels as PNG");
  scenes->add_option("--out", options->out, "Folder to write to")->required();
  scenes->add_option("--count", options->count, "How many")->check(CLI::Range(1, 1000000));
  scenes->add_option("--seed", options->seed, "Which world");
  scenes->add_option("--height", options->height)->check(CLI::Range(8, 8192));
  scenes->add_option("--width", options->width)->check(CLI::Range(8, 8192));
  scenes->callback([options] {
    write_scenes(options->out, options->count, options->seed, options->height, options->width);
    fmt::print("{} scenes in {}; sheet.png shows them all\n", options->count, options->out);
  });
}

}  // namespace weft::cli
