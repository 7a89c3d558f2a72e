// Session: pictures one after the other, tables row by row.
#include "runner/session.h"

#include <cstring>
#include <ctime>
#include <filesystem>

#include "data/normalize.h"
#include "data/photograph.h"
#include "engine/error.h"
#include "io/files.h"
#include "io/picture_io.h"
#include "io/safetensors.h"
#include "runner/pick_kernels.h"
#include "train/export/at_size.h"
#include "train/export/network_file.h"
#include "train/loop/prediction_files.h"
#include "train/loop/table_prediction.h"
#include "train/metrics/decode.h"

namespace weft::runner {
namespace {

ExportedNetwork opened(const std::string& path) {
  const ExportedNetwork network = read_network(path);
  const Shape& s = network.nodes.at(0).shape;
  if (network.outputs.empty()) throw DataError(path + ": graph: there is no output");
  for (const ExportedOutput& out : network.outputs)
    if (out.node == 0) throw DataError(path + ": graph: an output is the input itself");
  return at_size(network, s[0], s[1]);
}

std::optional<ExportedUsage> usage_in(const std::string& path, const ExportedNetwork& network) {
  const SafetensorsFile file(path);
  const auto text = file.metadata().find("usage");
  if (text == file.metadata().end()) return {};
  ExportedUsage usage = usage_from_json(text->second, path + ": usage");
  bool same = usage.tasks.size() == network.outputs.size();
  for (size_t k = 0; same && k < usage.tasks.size(); ++k)
    same = usage.tasks[k].name == network.outputs[k].task;
  if (!same) throw DataError(path + ": usage and graph are of different tasks");
  return usage;
}

std::vector<std::string> columns_of(const ExportedNetwork& network) {
  std::vector<std::string> names;
  for (const ExportedOutput& out : network.outputs) names.push_back(out.task);
  names.emplace_back("all");
  names.emplace_back("processor");
  return names;
}

/// Columns as normalise_inputs' first node wants them: the numbers of the table.
void undo_standardisation(const std::vector<LearnedColumn>& columns, float* row) {
  for (const LearnedColumn& column : columns) {
    if (!column.categorical) {
      const double z = *row * column.deviation + column.mean;
      *row++ = static_cast<float>(z * column.scale);
    }
    row += column.categories.size();
  }
}

}  // namespace

Session::Session(const Arguments& arguments)
    : arguments_(arguments),
      network_(opened(arguments.network)),
      usage_(usage_in(arguments.network, network_)),
      workers_(arguments.threads),
      program_(network_, pick_kernels(arguments.kernels), workers_),
      latency_(columns_of(network_)) {}

void Session::run(const std::function<void(const std::string&)>& say) {
  if (arguments_.raw) return raw();
  if (usage().table())
    tables(say);
  else
    pictures(say);
}

const ExportedUsage& Session::usage() const {
  if (usage_) return *usage_;
  throw DataError(
      arguments_.network +
      ": does not say how its inputs are read (metadata \"usage\"): export the run once "
      "more; --raw runs it as it is");
}

void Session::set_size(int64_t height, int64_t width) {
  const Shape& s = program_.input_shape();
  if (s[0] == height && s[1] == width) return;
  if (const std::string layer = one_pixel_layer(network_); !layer.empty())
    throw DataError(fmt::format(
        "{}: is for pictures of {} x {} alone, as the map of {} is one pixel; `weft export --size "
        "{}x{}` makes another",
        arguments_.network, network_.nodes[0].shape[0], network_.nodes[0].shape[1], layer, height,
        width));
  program_.resize(at_size(network_, height, width));
}

void Session::pass() {
  const std::clock_t before = std::clock();
  program_.run();
  const auto ticks = static_cast<double>(std::clock() - before);
  std::vector<double> seconds = program_.seconds_of_outputs();
  seconds.push_back(program_.seconds());
  seconds.push_back(ticks / CLOCKS_PER_SEC);
  latency_.add(seconds);
}

void Session::repeat() {
  for (int i = 0; i < arguments_.repeat; ++i) pass();
  arguments_.repeat = 0;
}

Prediction Session::decoded(size_t k, int height, int width) const {
  const ExportedUsage& use = usage();
  const Program::Output out = program_.outputs().at(k);
  const Shape& s = out.shape;
  const Tensor values = Tensor::from(
      {1, s[0], s[1], s[2]}, std::span<const float>(out.values, static_cast<size_t>(s.numel())));
  const TaskSpec& task = use.tasks[k];
  if (task.image_label())
    return {predicted_label(task, use.semantics, values, {}, 0, 1, 1),
            class_probabilities(task, values, 0)};
  const Shape& in = program_.input_shape();
  return {
      predicted_label(task, use.semantics, values, {use.grids[k], in[0], in[1]}, 0, height, width),
      {}};
}

void Session::pictures(const std::function<void(const std::string&)>& say) {
  const ExportedUsage& use = usage();
  const auto files = pictures_in(arguments_.inputs);
  const std::string out =
      arguments_.out.empty()
          ? (std::filesystem::path(arguments_.network).parent_path() / "pictures").string()
          : arguments_.out;
  const auto stems = prediction_stems(files, use.tasks, out);
  const PictureFormat format = picture_format(use.data);
  for (const std::string& path : files) picture_info(path, format);
  const auto rows_of = [&](size_t i) {
    const Picture photograph = read_image(files[i], format);
    const Picture seen = as_network_sees(photograph, use.channels, use.data.size);
    if (seen.channels != program_.input_shape()[2])
      throw DataError(fmt::format("{}: usage and graph differ in channels", arguments_.network));
    set_size(seen.height, seen.width);
    normalize_pixels(seen, use.inside ? Normalize::none : use.data.normalize, program_.input());
    pass();
    repeat();
    make_folder(out);
    std::string rows;
    for (size_t k = 0; k < use.tasks.size(); ++k) {
      const Written written = write_prediction(files[i], stems[i], use.tasks[k], k, use.learned,
                                               decoded(k, photograph.height, photograph.width));
      say(written.said);
      rows += written.row;
    }
    return rows;
  };
  write_predictions(files.size(), out, rows_of, say);
}

void Session::tables(const std::function<void(const std::string&)>& say) {
  const ExportedUsage& use = usage();
  const std::vector<std::string>& files = arguments_.inputs;
  const std::string out =
      arguments_.out.empty()
          ? (std::filesystem::path(arguments_.network).parent_path() / "predictions").string()
          : arguments_.out;
  const auto outputs = predicted_tables(files, out);
  std::vector<std::string> texts;  // all of them before any is written
  for (const std::string& file : files) {
    const TablePrediction table(use.data, use.tasks, use.learned, file);
    if (table.shape() != program_.input_shape())
      throw DataError(fmt::format("{}: usage and graph differ in inputs", arguments_.network));
    std::string text = table.header();
    for (int64_t row = 0; row < table.rows(); ++row) {
      table.encode(row, program_.input());
      if (use.inside) undo_standardisation(use.learned.columns, program_.input());
      pass();
      repeat();
      for (const size_t k : table.tasks_of(row)) {
        const Prediction made = decoded(k, 1, 1);
        text += table.prediction(row, k, {made.label.pixels, {}, made.probabilities});
      }
    }
    texts.push_back(std::move(text));
  }
  make_folder(out);
  for (size_t i = 0; i < files.size(); ++i) {
    write_file(outputs[i], texts[i]);
    say(fmt::format("{}: {}\n", files[i], outputs[i]));
  }
}

void Session::raw() {
  if (arguments_.height > 0) set_size(arguments_.height, arguments_.width);
  const std::vector<uint8_t> bytes = read_file(arguments_.inputs[0]);
  const auto picture = static_cast<size_t>(program_.input_shape().numel()) * sizeof(float);
  if (bytes.empty() || bytes.size() % picture != 0)
    throw DataError(fmt::format("{}: {} bytes are no inputs of {} floats each",
                                arguments_.inputs[0], bytes.size(), picture / sizeof(float)));
  std::string out;
  for (size_t at = 0; at < bytes.size(); at += picture) {
    std::memcpy(program_.input(), bytes.data() + at, picture);
    pass();
    repeat();
    for (const Program::Output& o : program_.outputs())
      out.append(reinterpret_cast<const char*>(o.values),
                 static_cast<size_t>(o.shape.numel()) * sizeof(float));
  }
  write_file(arguments_.inputs[1], out);
}

}  // namespace weft::runner
