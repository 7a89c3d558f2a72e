// Exported circuits: in ngspice a SPICE subcircuit gives the numbers of a naive f64 loop, and weft's
// own; so does the Verilog-A module, whose analog block is compiled as C; what is none is refused.
#include <cmath>
#include <fstream>
#include <set>
#include <sstream>

#include "io/files.h"
#include "tests/support/catch.h"
#include "tests/support/temp_folder.h"
#include "tests/train/export/learned_circuit.h"
#include "tests/train/export/peer.h"
#include "train/export/circuit/spice.h"
#include "train/export/circuit/verilog_a.h"
#include "train/export/run_network.h"

using namespace weft;
using namespace weft::test;

namespace {

double function_of(NodeKind kind, double z) {
  if (kind == NodeKind::tanh) return std::tanh(z);
  if (kind == NodeKind::silu) return z / (1 + std::exp(-z));
  if (kind == NodeKind::softplus) return std::max(z, 0.0) + std::log1p(std::exp(-std::abs(z)));
  if (kind == NodeKind::relu) return std::max(z, 0.0);
  throw Error("no such function in these cases");
}

/// The network's one number, in f64.
double naive(const ExportedNetwork& network, const std::vector<double>& input) {
  std::vector<std::vector<double>> values{input};
  for (size_t i = 1; i < network.nodes.size(); ++i) {
    const ExportedNode& node = network.nodes[i];
    const auto& x = values[static_cast<size_t>(node.inputs[0])];
    const auto weight = [&](size_t w, size_t at) -> double {
      return node.weights[w].data<float>()[at];
    };
    std::vector<double> y(static_cast<size_t>(node.shape[2]));
    for (size_t c = 0; c < y.size(); ++c) {
      if (node.kind == NodeKind::linear) {
        y[c] = node.weights.size() > 1 ? weight(1, c) : 0;
        for (size_t j = 0; j < x.size(); ++j) y[c] += weight(0, c * x.size() + j) * x[j];
      } else if (node.kind == NodeKind::affine) {
        y[c] = weight(0, c) * x[c] + weight(1, c);
      } else if (node.kind == NodeKind::add) {
        y[c] = x[c] + values[static_cast<size_t>(node.inputs[1])][c];
      } else if (node.kind == NodeKind::weighted_sum) {
        for (size_t k = 0; k < node.inputs.size(); ++k)
          y[c] += weight(0, k) * values[static_cast<size_t>(node.inputs[k])][c];
      } else {
        y[c] = function_of(node.kind, x[c]);
      }
    }
    values.push_back(y);
  }
  return values[static_cast<size_t>(network.outputs[0].node)][0];
}

/// What the network sees of the columns' numbers.
std::vector<double> seen(const std::vector<LearnedColumn>& columns,
                         const std::vector<double>& row) {
  std::vector<double> out;
  for (size_t i = 0; i < row.size(); ++i) {
    const LearnedColumn& c = columns[i];
    double x = row[i] / c.scale;
    if (c.transform == Transform::reciprocal) x = 1 / x;
    if (c.transform == Transform::log10) x = std::log10(x);
    if (c.transform == Transform::asinh) x = std::asinh(x);
    out.push_back(c.deviation == 0 ? 0 : (x - c.mean) / c.deviation);
  }
  return out;
}

double predicted(const Learned& l, const std::vector<double>& row) {
  const double t = l.learned.tasks[0].mean +
                   l.learned.tasks[0].deviation * naive(l.network, seen(l.learned.columns, row));
  const bool device = l.run.tasks[0].column == "id";
  return device ? std::pow(10.0, t) * row[3] * std::sqrt(row[0]) / row[1] : t;
}

/// The same by weft's own f32, as `predict` has it.
double by_weft(const Learned& l, const std::vector<double>& row) {
  CpuContext cpu(1);
  std::vector<float> x;
  for (const double v : seen(l.learned.columns, row)) x.push_back(static_cast<float>(v));
  const Tensor input = Tensor::from<float>({1, 1, 1, 5}, std::span<const float>(x));
  return l.learned.tasks[0].mean +
         l.learned.tasks[0].deviation *
             static_cast<double>(run_network(&cpu, l.network, input)[0].data<float>()[0]);
}

/// Sweeps `deck` and gives the second column of what it wrote to `file`.
std::vector<double> sweep(const TempFolder& folder, const std::string& deck) {
  write(folder.file("deck.cir"), deck);
  const auto [status, said] =
      shell(folder, fmt::format("cd {} && ngspice -b deck.cir", folder.path()));
  INFO(said);
  REQUIRE(status == 0);
  CHECK(said.find("rror") == std::string::npos);
  std::ifstream file(folder.file("out.txt"));
  std::vector<double> out;
  double along = 0, value = 0;
  while (file >> along >> value) out.push_back(value);
  return out;
}

const char* const sweeping =
    ".options reltol=1e-6 vntol=1e-9 abstol=1e-15\n.control\nset numdgt=15\n{}\n"
    "wrdata out.txt {}\nquit\n.endc\n.end\n";

bool has_ngspice(const TempFolder& folder) { return shell(folder, "ngspice --version").first == 0; }

/// Names of nodes, parameters and values, as SPICE sees them.
std::vector<std::string> names_of(const Circuit& circuit) {
  std::vector<std::string> names = circuit.terminals;
  for (const CircuitParameter& p : circuit.parameters) names.push_back(p.name);
  for (const CircuitVoltage& v : circuit.voltages) names.push_back(v.name);
  for (const CircuitValue& v : circuit.values) names.push_back(v.name);
  for (std::string& name : names)
    for (char& c : name) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return names;
}

void check_names_differ(const Circuit& circuit) {
  std::set<std::string> seen;
  for (const std::string& name : names_of(circuit)) {
    INFO(name);
    CHECK(seen.insert(name).second);
  }
}

}  // namespace

