// Setting: flags to a run file and random tensors.
#include "bench/setting.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <iterator>
#include <map>

#include "data/split.h"
#include "engine/philox.h"
#include "train/step/build.h"

namespace weft::bench {

Setting::Setting(const Arguments& arguments) {
  batch = arguments.number("batch", batch);
  crop = arguments.number("crop", crop);
  reps = arguments.number("reps", reps);
  row = arguments.number("row", row);
  bn_sync = arguments.number("bn_sync", bn_sync) != 0;
  graphs = arguments.number("graphs", graphs) != 0;
  width = std::stod(arguments.text("width", fmt::format("{}", width)));
  threads = static_cast<int>(arguments.number("threads", threads));
  trunk = arguments.text("trunk", trunk);
  tasks = arguments.text("tasks", tasks);
  device = arguments.text("device", device);
  precision = arguments.text("precision", precision);
  phases = arguments.text("phases", phases);
  for (const std::string& word : split(phases, ','))
    if (std::find(std::begin(phase_names), std::end(phase_names), word) == std::end(phase_names))
      throw ConfigError(fmt::format("--phases: unknown phase '{}'; it is one of {}", word,
                                    fmt::join(phase_names, ", ")));
  sharing = arguments.text("sharing", sharing);
  head_width = arguments.number("head_width", head_width);
  run = arguments.text("run", run);
  for (const char* flag : {"batch", "crop", "trunk", "tasks", "width", "head_width", "sharing"})
    if (!run.empty() && arguments.has(flag))
      throw ConfigError(fmt::format("--{}: {} says that; give --run or the flags", flag, run));
}

std::vector<std::string> task_channels(const std::string& tasks) {
  const auto number = [&](const std::string& text) {
    int64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc() || end != text.data() + text.size() || value < 1 || value > 10000)
      throw ConfigError(fmt::format(
          "--tasks: '{}' is no number of channels or tasks; expected such as 40,3 or 40x8", text));
    return value;
  };
  std::vector<std::string> channels;
  for (const std::string& part : split(tasks, ',')) {
    const size_t x = part.find('x');
    const std::string each = part.substr(0, x);
    number(each);
    const int64_t times = x == std::string::npos ? 1 : number(part.substr(x + 1));
    channels.insert(channels.end(), static_cast<size_t>(times), each);
  }
  return channels;
}

RunFile run_file(const Setting& s, const std::vector<std::string>& overrides) {
  std::string text = fmt::format(
      "name = \"bench\"\nsharing = \"{}\"\ndevice = \"{}\"\nprecision = \"{}\"\n[model]\ntrunk = "
      "\"{}\"\nwidth = "
      "{}\nhead_width = {}\nbn = {{running = \"shared\", sync = {}}}\n[data]\nsize = [{}, "
      "{}]\nbatch = "
      "{}\n",
      s.sharing, s.device, s.precision, s.trunk, s.width, s.head_width, s.bn_sync, s.crop, s.crop,
      s.batch);
  std::map<std::string, int> seen;
  for (const std::string& channels : task_channels(s.tasks)) {
    const char* kind = channels == "3" ? "normals" : channels == "1" ? "depth" : "segmentation";
    const int count = ++seen[kind];
    text += fmt::format("[[task]]\nname = \"{}{}\"\nkind = \"{}\"\n", kind,
                        count > 1 ? std::to_string(count) : "", kind);
    if (std::string(kind) == "segmentation") text += "classes = " + channels + "\n";
  }
  // The peer draws SGD for the weights in every phase.
  text +=
      "[warmup]\noptimizer = {kind = \"sgd\", lr = 1e-3, momentum = 0.9, weight_decay = 1e-4}\n";
  return parse_run_text(text, "bench", overrides);
}

namespace {

Workload first_batch(const Setting& s) {
  RunFile run = parse_run_file(s.run, {"device=" + s.device, "precision=" + s.precision});
  const auto data = open_dataset(run);
  LoaderOptions options = train_loader_options(run, *data, "train", 0);
  options.workers = 0;
  Batch batch = Loader(*data, make_parts(*data).train, options).next();
  const Shape& image = batch.images.shape();
  std::string title = fmt::format("{} {} tasks={} batch={} size={}x{}x{}", s.precision, run.name,
                                  run.tasks.size(), image[0], image[1], image[2], image[3]);
  return {std::move(run), std::move(batch.images), std::move(batch.targets), std::move(title)};
}

}  // namespace

Workload workload(const Setting& s) {
  if (!s.run.empty()) return first_batch(s);
  Workload work{run_file(s),
                random_images(s.batch, s.crop),
                {},
                fmt::format("{} {} tasks={} batch={} crop={}", s.precision, s.trunk, s.tasks,
                            s.batch, s.crop)};
  for (const TaskSpec& task : work.run.tasks)
    work.targets.push_back(random_target(task, s.batch, s.crop));
  return work;
}

namespace {
double noise(const char* name, int64_t i) {
  return Philox(3, Stream::data, 0, name).uniform(static_cast<uint64_t>(i));
}
}  // namespace

Tensor random_images(int64_t n, int64_t crop) {
  Tensor t = Tensor::empty({n, crop, crop, 3}, DType::f32);
  for (int64_t i = 0; i < t.numel(); ++i)
    t.data<float>()[i] = static_cast<float>(4 * noise("image", i) - 2);
  return t;
}

Tensor random_target(const TaskSpec& task, int64_t n, int64_t crop) {
  const int64_t channels = task.kind == TaskKind::normals ? 3 : 1;
  Tensor t = Tensor::empty({n, crop, crop, channels}, DType::f32);
  for (int64_t i = 0; i < t.numel(); ++i) {
    const double u = noise("target", i);
    t.data<float>()[i] = static_cast<float>(
        task.kind == TaskKind::segmentation ? std::floor(u * task.classes) : u + 0.1);
  }
  return t;
}

}  // namespace weft::bench
