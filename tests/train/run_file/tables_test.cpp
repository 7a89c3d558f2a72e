// Run files of tables of measurements: what is read, printed again alike, and refused by key.
#include "engine/error.h"
#include "tests/support/catch.h"
#include "tests/support/temp_folder.h"
#include "train/run_file/run_file.h"

using namespace weft;
using weft::test::message_of;

namespace {

RunFile read(const std::vector<std::string>& overrides) {
  return parse_run_text(R"toml(
sharing = "hard"
[model]
trunk = "mlp"
activation = "gelu"
norm = "none"
[data]
kind = "tabular"
root = "."
group = ["W", "L"]
label_power = 0.5
[[column]]
name = "vgs"
transform = "asinh"
scale = 0.1
by_task = true
standardize = false
[[task]]
name = "n"
kind = "regression"
column = "id"
target = "log10(id / W)"
floor = 1e-9
strong = "id > 1e-6"
slopes = ["gm: vgs"]
relative = 0.1
relative_to = 1e-7
input_scale = 1.8
train_groups = ["1x2"]
chooses = false
[[task]]
name = "m"
kind = "regression"
[retrain]
steps = 1
)toml",
                        "t.toml", overrides);
}

std::string refused(const std::vector<std::string>& overrides) {
  return message_of<ConfigError>([&] { read(overrides); });
}

}  // namespace

TEST_CASE("run files of measurements are read, and printed alike", "[run_file]") {
  const RunFile run = read({});
  CHECK(run.model.activation == Activation::gelu);
  CHECK(run.model.norm == Norm::none);
  REQUIRE(run.data.column_specs.size() == 1);
  CHECK(run.data.column_specs[0].transform == Transform::asinh);
  CHECK(!run.data.column_specs[0].standardize);
  CHECK(run.tasks[0].floor == 1e-9);
  CHECK(!run.tasks[0].chooses);
  CHECK(run.tasks[0].label_channels() == 7);
  CHECK(run.tasks[1].label_channels() == 1);
  const std::string text = print_run_file(run);
  CHECK(print_run_file(parse_run_text(text, "again.toml")) == text);
}

TEST_CASE("lists of a table's columns and words are printed as they were read", "[run_file]") {
  const RunFile run =
      read({"data.header=[\"a \\\"b\\\"\"]", "data.missing=[\"?\", \"\"]", "data.columns=[\"x*\"]",
            "data.leave_out=[\"x7\"]", "data.categorical=[\"c\"]"});
  const RunFile again = parse_run_text(print_run_file(run), "again.toml");
  CHECK(again.data.header == std::vector<std::string>{"a \"b\""});
  CHECK(again.data.missing == std::vector<std::string>{"?", ""});
  CHECK(again.data.columns == std::vector<std::string>{"x*"});
  CHECK(again.data.leave_out == std::vector<std::string>{"x7"});
  CHECK(again.data.categorical == std::vector<std::string>{"c"});
}

TEST_CASE("what does not fit a table of measurements is refused by key", "[run_file]") {
  CHECK_THAT(refused({"task.n.target=log10(W)"}),
             contains_text("'task.n.target': \"log10(W)\" does not hold the label's column 'id'"));
  CHECK_THAT(refused({"task.n.target=id / W"}), contains_text("'task.n.strong' is about values as "
                                                              "shares of each other"));
  CHECK_THAT(refused({"task.m.floor=1"}),
             contains_text("'task.m.floor' is about a target that is computed from columns"));
  CHECK_THAT(refused({"task.n.strong=id"}), contains_text("a > is expected"));
  CHECK_THAT(refused({"task.n.floor=-1"}), contains_text("'task.n.floor' is not more than 0"));
  CHECK_THAT(refused({"task.n.input_scale=1"}),
             contains_text("'column.vgs.by_task' divides by the row's task.NAME.input_scale"));
  CHECK_THAT(refused({"column.vgs.by_task=false"}),
             contains_text("'task.n.input_scale' divides columns with by_task = true"));
  CHECK_THAT(refused({"task.n.chooses=false", "task.m.chooses=false"}),
             contains_text("one at least chooses the step"));
  CHECK_THAT(refused({"sharing=nddr"}), contains_text("nddr has batch norms of its own"));
  CHECK_THAT(refused({"task.n.input_scale=0"}), contains_text("it is more than 0"));
  CHECK_THAT(refused({"column.vgs.scale=0"}), contains_text("it is more than 0"));
  CHECK_THAT(refused({"data.group=[]"}),
             contains_text("'task.n.train_groups' is of groups by the columns of data.group"));
  CHECK_THAT(refused({"task.n.kind=binary"}), contains_text("'task.n.target' means nothing for "
                                                            "binary"));
  CHECK_THAT(refused({"device=cuda", "precision=bf16"}),
             contains_text("'task.n.slopes' wants precision = \"f32\""));
  CHECK(read({"device=cuda", "precision=tf32"}).tasks[0].slopes.size() == 1);
  CHECK(read({"device=cuda", "precision=bf16", "task.n.slopes=[]"}).tasks[0].slopes.empty());
  CHECK_THAT(refused({"model.bn.fixed=true"}), contains_text("model.norm = \"none\" has none"));
  CHECK_THAT(refused({"model.trunk=resnet18"}), contains_text("mlp"));
}
