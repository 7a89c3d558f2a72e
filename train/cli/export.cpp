// weft export: the network that a trained run executes, as files that run elsewhere, with what it
// stores and computes beside the full network.
#include <filesystem>
#include <fstream>
#include <memory>
#include <tuple>

#include "engine/version.h"
#include "io/files.h"
#include "train/cli/comma_list.h"
#include "train/cli/command.h"
#include "train/cli/export_int8.h"
#include "train/cli/opened_run.h"
#include "train/export/c_program.h"
#include "train/export/circuit/circuit.h"
#include "train/export/circuit/spice.h"
#include "train/export/circuit/verilog_a.h"
#include "train/export/export_run.h"
#include "train/export/fold.h"
#include "train/export/int8/c_int8.h"
#include "train/export/network_file.h"
#include "train/export/onnx_model.h"
#include "train/run_folder/run_record.h"

namespace weft::cli {
namespace {

enum class Format : uint8_t { safetensors, c, onnx, spice, verilog_a };
constexpr std::array<const char*, 5> words_of(Format) {
  return {"safetensors", "c", "onnx", "spice", "verilog-a"};
}
bool is_circuit(Format format) { return format == Format::spice || format == Format::verilog_a; }

std::vector<std::string> endings_of(Format format, bool blob) {
  switch (format) {
    case Format::safetensors:
      return {".safetensors"};
    case Format::c:
      return blob ? std::vector<std::string>{".h", ".c", ".bin"}
                  : std::vector<std::string>{".h", ".c"};
    case Format::onnx:
      return {".onnx"};
    case Format::spice:
      return {".sp"};
    case Format::verilog_a:
      return {".va"};
  }
  throw Error("export: no such format");
}

/// "321x321" -> height and width.
std::pair<int64_t, int64_t> size_of_picture(const std::string& text) {
  int64_t height = 0, width = 0;
  const size_t by = text.find('x');
  const auto number = [&](const std::string& digits) {
    if (digits.empty() || digits.size() > 5 ||
        digits.find_first_not_of("0123456789") != std::string::npos)
      throw ConfigError(fmt::format("--size: '{}' is no HEIGHTxWIDTH, such as 321x321", text));
    return static_cast<int64_t>(std::stoi(digits));
  };
  height = number(text.substr(0, by));
  width = number(by == std::string::npos ? "" : text.substr(by + 1));
  if (height < 1 || width < 1) throw ConfigError("--size: a picture needs pixels");
  return {height, width};
}

/// What a file of an earlier export begins with; of weights beside a header the header says it.
const char* mark_of(const std::string& ending) {
  if (ending == ".onnx") return "\x12\x04weft";  // the producer, by tag and length
  return ending == ".safetensors" ? "\"graph\":" : "written by weft export";
}

/// UserError where a file would be written over that is none of an earlier export.
void check_free(const std::string& stem, const std::vector<std::string>& endings) {
  for (const std::string& ending : endings) {
    const std::string path = stem + ending;
    if (!is_there(path) || (ending == ".bin" && is_there(stem + ".h"))) continue;
    std::string begin(4096, '\0');
    std::ifstream(path).read(begin.data(), static_cast<std::streamsize>(begin.size()));
    if (begin.find(mark_of(ending)) == std::string::npos)
      throw UserError(path + ": is there, and no export; --out or --name say another place");
  }
}

void print_row(const std::string& what, const ExportedCost& cost) {
  fmt::print("{:<28} {:>12} {:>12} {:>12.3f}\n", what, cost.parameters, cost.bytes(),
             2e-6 * static_cast<double>(cost.macs));
}

class Export final : public Command {
 public:
  const char* name() const override { return "export"; }
  const char* help() const override {
    return "Write the network that a run executes, to run elsewhere";
  }
  void options(Options& o) override {
    o.add("folder", folder_, "Run folder").required();
    o.add("settings", int8_.settings,
          "Of --quantise: data.root=FOLDER where the data are now; data.test_index=FILE");
    o.add("--format", format_,
          "safetensors (build/weft-run runs it), c (C99), onnx (opset 17); of tables spice "
          "(subcircuits) or verilog-a (modules)")
        .one_of({"safetensors", "c", "onnx", "spice", "verilog-a"});
    o.add("--out", out_, "Where to write (default: export in the run folder)");
    o.add("--name", name_,
          "Of files, C functions and circuits (default: the run's, and the tasks')");
    o.add("--task", tasks_, "Of these tasks alone: seg,depth (default: all)");
    o.add("--size", size_, "Of a picture: 321x321 (default: as it was trained; of onnx any)");
    o.add("--normalise", normalise_,
          "Normalise inputs inside the network, or outside (default: outside; of circuits inside)")
        .one_of({"inside", "outside"});
    o.add("--quantise", quantise_, "Of c and onnx: in int8; prints what that costs on data");
    o.add("--calibrate", int8_.calibrate, "Of --quantise: training images that say its ranges")
        .within(1, 1e6)
        .given(calibrate_given_);
    o.add("--split", int8_.split,
          "Of --quantise: measured on val or test (default: val, or test where there is none)")
        .one_of({"val", "test"});
    o.add("--blob", blob_, "Of C: weights in a file of their own");
    o.add("--checkpoint", checkpoint_, "best, best-1 .., last or step-N (default: best)");
  }
  void run() override {
    const auto format = from_word<Format>("--format", format_);
    if (blob_ && format != Format::c)
      throw ConfigError("--blob: weights lie beside a C source; safetensors and onnx hold them");
    if (quantise_ && format != Format::c && format != Format::onnx)
      throw ConfigError(fmt::format(
          "--quantise: {} holds f32; int8 is for --format onnx and --format c", format_));
    if (quantise_ && blob_)
      throw ConfigError("--blob: int8 weights of --quantise lie in the C source, as arrays");
    if (!quantise_ && (!int8_.settings.empty() || !int8_.split.empty() || calibrate_given_))
      throw ConfigError("export: data are read by --quantise alone; leave out where they are");
    RunExportOptions options;
    options.tasks = comma_list(tasks_);
    if (!normalise_.empty())
      options.normalise = from_word<NormaliseInputs>("--normalise", normalise_);
    if (is_circuit(format) && normalise_ == "outside")
      throw ConfigError("--normalise outside: a circuit takes volts and parameters as they are");
    if (is_circuit(format)) options.normalise = NormaliseInputs::outside;  // circuits_of does it
    if (!size_.empty()) std::tie(options.height, options.width) = size_of_picture(size_);
    if (name_.find('/') != std::string::npos)
      throw ConfigError(fmt::format("--name: '{}' is a path; --out says where", name_));
    OpenedRun run(folder_, checkpoint_, "cpu", 0,
                  elsewhere(int8_.settings, {"data.root", "data.index", "data.test_index"}));
    const bool text = run.run.data.kind == DataKind::text;
    if (quantise_ && text)
      throw ConfigError("--quantise: networks of texts are exported in f32 alone; leave it out");
    if (text) alphabet_ = run.run.data.alphabet;
    const std::string of_tasks = tasks_.empty() ? "" : "_" + tasks_;
    const std::string name = !name_.empty() ? name_ : c_identifier(run.run.name + of_tasks);
    const std::string stem = (out_.empty() ? folder_ + "/export" : out_) + "/" + name;
    const std::vector<std::string> endings = endings_of(format, blob_);
    check_free(stem, endings);
    const RunExport made =
        export_run(run.context(), *run.model, run.run, run.policy(), run.learned, options);
    // What goes into a circuit and comes out, its own notes say.
    std::vector<std::string> notes = is_circuit(format) ? std::vector<std::string>{} : made.notes;
    notes.insert(notes.begin(), fmt::format("run {}, {}; weft {}", run.run.name,
                                            name_of(run.run.sharing), version()));
    std::optional<Int8Export> int8;
    Files f32;
    if (quantise_) {
      // What a format refuses it says now: ranges and accuracy take minutes of data.
      if (format == Format::c) check_int8_source(made.network, {name, false, notes});
      f32 = files_of(format, made.network, nullptr, name, notes);
      int8 = export_int8(run, made.network, options, int8_);
    }
    Files files = files_of(format, made.network, int8 ? &int8->network : nullptr, name, notes);
    if (is_circuit(format)) {
      const std::vector<Circuit> circuits = circuits_of(made.network, run.run, run.learned, name);
      const bool spice = format == Format::spice;
      files.texts = {
          {endings[0], spice ? spice_text(circuits, notes) : verilog_a_text(circuits, notes)}};
      for (const Circuit& circuit : circuits)
        for (const std::string& line : circuit_notes(circuit)) fmt::print("{}\n", line);
    }
    const std::string usage = format == Format::safetensors ? to_json(made.usage) : "";
    make_folder(std::filesystem::path(stem).parent_path().string());
    if (format == Format::safetensors)
      write_network(stem + ".safetensors", made.network, notes, usage);
    for (const auto& [ending, text] : files.texts) write_file(stem + ending, text);

    fmt::print("{:<28} {:>12} {:>12} {:>12}\n", "", "parameters", "bytes", "MFLOP");
    print_row("full network", made.full);
    print_row("exported", cost_of(made.network));
    for (const ExportedOutput& out : made.network.outputs)
      print_row("  " + out.task + " alone", cost_of(only_tasks(made.network, {out.task})));
    if (format == Format::c && !int8)
      fmt::print("static memory between layers: {} bytes\n", files.memory);
    if (!files.size.empty()) fmt::print("size of pictures: {}\n", files.size);
    if (int8) {
      print_accuracy(*int8);
      fmt::print("{:<28} {:>12} {:>12}\n", "bytes of files", f32.bytes(), files.bytes());
      if (format == Format::c)
        fmt::print("{:<28} {:>12} {:>12}\n", "static memory, bytes", f32.memory, files.memory);
    }
    for (const std::string& ending : endings) fmt::print("{}{}\n", stem, ending);
  }