TEST_CASE("export: ngspice sweeps a function of columns as weft computes it, to 1e-6",
          "[export][spice]") {
  const TempFolder folder;
  if (!has_ngspice(folder)) WEFT_SKIP("no ngspice");
  for (const char* name : {"hard mlp silu none", "hard mlp tanh none", "hard mlp softplus none",
                           "hard mlp relu batch", "hard mlp tanh batch", "adashare mlp silu none",
                           "adashare mlp relu batch soft", "cross_stitch mlp silu none"}) {
    INFO(name);
    const Learned l(name, /*device=*/false);
    const std::vector<Circuit> circuits = l.circuits();
    CHECK(circuits[0].terminals == std::vector<std::string>{"a", "b", "c", "e_", "depth"});
    write(folder.file("net.sp"), spice_text(circuits, {"a note"}));
    const auto found =
        sweep(folder,
              "* sweep\n.include net.sp\nVa a 0 0\nVb b 0 0\nVc c 0 7\nVe e 0 -0.5\n"
              "X1 a b c e y net_depth d=0.125\n" +
                  fmt::format(fmt::runtime(sweeping), "dc Va -2 2 0.25 Vb -4 4 2", "v(y)"));
    REQUIRE(found.size() == 17 * 5);
    double scale = 0, off = 0, off_weft = 0;
    for (size_t i = 0; i < found.size(); ++i) {
      const std::vector<double> row{-2 + 0.25 * static_cast<double>(i % 17),
                                    -4 + 2 * static_cast<double>(i / 17), 7, 0.125, -0.5};
      const double wanted = predicted(l, row);
      scale = std::max(scale, std::abs(wanted));
      off = std::max(off, std::abs(found[i] - wanted));
      off_weft = std::max(off_weft, std::abs(found[i] - by_weft(l, row)));
    }
    INFO(off / scale << " from f64, " << off_weft / scale << " from weft's f32");
    CHECK(off < 1e-6 * scale);
    CHECK(off_weft < 1e-6 * scale);
  }
}

