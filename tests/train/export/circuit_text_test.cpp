// What an exported circuit is called and made of: names, terminals, lines and notes; what is refused.
#include <sstream>

#include "tests/support/catch.h"
#include "tests/support/temp_folder.h"
#include "tests/train/export/learned_circuit.h"
#include "train/export/circuit/spice.h"

using namespace weft;
using namespace weft::test;

TEST_CASE("export: no word of a language is a name in a circuit", "[export][spice]") {
  for (const char* word :
       {"abs",     "sin",      "tan",      "asinh",      "floor", "and",    "not",
        "integer", "cell",     "small",    "large",      "event", "flow",   "potential",
        "initial", "function", "generate", "transition", "zi_zp", "Module", "TIME",
        "gnd",     "limit",    "temper",   "v",          "I"}) {
    INFO(word);
    Learned l("hard mlp silu none", /*device=*/false);
    l.learned.columns[0].name = word;
    CHECK(l.circuits()[0].terminals[0] == std::string(word) + "_");
  }
}

TEST_CASE(
    "export: a voltage leads to the current's terminal; other columns of three letters do not",
    "[export][spice]") {
  Learned l("hard mlp silu none", /*device=*/true);
  l.run.tasks[0].target = "log10(id / vds)";
  l.learned.columns[0].name = "vth";
  l.learned.columns[1].name = "vov";
  const Circuit mos = l.circuits()[0];
  CHECK(mos.terminals == std::vector<std::string>{"d", "g", "s", "b"});
  CHECK(mos.voltages.size() == 3);
  REQUIRE(mos.parameters.size() == 2);
  CHECK(mos.parameters[0].name == "vth");
  CHECK(mos.parameters[1].name == "vov");
  l.learned.columns[0].name = "vho";  // with vov a chain that leads nowhere
  CHECK(l.circuits()[0].parameters.size() == 2);
  // A chain: c to e, e to b, b to the substrate.
  l.run.tasks[0].column = "ic";
  l.run.tasks[0].target = "";
  for (size_t i = 0; i < 3; ++i)
    l.learned.columns[2 + i].name = std::vector<std::string>{"vsb", "vce", "veb"}[i];
  const Circuit bipolar = l.circuits()[0];
  CHECK(bipolar.terminals == std::vector<std::string>{"c", "b", "e", "s"});
  CHECK(bipolar.minus == "e");
  CHECK(bipolar.voltages.size() == 3);
}

TEST_CASE("export: a circuit of what simulators do not compute is refused", "[export][spice]") {
  const auto refused = [](const Learned& l) {
    return message_of<ConfigError>([&] { l.circuits(); });
  };
  CHECK_THAT(refused(Learned("hard mlp gelu none", false)), contains_text("which have no erf"));
  Learned l("hard mlp silu none", true);
  l.run.tasks[0].kind = TaskKind::binary;
  CHECK_THAT(refused(l), contains_text("task 'depth' is a binary task"));
  l = Learned("hard mlp silu none", true);
  l.run.tasks[0].unit = "mA";
  CHECK_THAT(refused(l), contains_text("task 'depth' is in mA, and a circuit's currents are in A"));
  l.run.tasks[0].unit = "";
  CHECK_THAT(refused(l), contains_text("task 'depth' has no unit, and a circuit's currents are in "
                                       "A: task.depth.unit = \"A\""));
  l = Learned("hard mlp silu none", true);
  l.learned.columns[4].name = "vdb";
  CHECK_THAT(refused(l), contains_text("column 'vds' and column 'vdb'"));
  l = Learned("hard mlp silu none", true);
  l.learned.columns[2].transform = Transform::log;
  CHECK_THAT(refused(l), contains_text("column 'vgs' is seen as its log"));
  l = Learned("hard mlp silu none", true);
  l.run.tasks[0].target = "log10(id * vds)";
  CHECK_THAT(refused(l), contains_text("divides by column 'vds'"));
  l = Learned("hard mlp silu none", true);
  l.learned.columns[1].name = "w_um";
  CHECK_THAT(refused(l), contains_text("would be called w_um, as another is"));
  l = Learned("hard mlp silu none", false);
  l.learned.columns[1].categorical = true;
  CHECK_THAT(refused(l), contains_text("column 'b' holds words"));
  l.learned.columns.clear();
  CHECK_THAT(refused(l), contains_text("this run is on pictures"));
  l = Learned("hard mlp silu none", false);
  l.run.tasks[0].name = l.learned.tasks[0].name = l.network.outputs[0].task = "b";
  CHECK_THAT(refused(l), contains_text("task 'b' would be called b, as another is"));
  for (const char* name : {"", "my amp", "9a", "a\n.end"})
    CHECK_THAT(message_of<ConfigError>([&] { circuits_of(l.network, l.run, l.learned, name); }),
               contains_text("is no name for circuits"));
  l.run.tasks[0].name = l.learned.tasks[0].name = l.network.outputs[0].task = "stim";
  CHECK_THAT(message_of<ConfigError>([&] { circuits_of(l.network, l.run, l.learned, "ac"); }),
             contains_text("task 'stim' would be called ac_stim"));
}

TEST_CASE("export: a circuit's head says terminals, parameters and units, and warns of relu",
          "[export][spice]") {
  const std::string text = spice_text(Learned("hard mlp relu none", true).circuits(), {"run mine"});
  CHECK_THAT(text, contains_text("* run mine\n"));
  CHECK_THAT(text, contains_text("* net_depth: a device with terminals d g s b; voltages in V\n"
                                 "*   current from d to s in A\n"));
  CHECK_THAT(text, contains_text("parameter W_um: column W_um of the table"));
  CHECK_THAT(text, contains_text("its slopes jump (relu)"));
  size_t longest = 0;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);)
    if (line[0] != '*') longest = std::max(longest, line.size());
  CHECK(longest <= 120);
  const std::string smooth = spice_text(Learned("hard mlp tanh none", true).circuits(), {});
  CHECK(smooth.find("relu") == std::string::npos);
}

TEST_CASE("export: a long line of SPICE is cut at operators, never within a number",
          "[export][spice]") {
  for (size_t pad = 1; pad < 20; ++pad) {
    Circuit circuit;
    circuit.name = "net";
    circuit.terminals = {"a", "y"};
    circuit.plus = "y";
    circuit.output = std::string(pad, '1');
    for (int i = 0; i < 40; ++i) circuit.output += i % 2 == 0 ? "*1e+20" : "+<a>";
    const std::string text = spice_text({circuit}, {});
    CHECK(text.find("e+\n") == std::string::npos);
    std::string whole = text;
    for (size_t at; (at = whole.find("\n+ ")) != std::string::npos;) whole.erase(at, 3);
    CHECK_THAT(whole, contains_text(
                          "Bout y 0 V=" +
                          with_names(circuit.output, [](const auto& n) { return "V(" + n + ")"; }) +
                          "\n"));
    CHECK(whole != text);
  }
}