 private:
  struct Files {
    std::vector<std::pair<std::string, std::string>> texts;  ///< by ending
    int64_t memory = 0;                                      ///< of C
    std::string size;                                        ///< of ONNX
    size_t bytes() const {
      size_t sum = 0;
      for (const auto& [ending, text] : texts) sum += text.size();
      return sum;
    }
  };

  /// C or ONNX of the network, or of its int8 one.
  Files files_of(Format format, const ExportedNetwork& network, const Int8Network* int8,
                 const std::string& name, const std::vector<std::string>& notes) const {
    Files files;
    if (format == Format::c) {
      // f32 that is made to compare with, and does not fit in arrays, is counted beside its source.
      const bool blob =
          blob_ || (quantise_ && int8 == nullptr && cost_of(network).bytes() > most_array_bytes);
      CSource c = int8 != nullptr ? c_source(*int8, {name, false, notes})
                                  : c_source(network, {name, blob, notes, alphabet_});
      files.memory = c.memory_bytes;
      files.texts = {{".h", std::move(c.header)}, {".c", std::move(c.source)}};
      if (blob) files.texts.emplace_back(".bin", std::move(c.blob));
    }
    if (format == Format::onnx) {
      const OnnxOptions options{/*any_size=*/size_.empty(), notes};
      OnnxModel model = int8 != nullptr ? onnx_model(*int8, options) : onnx_model(network, options);
      files.size = model.size;
      files.texts = {{".onnx", std::move(model.bytes)}};
    }
    return files;
  }

  std::string folder_, format_ = "safetensors", out_, name_, tasks_, size_, normalise_, checkpoint_;
  std::optional<std::string> alphabet_;  ///< of a run on texts
  bool blob_ = false, quantise_ = false, calibrate_given_ = false;
  Int8Options int8_;
};

}  // namespace

std::unique_ptr<Command> export_command() { return std::make_unique<Export>(); }

}  // namespace weft::cli
