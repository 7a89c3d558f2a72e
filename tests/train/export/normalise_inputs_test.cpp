// Normalisation inside of an exported network: of pixels and columns it is what the loader does
// before; what no affine function does is refused by its column.
#include "train/export/normalise_inputs.h"

#include "data/normalize.h"
#include "data/sets/table_inputs.h"
#include "data/spec.h"
#include "tests/support/catch.h"
#include "tests/support/temp_folder.h"
#include "tests/train/export/cases.h"
#include "train/export/c_program.h"
#include "train/export/run_network.h"

using namespace weft;
using namespace weft::test;

namespace {

/// Hands its input on, times 1: what goes into a network is what comes out.
ExportedNetwork identity(const Shape& input) {
  ExportedNetwork network;
  network.nodes.resize(2);
  network.nodes[0].name = "input";
  network.nodes[0].shape = input;
  ExportedNode& same = network.nodes[1];
  same.kind = NodeKind::weighted_sum;
  same.name = "same";
  same.inputs = {0};
  same.shape = input;
  same.weights = {Tensor::from({1}, {1})};
  network.outputs = {{"x", 1}};
  return network;
}

LearnedColumn column(const std::string& name, double mean, double deviation) {
  LearnedColumn c;
  c.name = name;
  c.mean = mean;
  c.deviation = deviation;
  return c;
}

}  // namespace

TEST_CASE("export: pixels are normalised inside as the loader does it before", "[export]") {
  CpuContext cpu(1);
  for (const Normalize how : {Normalize::imagenet, Normalize::caffe, Normalize::none})
    for (const int channels : {1, 3}) {
      LearnedFromData learned;
      learned.normalize = how;
      Picture picture(3, 4, channels);
      const Philox words(1, Stream::data, 0, "pixels");
      for (size_t i = 0; i < picture.pixels.size(); ++i)
        picture.pixels[i] = static_cast<float>(words.uniform(i));
      const Tensor wanted = Tensor::empty({1, 3, 4, channels}, DType::f32);
      normalize_pixels(picture, how, wanted.data<float>());
      const ExportedNetwork network = normalised_inside(identity({3, 4, channels}), learned);
      CHECK(network.nodes.size() == (how == Normalize::none ? 2 : 3));
      const Tensor x =
          Tensor::from<float>({1, 3, 4, channels}, std::span<const float>(picture.pixels));
      CHECK(difference(wanted, run_network(&cpu, network, x)[0]) < 1e-6);
    }
}

TEST_CASE("export: columns are normalised inside as the table's inputs are", "[export]") {
  CpuContext cpu(1);
  LearnedFromData learned;
  learned.columns = {column("age", 38.5, 13.25), column("same", 7, 0), column("kind", 0, 0),
                     column("size", 0.002, 0.5)};
  learned.columns[2].categorical = true;
  learned.columns[2].categories = {"a", "b"};
  learned.columns[3].scale = 1000;
  Table table;
  table.header = {"age", "same", "kind", "size"};
  table.rows = {{"51", "7", "b", "1250"}};
  const TableInputs inputs(table, learned.columns, DataSpec{});
  const Tensor wanted = Tensor::empty({1, 1, 1, 5}, DType::f32);
  inputs.encode(table, 0, 1, wanted.data<float>());
  const Tensor raw = Tensor::from({1, 1, 1, 5}, {51, 7, 0, 1, 1250});
  const ExportedNetwork network = normalised_inside(identity({1, 1, 5}), learned);
  CHECK(difference(wanted, run_network(&cpu, network, raw)[0]) < 1e-6);

  const auto notes = input_notes({1, 1, 5}, learned, /*inside=*/false);
  REQUIRE(notes.size() == 6);
  CHECK(notes[1] == "  (age - 38.5) / 13.25");
  CHECK(notes[2] == "  0 (same was the same in all rows)");
  CHECK(notes[4] == "  1 where kind is b, else 0");
  CHECK(notes[5] == "  (size / 1000 - 0.002) / 0.5");
  CHECK(input_notes({1, 1, 5}, learned, /*inside=*/true)[5] == "  size");

  const auto refused = [&] {
    return message_of<ConfigError>([&] { normalised_inside(identity({1, 1, 5}), learned); });
  };
  learned.columns[0].by_task = true;
  CHECK_THAT(refused(), contains_text("column 'age' is divided by its task's input_scale"));
  learned.columns[0].transform = Transform::log10;
  CHECK_THAT(refused(), contains_text("column 'age' is seen as its log10"));
}

TEST_CASE("export: notes of a text say its cells and its characters, none of which ends a comment",
          "[export][text]") {
  DataSpec data;
  data.kind = DataKind::text;
  data.length = 9;
  data.columns = {"title", "body"};
  data.alphabet = "a*/\n\"b/*\\";
  data.escapes = true;
  std::vector<TaskSpec> tasks(2);
  tasks[0].name = "x";
  tasks[1].name = "y";
  std::string notes = fmt::format("{}", fmt::join(text_notes(data, tasks), "\n"));
  CHECK_THAT(notes, contains_text("\n  \"a*\\u002f\\u000a\\\"b/\\u002a\\\\\"\n"));
  CHECK_THAT(notes, contains_text("The text: title, body, without spaces around a cell; cells that "
                                  "are not empty are joined by one space."));
  CHECK_THAT(notes, contains_text("\\n is a line end"));
  for (const std::string& line : text_notes(data, tasks)) CHECK(c_comment(line) == line);
  tasks[1].columns = {"body"};
  notes = fmt::format("{}", fmt::join(text_notes(data, tasks), "\n"));
  CHECK_THAT(notes, contains_text("The text of y: body, without") &&
                        contains_text("The text of x: title, body, without"));
  CHECK(c_comment("a */ b\nc\\") == "a * / b c\\ .");
}
