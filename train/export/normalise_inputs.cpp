// normalised_inside: pixels by what normalize_pixels makes of black and of each primary.
#include "train/export/normalise_inputs.h"

#include <algorithm>
#include <map>

#include "data/normalize.h"
#include "data/sets/text.h"
#include "engine/error.h"
#include "train/run_file/toml/values.h"

namespace weft {
namespace {

/// y = matrix x + shift, matrix [C, C].
struct InputMap {
  std::vector<double> matrix, shift;
};

InputMap pixel_map(Normalize how, int channels) {
  const auto count = static_cast<size_t>(channels);
  InputMap map{std::vector<double>(count * count), std::vector<double>(count)};
  std::vector<float> black(count), primary(count);
  normalize_pixels(Picture(1, 1, channels), how, black.data());
  for (size_t c = 0; c < count; ++c) {
    map.shift[c] = black[c];
    Picture picture(1, 1, channels);
    picture.pixels[c] = 1;
    normalize_pixels(picture, how, primary.data());
    for (size_t y = 0; y < count; ++y)
      map.matrix[y * count + c] = static_cast<double>(primary[y]) - static_cast<double>(black[y]);
  }
  return map;
}

void check_affine(const LearnedColumn& column) {
  if (column.transform != Transform::none)
    throw ConfigError(
        fmt::format("export: column '{}' is seen as its {}, which no layer inside computes yet; "
                    "--normalise outside leaves that to the caller",
                    column.name, name_of(column.transform)));
  if (column.by_task)
    throw ConfigError(fmt::format(
        "export: column '{}' is divided by its task's input_scale, so tasks of one row see "
        "different numbers; --normalise outside leaves that to the caller",
        column.name));
}

InputMap column_map(const std::vector<LearnedColumn>& columns) {
  std::vector<double> factor, shift;
  for (const LearnedColumn& column : columns) {
    if (!column.categorical) {
      check_affine(column);
      const double inverse = column.deviation == 0 ? 0 : 1 / column.deviation;
      factor.push_back(inverse / column.scale);
      shift.push_back(-column.mean * inverse);
    }
    factor.insert(factor.end(), column.categories.size(), 1.0);
    shift.insert(shift.end(), column.categories.size(), 0.0);
  }
  InputMap map{std::vector<double>(factor.size() * factor.size()), shift};
  for (size_t i = 0; i < factor.size(); ++i) map.matrix[i * factor.size() + i] = factor[i];
  return map;
}

/// Between quotes, as TOML writes it; without what would begin or end a comment of C.
std::string quoted(const std::string& text) {
  std::string out = toml_string(text);
  for (const auto& [mark, apart] : {std::pair{"*/", "*\\u002f"}, std::pair{"/*", "/\\u002a"}})
    for (size_t at; (at = out.find(mark)) != std::string::npos;) out.replace(at, 2, apart);
  return out;
}

/// In front of all others, reading the input.
ExportedNetwork with_first(const ExportedNetwork& network, const ExportedNode& first) {
  ExportedNetwork out = network;
  for (ExportedNode& node : out.nodes)
    for (int& input : node.inputs) ++input;
  for (ExportedOutput& o : out.outputs) ++o.node;
  out.nodes.insert(out.nodes.begin() + 1, first);
  return out;
}

}  // namespace

ExportedNetwork normalised_inside(const ExportedNetwork& network, const LearnedFromData& learned) {
  const Shape& shape = network.nodes.at(0).shape;
  const auto channels = static_cast<size_t>(shape[2]);
  const InputMap map = learned.columns.empty()
                           ? pixel_map(learned.normalize, static_cast<int>(shape[2]))
                           : column_map(learned.columns);
  std::vector<double> diagonal(channels), rest = map.matrix;
  for (size_t c = 0; c < channels; ++c) std::swap(diagonal[c], rest.at(c * channels + c));
  const auto all = [](const std::vector<double>& v, double value) {
    return std::all_of(v.begin(), v.end(), [&](double x) { return x == value; });
  };
  const bool by_channel = all(rest, 0);
  if (by_channel && all(diagonal, 1) && all(map.shift, 0)) return network;
  ExportedNode node;
  node.kind = by_channel ? NodeKind::affine : NodeKind::linear;
  node.name = "normalise";
  node.inputs = {0};
  node.shape = shape;
  node.weights = {by_channel ? Tensor::from({shape[2]}, diagonal)
                             : Tensor::from({shape[2], shape[2]}, map.matrix),
                  Tensor::from({shape[2]}, map.shift)};
  return with_first(network, node);
}

std::vector<std::string> input_notes(const Shape& input, const LearnedFromData& learned,
                                     bool inside) {
  std::vector<std::string> notes;
  if (learned.columns.empty()) {
    std::string line = fmt::format("input: a picture [{} rows][{} columns][{} channels]", input[0],
                                   input[1], input[2]);
    if (inside || learned.normalize == Normalize::none) return {line + ", pixels 0 .. 1"};
    notes.push_back(
        line + fmt::format(", normalised (\"{}\"); of pixels 0 .. 1:", name_of(learned.normalize)));
    const InputMap map = pixel_map(learned.normalize, static_cast<int>(input[2]));
    for (int64_t y = 0; y < input[2]; ++y)
      for (int64_t x = 0; x < input[2]; ++x)
        if (const double f = map.matrix[static_cast<size_t>(y * input[2] + x)]; f != 0)
          notes.push_back(fmt::format("  channel {} is {:.9g} times channel {} plus {:.9g}", y, f,
                                      x, map.shift[static_cast<size_t>(y)]));
    return notes;
  }
  notes.push_back(fmt::format("input: {} numbers, in this order:", input[2]));
  for (const LearnedColumn& column : learned.columns) {
    for (const std::string& category : column.categories)
      notes.push_back(fmt::format("  1 where {} is {}, else 0", column.name, category));
    if (column.categorical) continue;
    std::string x = column.name;
    if (column.by_task) x += " / the task's input_scale";
    if (!inside && column.scale != 1) x += fmt::format(" / {:.9g}", column.scale);
    if (column.transform != Transform::none)
      x = fmt::format("{}({})", name_of(column.transform), x);
    if (inside)
      notes.push_back("  " + x);
    else if (column.deviation == 0)
      notes.push_back(fmt::format("  0 ({} was the same in all rows)", column.name));
    else
      notes.push_back(fmt::format("  ({} - {:.9g}) / {:.9g}", x, column.mean, column.deviation));
  }
  return notes;
}

std::vector<std::string> text_notes(const DataSpec& data, const std::vector<TaskSpec>& tasks) {
  const std::string places = fmt::format("input: a text as {} numbers", data.length);
  std::vector<std::string> notes;
  if (data.alphabet.empty()) {
    notes = {places + ", a byte each of its UTF-8: 1 + the byte; 0 behind its end"};
  } else {
    notes = {places + ", a character each: 0 behind its end, 1 one that is not here, and from 2 on",
             "those between these quotes, where \\\" is a quote, \\\\ a backslash and \\u0009 that "
             "code:",
             "  " + quoted(data.alphabet),
             "  A capital A to Z that is not there counts as its small letter."};
  }
  std::map<std::string, std::string> whose;  // by what is joined
  for (const TaskSpec& task : tasks) {
    std::string& names =
        whose[fmt::format("{}", fmt::join(with_own_columns(data, task).columns, ", "))];
    names += (names.empty() ? "" : ", ") + task.name;
  }
  for (const auto& [columns, names] : whose)
    notes.push_back(fmt::format("  The text{}: {}, without spaces around a cell{}.",
                                whose.size() > 1 ? " of " + names : "", columns,
                                columns.find(", ") == std::string::npos
                                    ? ""
                                    : "; cells that are not empty are joined by one space"));
  if (data.escapes)
    notes.emplace_back("  In a cell \\n is a line end and \\\" a quote: one character each.");
  return notes;
}

}  // namespace weft