TEST_CASE(
    "export: columns and tasks may have any name, t and T too, and no value is mistaken for them",
    "[export][spice]") {
  const TempFolder folder;
  if (!has_ngspice(folder)) WEFT_SKIP("no ngspice");
  // Of columns a, b, c, d and e, and of the task.
  const std::vector<std::vector<std::string>> all{{"t", "n1_0", "x_t", "n2_0", "e", "depth"},
                                                  {"T", "N1_0", "X_T", "N2_0", "E", "depth"},
                                                  {"a", "gnd", "abs", "t", "x_a", "T_"},
                                                  {"a", "b", "c", "cosh", "table", "t"}};
  for (const std::vector<std::string>& names : all) {
    INFO(fmt::format("{}", fmt::join(names, " ")));
    Learned l("hard mlp silu none", /*device=*/false);
    for (size_t i = 0; i < 5; ++i) l.learned.columns[i].name = names[i];
    l.run.tasks[0].name = l.learned.tasks[0].name = l.network.outputs[0].task = names[5];
    const Circuit circuit = l.circuits()[0];
    check_names_differ(circuit);
    write(folder.file("net.sp"), spice_text({circuit}, {}));
    const auto found =
        sweep(folder, fmt::format("* sweep\n.include net.sp\nVa p1 0 0\nVb p2 0 2\nVc p3 0 7\n"
                                  "Ve p4 0 -0.5\nX1 p1 p2 p3 p4 y {} {}=0.125\n",
                                  circuit.name, circuit.parameters[0].name) +
                          fmt::format(fmt::runtime(sweeping), "dc Va -2 2 0.5", "v(y)"));
    REQUIRE(found.size() == 9);
    for (size_t i = 0; i < found.size(); ++i) {
      const double wanted = predicted(l, {-2 + 0.5 * static_cast<double>(i), 2, 7, 0.125, -0.5});
      CHECK(std::abs(found[i] - wanted) < 1e-6 * std::max(1.0, std::abs(wanted)));
    }
  }
  for (const char* name : {"t", "T"}) {  // of a device, a temperature perhaps
    Learned l("hard mlp silu none", /*device=*/true);
    l.learned.columns[0].name = name;
    l.run.tasks[0].target = "log10(id / vds)";
    const Circuit circuit = l.circuits()[0];
    CHECK(circuit.parameters[0].name == name);
    check_names_differ(circuit);
  }
  Learned l("hard mlp silu none", /*device=*/false);
  l.learned.columns[0].name = "Weft_t";
  CHECK_THAT(message_of<ConfigError>([&] { l.circuits(); }),
             contains_text("column 'Weft_t' begins as the circuit's own names do, with weft_"));
}

TEST_CASE("export: far beyond its inputs a circuit of softplus is still right", "[export][spice]") {
  const TempFolder folder;
  if (!has_ngspice(folder)) WEFT_SKIP("no ngspice");
  const Learned l("hard mlp softplus none", /*device=*/false);
  write(folder.file("net.sp"), spice_text(l.circuits(), {}));
  const auto found = sweep(folder,
                           "* sweep\n.include net.sp\nVa a 0 0\nVb b 0 1\nVc c 0 7\nVe e 0 -0.5\n"
                           "X1 a b c e y net_depth d=0.125\n" +
                               fmt::format(fmt::runtime(sweeping), "dc Va -1e5 1e5 5e4", "v(y)"));
  REQUIRE(found.size() == 5);
  for (size_t i = 0; i < found.size(); ++i) {
    const double wanted = predicted(l, {-1e5 + 5e4 * static_cast<double>(i), 1, 7, 0.125, -0.5});
    INFO(i << ": " << found[i] << " of " << wanted);
    CHECK(std::abs(found[i] - wanted) < 1e-6 * std::abs(wanted));
  }
}

