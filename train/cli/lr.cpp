// weft lr: which learning rate a run could begin with, by steps at rising rates, as a picture.
#include <algorithm>
#include <memory>

#include "engine/device.h"
#include "engine/error.h"
#include "io/files.h"
#include "train/cli/command.h"
#include "train/cli/console.h"
#include "train/loop/rate_finder.h"
#include "train/pictures/plot.h"
#include "train/step/open_data.h"

namespace weft::cli {
namespace {

class RateFinder final : public Command {
 public:
  const char* name() const override { return "lr"; }
  const char* help() const override { return "Find a learning rate, by steps at rising ones"; }
  void options(Options& o) override {
    o.add("run", run_, "Run file (TOML)").required();
    o.add("settings", settings_, "key=value, such as data.batch=32").settings();
    o.add("--low", low_, "The first rate");
    o.add("--high", high_, "The last rate");
    o.add("--steps", steps_, "So many steps, each at a higher rate").within(1, 1e6);
    o.add("--out", out_, "The picture (default: NAME-lr.svg)");
    o.add("--device", device_, "cpu or cuda").one_of({"cpu", "cuda"});
    o.add("--threads", threads_, "Threads; 0: one per core").within(0, 1024);
  }
  void run() override {
    RunFile run = parse_run_file(run_, with_device(settings_, device_));
    const Device device(run.device, threads_, matrix_math(run.precision, run.device));
    const auto data = open_dataset(run);
    const RateRange range = find_rate(device.context(), run, *data, low_, high_, steps_);
    fmt::print("{:>10} {:>10}\n", "rate", "loss");
    const size_t every = std::max<size_t>(1, range.points.size() / 20);
    for (size_t i = 0; i < range.points.size(); i += every)
      fmt::print("{:>10.3g} {:>10.4g}\n", range.points[i].rate, range.points[i].loss);
    fmt::print("least loss at {:.2g}{}; a beginning: {}.optimizer.lr={:.1g}\n", range.least,
               range.burst ? fmt::format(", burst at {:.2g}", range.points.back().rate) : "",
               range.table, range.suggested);
    const std::string out = out_.empty() ? run.name + "-lr.svg" : out_;
    write_file(out, picture(run.name, range));
    fmt::print("{}\n", out);
  }

 private:
  static std::string picture(const std::string& name, const RateRange& range) {
    Plot plot;
    plot.title = fmt::format("{}: smoothed loss over the rate of [{}]", name, range.table);
    plot.x_label = "learning rate";
    plot.logarithmic = true;
    PlotLine line;
    line.colour = line_colour(0);
    line.hover = "loss";
    line.dots = true;
    double least = 1e300, most = 0;
    for (const RatePoint& p : range.points) {
      if (!(p.loss > 0)) continue;  // has no logarithm
      line.points.push_back({p.rate, p.loss});
      least = std::min(least, p.loss);
      most = std::max(most, p.loss);
    }
    if (line.points.empty()) throw DataError("lr: no loss is above 0: there is nothing to draw");
    plot.x = {range.points.front().rate, range.points.back().rate};
    plot.y = {least / 1.1, most * 1.1};
    PlotLine at;
    at.colour = line_colour(1);
    at.hover = fmt::format("{:.2g}, a beginning", range.suggested);
    at.points = {{range.suggested, plot.y[0]}, {range.suggested, plot.y[1]}};
    plot.lines = {at, line};
    plot.legend = {{"loss", line.colour}, {at.hover, at.colour}};
    return draw_plot(plot);
  }

  std::string run_, device_, out_;
  std::vector<std::string> settings_;
  double low_ = 1e-6, high_ = 1;
  int64_t steps_ = 100;
  int threads_ = 0;
};

}  // namespace

std::unique_ptr<Command> lr_command() { return std::make_unique<RateFinder>(); }

}  // namespace weft::cli