TEST_CASE("export: ngspice sweeps a learned transistor of either polarity to 1e-6 of its current",
          "[export][spice]") {
  const TempFolder folder;
  if (!has_ngspice(folder)) WEFT_SKIP("no ngspice");
  const Learned l("hard mlp silu none", /*device=*/true);
  const std::vector<Circuit> circuits = l.circuits();
  CHECK(circuits[0].terminals == std::vector<std::string>{"d", "g", "s", "b"});
  write(folder.file("net.sp"), spice_text(circuits, {}));
  for (const int polarity : {1, -1}) {
    INFO(polarity);
    const std::string deck = fmt::format(
        "* sweep\n.include net.sp\nVd d 0 0\nVg g 0 0\nVs s 0 {}\nVb b 0 {}\n"
        "X1 d g s b net_depth W_um=0.42 L_um=0.15 polarity={}\n",
        0.2 * polarity, -0.7 * polarity, polarity);
    const auto found =
        sweep(folder, deck + fmt::format(fmt::runtime(sweeping),
                                         fmt::format("dc Vd {0} {1} {0} Vg 0 {1} {2}",
                                                     0.1 * polarity, 2 * polarity, 0.5 * polarity),
                                         "i(vd)"));
    REQUIRE(found.size() == 20 * 5);
    double off = 0;
    for (size_t i = 0; i < found.size(); ++i) {
      const std::vector<double> row{0.42, 0.15, 0.5 * static_cast<double>(i / 20) - 0.2,
                                    0.1 * static_cast<double>(i % 20 + 1) - 0.2, -0.9};
      const double wanted = polarity * predicted(l, row);
      if (std::abs(row[3]) < 1e-9) continue;  // no voltage, no current
      off = std::max(off, std::abs(-found[i] / wanted - 1));
      // weft's own number is t, in decades of f32.
      const double t = std::log10(-found[i] / polarity / row[3] * row[1] / std::sqrt(row[0]));
      CHECK(std::abs(t - by_weft(l, row)) < 1e-6 * std::abs(t));
    }
    CHECK(off < 1e-6);
  }
}

TEST_CASE("export: a Verilog-A module computes the same, its analog block compiled as C",
          "[export][spice]") {
  const TempFolder folder;
  if (shell(folder, "gcc --version").first != 0) WEFT_SKIP("no gcc");
  const Learned l(GENERATE("adashare mlp silu none", "hard mlp softplus none"), /*device=*/true);
  const std::string text = verilog_a_text(l.circuits(), {"a note"});
  CHECK_THAT(text, contains_text("module net_depth(d, g, s, b);\n  inout d, g, s, b;\n"
                                 "  electrical d, g, s, b;\n  parameter real W_um = 0.25;\n"));
  // Declarations and assignments are C's but for their words.
  std::istringstream lines(text);
  std::string code, line;
  for (bool inside = false; std::getline(lines, line);) {
    if (line == "  analog begin" || line == "  end") {
      inside = line == "  analog begin";
      continue;
    }
    if (line.starts_with("  real ")) code += "  double " + line.substr(7) + "\n";
    if (!inside) continue;
    const size_t current = line.find("I(d, s) <+ ");
    code += current == std::string::npos ? line + "\n"
                                         : "  double i = " + line.substr(current + 11) + "\n";
  }
  write(folder.file("va.c"),
        "#include <math.h>\n#include <stdio.h>\n#define V(x, y) ((x) - (y))\n#define ln log\n"
        "#define min fmin\n#define max fmax\n#define abs fabs\n#define exp(x) (exp)(x)\n"
        "int main(void) {\n  double W_um, L_um, g, d, b, s = 0.25, polarity = -1, gmin = 0;\n"
        "  while (scanf(\"%lf %lf %lf %lf %lf\", &W_um, &L_um, &g, &d, &b) == 5) {\n"
        "  g = s - g; d = s - d; b = s - b;\n" +
            code + "  printf(\"%.17g\\n\", i);\n  }\n  return 0;\n}\n");
  std::vector<std::vector<double>> rows;
  std::string input;
  for (int i = 0; i < 60; ++i) {
    rows.push_back(
        {0.4 + 0.1 * (i % 3), 0.15 * (1 + i % 2), 0.07 * i - 1, 0.03 * i, -0.2 * (i % 5)});
    input += fmt::format("{}\n", fmt::join(rows.back(), " "));
  }
  write(folder.file("in.txt"), input);
  const auto [status, said] = shell(
      folder,
      fmt::format("(cd {} && gcc -O1 va.c -o va -lm && ./va <in.txt >va.txt)", folder.path()));
  INFO(said);
  REQUIRE(status == 0);
  std::ifstream file(folder.file("va.txt"));
  for (const std::vector<double>& row : rows) {
    double found = 0;
    REQUIRE(file >> found);
    CHECK(std::abs(found + predicted(l, row)) <= 1e-12 * std::abs(predicted(l, row)));
  }
}
